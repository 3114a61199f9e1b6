using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>A value that comes into the baseline, or is shown there again.</summary>
/// <param name="Key">The value.</param>
/// <param name="FirstSeen">Run that showed it first; counts only when the value is new.</param>
/// <param name="LastSeen">Run that showed it last.</param>
/// <param name="Occurrences">Runs to add to its count.</param>
public sealed record Learned(FingerprintKey Key, RunId FirstSeen, RunId LastSeen, int Occurrences);

/// <summary>A value of the baseline that a run has no part in any more.</summary>
/// <param name="Key">The value.</param>
/// <param name="FirstSeen">Run that showed it first, the one taken out left aside.</param>
/// <param name="LastSeen">Run that showed it last, the one taken out left aside.</param>
public sealed record Released(FingerprintKey Key, string FirstSeen, string LastSeen);

/// <summary>How one run stands afterwards.</summary>
/// <param name="Before">The run as it was.</param>
/// <param name="IsInBaseline">Whether it is in the baseline.</param>
/// <param name="BaselineBy">A value of <see cref="Analysis.BaselineBy"/>.</param>
/// <param name="IsCounted">Whether the occurrence counts include it.</param>
public sealed record RunChange(JudgedRun Before, bool IsInBaseline, string BaselineBy, bool IsCounted)
{
    /// <summary>New deviations.</summary>
    public IReadOnlyList<Deviation> Added { get; init; } = [];

    /// <summary>Deviations whose row stays, with its id and time, and says something else now.</summary>
    public IReadOnlyList<Deviation> Updated { get; init; } = [];

    /// <summary>Ids of deviations that are none any more.</summary>
    public IReadOnlyList<string> Removed { get; init; } = [];

    /// <summary>Deviations that wait for a decision.</summary>
    public int Open { get; init; }

    /// <summary>What the run's history says about it; empty for nothing.</summary>
    public string Event { get; init; } = "";

    /// <summary>The same in words.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Whether anything but the time of the analysis changes.</summary>
    public bool IsNews =>
        IsInBaseline != Before.IsInBaseline || BaselineBy != Before.BaselineBy || IsCounted != Before.IsCounted
        || Added.Count + Updated.Count + Removed.Count > 0;

    /// <summary>How the run stands when nothing changes.</summary>
    public static RunChange None(JudgedRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return new RunChange(run, run.IsInBaseline, run.BaselineBy, run.IsCounted)
        {
            Open = run.Deviations.Count(d => d.Status == DeviationStatus.Open),
        };
    }
}

/// <summary>What an analysis or a decision changes. Stored in one transaction, or not at all.</summary>
public sealed record PackageChange
{
    /// <summary>What it was computed from; when that has changed meanwhile, nothing is stored.</summary>
    public required PackageBasis Basis { get; init; }

    /// <summary>The runs that it is about; the first is that of the basis.</summary>
    public required IReadOnlyList<RunChange> Runs { get; init; }

    /// <summary>Values to add to the baseline or to count there.</summary>
    public IReadOnlyList<Learned> Learned { get; init; } = [];

    /// <summary>Values that leave the baseline.</summary>
    public IReadOnlyList<FingerprintKey> Forgotten { get; init; } = [];

    /// <summary>Values that stay, with one run less.</summary>
    public IReadOnlyList<Released> Released { get; init; } = [];

    /// <summary>True for an analysis: its runs are judged then.</summary>
    public bool IsAnalysis { get; init; }

    /// <summary>The decision to be kept in the audit log; null for an analysis.</summary>
    public AuditEntry? Audit { get; init; }

    /// <summary>The run of the basis.</summary>
    public RunChange Run => Runs[0];

    /// <summary>Whether the baseline or a run changes.</summary>
    public bool IsNews => Learned.Count + Forgotten.Count + Released.Count > 0 || Runs.Any(run => run.IsNews);
}

/// <summary>A line of the audit log.</summary>
/// <param name="Actor">Who.</param>
/// <param name="Action">What was done.</param>
/// <param name="Subject">Id of what it was done to.</param>
/// <param name="Detail">A JSON object.</param>
public sealed record AuditEntry(string Actor, string Action, string Subject, string Detail);
