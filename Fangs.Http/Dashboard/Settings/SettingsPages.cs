using Fangs.Actors.Analysis;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Dashboard.Settings;

/// <summary>The allow list.</summary>
/// <param name="Rows">A part of it.</param>
/// <param name="Package">Global entries and those of this package; empty for all.</param>
/// <param name="Kind">Only of this kind; empty for all.</param>
/// <param name="Previous">The part before; null when there is none.</param>
/// <param name="Next">The next part; null when there is none.</param>
public sealed record AllowListModel(IReadOnlyList<AllowEntryRow> Rows, string Package, string Kind, string? Previous, string? Next);

/// <summary>The settings that count.</summary>
/// <param name="Source">The configuration file that was looked for; null when there was none to look for.</param>
/// <param name="Settings">They.</param>
public sealed record ConfigModel(ConfigurationSource? Source, IReadOnlyList<ShownSetting> Settings);

/// <summary>What the analysis goes by.</summary>
/// <param name="Settings">How runs are judged.</param>
public sealed record RulesModel(AnalysisSettings Settings);

/// <summary>Pages of what operators have set.</summary>
public static class SettingsPages
{
    private const int ListRows = 100;
    private const int MaxEntries = 100_000;

    /// <summary>Adds the routes.</summary>
    public static void MapSettings(this IEndpointRouteBuilder routes, DashboardPages pages, AnalysisSettings analysis, ConfigurationSource? source, IReadOnlyList<ShownSetting> settings)
    {
        ArgumentNullException.ThrowIfNull(pages);
        pages.Map(routes, "/ui/allowlist", AllowList);
        pages.Map(routes, "/ui/notifiers", Notifiers);
        pages.Map(routes, "/ui/rules", _ => Task.FromResult(PageAnswer.Of<RulesPage, RulesModel, RulesJson>(new RulesModel(analysis), RulesJson.Of, DashboardJson.Wire.RulesJson)));
        pages.Map(routes, "/ui/config", _ => Task.FromResult(PageAnswer.Of<ConfigPage, ConfigModel, IReadOnlyList<ShownSetting>>(
            new ConfigModel(source, settings), m => m.Settings, DashboardJson.Wire.IReadOnlyListShownSetting)));
    }

    private static async Task<PageAnswer> AllowList(PageRequest request)
    {
        var (package, kind, page) = (request.Query("package"), AllowKind.All.Contains(request.Query("kind")) ? request.Query("kind") : "", (int)request.Number("page", 1, 1, 10_000));
        var entries = await request.ReadAsync(database => BaselineQueries.AllowList(database, package, MaxEntries).Where(entry => kind.Length == 0 || entry.Kind == kind).ToList());
        var model = new AllowListModel(
            [.. entries.Skip((page - 1) * ListRows).Take(ListRows)], package, kind, page > 1 ? request.With(("page", page == 2 ? "" : $"{page - 1}")) : null,
            entries.Count > page * ListRows ? request.With(("page", $"{page + 1}")) : null);
        return PageAnswer.Of<AllowListPage, AllowListModel, IReadOnlyList<AllowEntryJson>>(model, m => [.. m.Rows.Select(AllowEntryJson.Of)], DashboardJson.Wire.IReadOnlyListAllowEntryJson)
            with
        { Previous = model.Previous, Next = model.Next };
    }

    private static async Task<PageAnswer> Notifiers(PageRequest request)
    {
        // What gives whoever reads it the power to post does not get as far as the page.
        var targets = await request.ReadAsync(database => NotifierQueries.All(database).Select(NotifierSecrets.Masked).ToList());
        return PageAnswer.Of<NotifiersPage, IReadOnlyList<NotifierRow>, IReadOnlyList<NotifierJson>>(targets, m => [.. m.Select(NotifierJson.Of)], DashboardJson.Wire.IReadOnlyListNotifierJson);
    }
}
