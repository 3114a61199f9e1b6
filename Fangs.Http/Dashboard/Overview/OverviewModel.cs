using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard.Overview;

/// <summary>Figures of the first page.</summary>
/// <param name="Figures">Totals.</param>
/// <param name="Open">Deviations that wait for a decision, by severity.</param>
/// <param name="Coverage">What became of the releases of watched packages.</param>
public sealed record OverviewCards(OverviewRow Figures, IReadOnlyList<SeverityCountRow> Open, CoverageCountsJson Coverage);

/// <summary>One runner.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status"><c>idle</c>, <c>running</c>, <c>draining</c> or <c>stale</c>.</param>
/// <param name="ActiveRuns">What it works on.</param>
/// <param name="Slots">How many jobs it takes at once.</param>
/// <param name="Hostname">Its host.</param>
/// <param name="Kernel">Kernel release.</param>
/// <param name="RegisteredAt">When it registered, RFC 3339.</param>
/// <param name="LastSeenAt">When it was heard last, RFC 3339.</param>
public sealed record RunnerLine(
    string Id, string Status, IReadOnlyList<string> ActiveRuns, int Slots, string Hostname, string Kernel, string RegisteredAt, string LastSeenAt);

/// <summary>The runners and what waits for them.</summary>
/// <param name="Runners">Registered runners by id; null when they could not be asked.</param>
/// <param name="Queued">Jobs that wait; null when that is not known.</param>
/// <param name="OldestSeconds">How long the oldest of them has waited.</param>
public sealed record RunnerPool(IReadOnlyList<RunnerLine>? Runners, int? Queued, long OldestSeconds);

/// <summary>The first page.</summary>
public sealed record OverviewModel(
    OverviewCards Cards, RunnerPool Pool, Activity Activity, IReadOnlyList<RunRow> Runs, IReadOnlyList<FoundDeviationRow> Deviations);
