using Fangs.Actors.Analysis;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;
using Fangs.Http.Dashboard.Runs;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using RunRow = Fangs.Actors.Storage.Queries.RunRow;

namespace Fangs.Http.Dashboard.Packages;

/// <summary>Pages of packages, and the comparison of their releases.</summary>
public static class PackagePages
{
    private const int ListRows = 50;
    private const int ReleaseRows = 30;
    private const int BaselineRows = 100;
    private const int RunRows = 20;
    private const int DecisionRows = 100;
    private const int MaxAllowEntries = 100_000;
    private const string JsonEnding = ".json";

    /// <summary>Adds the routes.</summary>
    public static void MapPackages(this IEndpointRouteBuilder routes, DashboardPages pages, AnalysisSettings analysis)
    {
        ArgumentNullException.ThrowIfNull(pages);
        pages.Map(routes, "/ui/packages", List);
        // Names may have slashes and may end with .json, so what is asked for is told apart by whether there is such a package.
        pages.Map(routes, "/ui/packages/{**name}", request => Show(request, request.Route("name")), json: "");
        pages.Map(routes, "/ui/diff", request => Diff(request, analysis));
    }

    private static async Task<PageAnswer> List(PageRequest request)
    {
        var (text, onlyWatched, position) = (request.Query("q"), request.Query("watched") == "yes", request.Position(ListRows));
        var model = await request.ReadAsync(database =>
        {
            var page = PackagePageQueries.Read(database, text, onlyWatched, position);
            return new PackagesModel(
                page.Items, PackagePageQueries.Runs(database, [.. page.Items.Select(row => row.LatestRunId ?? "").Where(id => id.Length > 0)]), text, onlyWatched,
                page.HasPrevious && page.Items.Count > 0 ? request.With(("before", page.Items[0].Name)) : null,
                page.HasNext && page.Items.Count > 0 ? request.With(("after", page.Items[^1].Name)) : null);
        });
        return PageAnswer.Of<PackagesPage, PackagesModel, IReadOnlyList<PackageSummaryJson>>(
            model, m => [.. m.Rows.Select(row => ToJson(row, m.LatestRuns))], DashboardJson.Wire.IReadOnlyListPackageSummaryJson) with
        { Previous = model.Previous, Next = model.Next };
    }

    private static PackageSummaryJson ToJson(TrackedPackageRow row, IReadOnlyDictionary<string, RunRow> runs)
    {
        var latest = row.LatestRunId is { } id && runs.TryGetValue(id, out var run) ? run : null;
        return new PackageSummaryJson(row.Name, row.RunsTotal, row.RunsBaseline, latest?.OpenDeviations ?? 0, row.LatestRunId ?? "", latest?.Version ?? "");
    }

    private static async Task<PageAnswer> Show(PageRequest request, string name)
    {
        var (category, releases, baseline) = (request.Query("category"), (int)request.Number("releases", 1, 1, 10_000), (int)request.Number("page", 1, 1, 10_000));
        var isJson = false;
        var model = await request.ReadAsync(database =>
        {
            if (NameOfJson(database, name) is { } bare) (name, isJson) = (bare, true);
            request.Path = Links.Package(name);
            if (!PackagePageQueries.Exists(database, name))
            {
                throw new PageException(StatusCodes.Status404NotFound, "Nothing is known of this package", $"{TerminalText.Cut(name, 214)} is neither watched nor has it been scanned. To watch it:")
                {
                    Command = $"fangs package add {TerminalText.Arguments([name])}",
                };
            }

            var fates = PackagePageQueries.Releases(database, name, releases, ReleaseRows);
            var values = PackagePageQueries.Baseline(database, name, category, baseline, BaselineRows);
            return new PackageModel(
                name, PackagePageQueries.WatchState(database, name), fates.Items,
                PackagePageQueries.Runs(database, [.. fates.Items.Select(row => row.LatestRunId ?? "").Where(id => id.Length > 0)]),
                fates.HasPrevious ? request.With(("releases", releases == 2 ? "" : $"{releases - 1}")) : null, fates.HasNext ? request.With(("releases", $"{releases + 1}")) : null,
                RunPageQueries.Read(database, new RunFilter { Package = name }, PagePosition.First(RunRows)).Items,
                PackagePageQueries.BaselineCounts(database, name), category, values.Items,
                values.HasPrevious ? request.With(("page", baseline == 2 ? "" : $"{baseline - 1}")) : null, values.HasNext ? request.With(("page", $"{baseline + 1}")) : null,
                [.. BaselineQueries.AllowList(database, name, 1_000).Where(entry => entry.PackageName is not null)], AuditQueries.OfPackage(database, name, DecisionRows));
        });
        return PageAnswer.Of<PackagePage, PackageModel, PackagePageJson>(model, PackagePageJson.Of, DashboardJson.Wire.PackagePageJson) with { IsJson = isJson };
    }

    /// <summary>Whether a path asks for the JSON form of a package: it ends so and no package is called like that.</summary>
    private static string? NameOfJson(ReadOnlyDatabase database, string name) =>
        name.EndsWith(JsonEnding, StringComparison.Ordinal) && !PackagePageQueries.Exists(database, name) ? name[..^JsonEnding.Length] : null;

    private static async Task<PageAnswer> Diff(PageRequest request, AnalysisSettings analysis)
    {
        var (package, askedA, askedB, all) = (request.Query("package"), request.Query("a"), request.Query("b"), request.Query("all") == "yes");
        var toggle = request.With(("all", all ? "" : "yes"));
        var model = await request.ReadAsync(database =>
        {
            if (askedA.Length == 0 || askedB.Length == 0) return new DiffModel(null, null, [], [], [], 0, all, toggle, package, askedA, askedB);
            var (a, b) = (Side(database, package, askedA), Side(database, package, askedB));
            var (first, second) = (FingerprintQueries.OfRun(database, a.Id), FingerprintQueries.OfRun(database, b.Id));
            var comparison = RunComparison.Of(first, second, FilterOf(database, a, all, analysis, request.Now), FilterOf(database, b, all, analysis, request.Now));
            var keys = first.Select(f => f.Key).ToHashSet();
            return new DiffModel(
                a, b, comparison.OnlyFirst, comparison.OnlySecond, [.. second.Where(f => keys.Contains(f.Key)).OrderBy(f => RunComparison.CategoryOrder(f.Key.Category)).ThenBy(f => f.Key.Value, StringComparer.Ordinal)],
                comparison.Hidden, all, toggle, package, askedA, askedB);
        });
        return PageAnswer.Of<DiffPage, DiffModel, DiffPageJson>(model, DiffPageJson.Of, DashboardJson.Wire.DiffPageJson);
    }

    private static RunRow Side(ReadOnlyDatabase database, string package, string asked)
    {
        if (package.Length == 0) return RunPages.Find(database, asked);
        return RunQueries.NewestConclusive(database, package, asked)
            ?? throw new PageException(StatusCodes.Status404NotFound, "There is nothing to compare", $"No run of {TerminalText.Cut($"{package}@{asked}", 300)} is conclusive. Scan it, or compare runs by their ids:")
            {
                Command = $"fangs scan submit -package {TerminalText.Arguments([package])} -version {TerminalText.Arguments([asked])}",
            };
    }

    private static AllowFilter FilterOf(ReadOnlyDatabase database, RunRow run, bool all, AnalysisSettings analysis, DateTimeOffset now)
    {
        if (all) return AllowFilter.None;
        var entries = BaselineQueries.AllowList(database, run.PackageName, MaxAllowEntries).Select(row => new StoredAllowEntry(
            row.Id, row.Kind, row.Value, row.PackageName, row.ExpiresAt is { } end && TimeText.TryParse(end, out var at) ? at : null));
        return AllowFilter.Create(entries, run.PackageName, now, analysis);
    }
}
