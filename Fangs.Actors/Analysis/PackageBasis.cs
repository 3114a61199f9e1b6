using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>Who put a run into the baseline, as stored.</summary>
public static class BaselineBy
{
    /// <summary>Nobody.</summary>
    public const string None = "";

    /// <summary>The analysis: it seeded the baseline, or showed nothing new.</summary>
    public const string Auto = "auto";

    /// <summary>A person. On a run that is not in the baseline: a person has taken it out, and analysis leaves it out.</summary>
    public const string Manual = "manual";
}

/// <summary>What is known of a run when it is judged.</summary>
public sealed record JudgedRun
{
    /// <summary>The run.</summary>
    public required RunId Id { get; init; }

    /// <summary>A value of <see cref="RunStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Whether everything that it did was seen and it ended well.</summary>
    public required bool IsConclusive { get; init; }

    /// <summary>Why not; empty otherwise.</summary>
    public string InconclusiveReason { get; init; } = "";

    /// <summary>Whether it is in the baseline.</summary>
    public bool IsInBaseline { get; init; }

    /// <summary>A value of <see cref="Analysis.BaselineBy"/>.</summary>
    public string BaselineBy { get; init; } = Analysis.BaselineBy.None;

    /// <summary>Whether the occurrence counts of the baseline include it.</summary>
    public bool IsCounted { get; init; }

    /// <summary>Whether it has been judged since its last events came.</summary>
    public bool IsAnalysed { get; init; }

    /// <summary>Batches of events that are stored. Tells whether something came in meanwhile.</summary>
    public long Batches { get; init; }

    /// <summary>What it did, hidden or not, by category and value.</summary>
    public IReadOnlyList<RunFingerprint> Fingerprints { get; init; } = [];

    /// <summary>Its deviations so far.</summary>
    public IReadOnlyList<Deviation> Deviations { get; init; } = [];

    internal bool IsOutByHand => !IsInBaseline && BaselineBy == Analysis.BaselineBy.Manual;
}

/// <summary>What the baseline knows of a value.</summary>
/// <param name="FirstSeen">Run that showed it first.</param>
/// <param name="LastSeen">Run that showed it last.</param>
/// <param name="Occurrences">Runs that have shown it.</param>
public sealed record BaselineMark(string FirstSeen, string LastSeen, long Occurrences);

/// <summary>A value that a run has brought into the baseline or shown last there.</summary>
/// <param name="Key">The value.</param>
/// <param name="Mark">What the baseline knows of it.</param>
/// <param name="EarlierOther">The first other run that is counted for it; null when there is none.</param>
/// <param name="LaterOther">The last other run that is counted for it; null when there is none.</param>
public sealed record Contribution(FingerprintKey Key, BaselineMark Mark, string? EarlierOther, string? LaterOther);

/// <summary>All that judging a run or deciding about it needs, read at one moment.</summary>
public sealed record PackageBasis
{
    /// <summary>The package; empty for a run without one.</summary>
    public required string Package { get; init; }

    /// <summary>The run.</summary>
    public required JudgedRun Run { get; init; }

    /// <summary>What the baseline knows of the values of the run and of its deviations.</summary>
    public IReadOnlyDictionary<FingerprintKey, BaselineMark> Known { get; init; } = new Dictionary<FingerprintKey, BaselineMark>();

    /// <summary>Whether the package has a baseline.</summary>
    public bool HasBaseline { get; init; }

    /// <summary>Whether the baseline has values that were stored under older rules; they have to be brought up to date before anything is compared with them.</summary>
    public bool HasOldRules { get; init; }

    /// <summary>Whether another run has a part in the baseline.</summary>
    public bool HasOthers { get; init; }

    /// <summary>The run's part in the baseline. Only read where it may have to be taken out.</summary>
    public IReadOnlyList<Contribution> Contributions { get; init; } = [];

    /// <summary>Earlier conclusive runs that wait for others to agree with, oldest first; only read while there is no baseline.</summary>
    public IReadOnlyList<JudgedRun> Candidates { get; init; } = [];

    /// <summary>The allow list as far as it is about the package.</summary>
    public IReadOnlyList<StoredAllowEntry> Allow { get; init; } = [];

    /// <summary>
    /// Whether baselines are kept for it. Not for runs without a package; their name is empty or that of the image, which has a colon:
    /// unrelated work in one image must not vouch for each other.
    /// </summary>
    public bool HasPackage => IsPackage(Package);

    /// <summary>Whether a stored name is that of a package.</summary>
    public static bool IsPackage(string name) => !string.IsNullOrEmpty(name) && !name.Contains(':', StringComparison.Ordinal);
}
