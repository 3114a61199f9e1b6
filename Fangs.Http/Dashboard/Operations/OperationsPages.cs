using Akka.Actor;
using Fangs.Actors.Hosting;
using Fangs.Actors.Reports;
using Fangs.Http.Dashboard.Overview;
using Fangs.Http.Endpoints;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Dashboard.Operations;

/// <summary>What became of the releases of watched packages.</summary>
/// <param name="Packages">A part of the packages.</param>
/// <param name="Total">All of them together.</param>
/// <param name="Text">Only names that contain this; empty for all.</param>
/// <param name="Previous">The part before; null when there is none.</param>
/// <param name="Next">The next part; null when there is none.</param>
public sealed record CoverageModel(IReadOnlyList<CoverageCountsJson> Packages, CoverageCountsJson Total, string Text, string? Previous, string? Next);

/// <summary>Pages of what runs inside the orchestrator.</summary>
public static class OperationsPages
{
    private const int ListRows = 100;

    /// <summary>Adds the routes.</summary>
    public static void MapOperations(this IEndpointRouteBuilder routes, DashboardPages pages, OverviewReader overview, Func<ActorSystem> system)
    {
        ArgumentNullException.ThrowIfNull(pages);
        ArgumentNullException.ThrowIfNull(overview);
        ArgumentNullException.ThrowIfNull(system);
        pages.Map(routes, "/ui/coverage", request => Coverage(request, overview));
        pages.Map(routes, "/ui/actors", async _ => PageAnswer.Of<ActorsPage, IReadOnlyList<ActorTreeLine>, IReadOnlyList<ActorTreeLine>>(
            await ActorTree.ReadAsync(system()), lines => lines, OperatorJson.Default.IReadOnlyListActorTreeLine), otherwise: context => ActorEndpoints.WriteAsync(context, system()));
    }

    private static async Task<PageAnswer> Coverage(PageRequest request, OverviewReader overview)
    {
        var (text, page) = (request.Query("q"), (int)request.Number("page", 1, 1, 100_000));
        var rows = await overview.CoverageAsync();
        var packages = rows.Where(row => text.Length == 0 || row.Package.Contains(text, StringComparison.OrdinalIgnoreCase)).GroupBy(row => row.Package, StringComparer.Ordinal).ToList();
        var model = new CoverageModel(
            [.. packages.Skip((page - 1) * ListRows).Take(ListRows).Select(group => CoverageCountsJson.Of(group.Key, group))], CoverageCountsJson.Of("", rows), text,
            page > 1 ? request.With(("page", page == 2 ? "" : $"{page - 1}")) : null, packages.Count > page * ListRows ? request.With(("page", $"{page + 1}")) : null);
        return PageAnswer.Of<CoveragePage, CoverageModel, CoverageJson>(model, m => new CoverageJson(m.Packages, m.Total), DashboardJson.Wire.CoverageJson) with { Previous = model.Previous, Next = model.Next };
    }
}
