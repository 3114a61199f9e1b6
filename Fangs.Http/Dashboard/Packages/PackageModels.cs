using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard.Packages;

/// <summary>The list of packages.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="LatestRuns">The newest run of each, by id.</param>
/// <param name="Text">Only names that contain this; empty for all.</param>
/// <param name="OnlyWatched">Only watched ones.</param>
/// <param name="Previous">The page before; null when there is none.</param>
/// <param name="Next">The next page; null when there is none.</param>
public sealed record PackagesModel(
    IReadOnlyList<TrackedPackageRow> Rows, IReadOnlyDictionary<string, RunRow> LatestRuns, string Text, bool OnlyWatched, string? Previous, string? Next);

/// <summary>One package.</summary>
/// <param name="Name">npm package name.</param>
/// <param name="Watch">How the watcher stands with it; null when it is not watched.</param>
/// <param name="Releases">Its releases, newest first.</param>
/// <param name="LatestRuns">The newest run of each, by id.</param>
/// <param name="ReleasesPrevious">Newer releases; null when there are none.</param>
/// <param name="ReleasesNext">Older releases; null when there are none.</param>
/// <param name="Runs">Its newest runs.</param>
/// <param name="BaselineCounts">Size of its baseline by category.</param>
/// <param name="Category">Only this category of the baseline; empty for all.</param>
/// <param name="Baseline">A part of its baseline.</param>
/// <param name="BaselinePrevious">The part before; null when there is none.</param>
/// <param name="BaselineNext">The next part; null when there is none.</param>
/// <param name="Allow">Entries of the allow list for it alone.</param>
/// <param name="Decisions">What operators have decided about it.</param>
public sealed record PackageModel(
    string Name, WatchStateRow? Watch, IReadOnlyList<ReleaseFateRow> Releases, IReadOnlyDictionary<string, RunRow> LatestRuns, string? ReleasesPrevious, string? ReleasesNext,
    IReadOnlyList<RunRow> Runs, IReadOnlyList<CategoryCountRow> BaselineCounts, string Category, IReadOnlyList<BaselineRow> Baseline, string? BaselinePrevious,
    string? BaselineNext, IReadOnlyList<AllowEntryRow> Allow, IReadOnlyList<AuditRow> Decisions);

/// <summary>Two runs side by side.</summary>
/// <param name="A">The first; null when none is chosen yet.</param>
/// <param name="B">The second; null when none is chosen yet.</param>
/// <param name="OnlyA">What only the first did.</param>
/// <param name="OnlyB">What only the second did.</param>
/// <param name="Common">What both did.</param>
/// <param name="Hidden">Differences that the allow list hides.</param>
/// <param name="ShowsHidden">Whether they are shown all the same.</param>
/// <param name="Toggle">The same page with or without them.</param>
/// <param name="Package">What was asked for.</param>
/// <param name="AskedA">What was asked for.</param>
/// <param name="AskedB">What was asked for.</param>
public sealed record DiffModel(
    RunRow? A, RunRow? B, IReadOnlyList<RunFingerprint> OnlyA, IReadOnlyList<RunFingerprint> OnlyB, IReadOnlyList<RunFingerprint> Common, int Hidden, bool ShowsHidden,
    string Toggle, string Package, string AskedA, string AskedB);
