namespace Fangs.Actors.Storage.Queries;

/// <summary>One row of <c>runs</c>. Times are RFC 3339 text as stored.</summary>
public sealed record RunRow
{
    /// <summary>32 lower-case hex digits.</summary>
    public string Id { get; init; } = "";

    /// <summary>npm package name.</summary>
    public string PackageName { get; init; } = "";

    /// <summary>Version under test.</summary>
    public string Version { get; init; } = "";

    /// <summary>SHA-256 of the tarball; empty when unknown.</summary>
    public string TarballSha256 { get; init; } = "";

    /// <summary>SHA-256 of the lock file; empty when unknown.</summary>
    public string LockfileSha256 { get; init; } = "";

    /// <summary>Version of node in the sandbox; empty when unknown.</summary>
    public string NodeVersion { get; init; } = "";

    /// <summary>Version of npm in the sandbox; empty when unknown.</summary>
    public string NpmVersion { get; init; } = "";

    /// <summary><c>pending</c>, <c>building</c>, <c>sandboxed</c>, <c>analyzed</c>, <c>done</c> or <c>failed</c>.</summary>
    public string State { get; init; } = "";

    /// <summary>Delivery attempt, from 1.</summary>
    public int Attempt { get; init; }

    /// <summary>Whether the run belongs to the package's baseline.</summary>
    public bool IsBaseline { get; init; }

    /// <summary>When the run was created.</summary>
    public string? StartedAt { get; init; }

    /// <summary>When it reached <c>done</c> or <c>failed</c>; null before.</summary>
    public string? FinishedAt { get; init; }

    /// <summary>Why it failed; empty unless it did.</summary>
    public string FailureReason { get; init; } = "";

    /// <summary>Events that the runner reports to have sent.</summary>
    public long EventsEmitted { get; init; }

    /// <summary>Events that the sensor lost.</summary>
    public long EventsDropped { get; init; }

    /// <summary>Duration in nanoseconds as the runner reports it.</summary>
    public long DurationNs { get; init; }

    /// <summary>The run that this one repeats; null for a first try.</summary>
    public string? RetryOf { get; init; }

    /// <summary>The runner it was handed to; empty while queued.</summary>
    public string RunnerId { get; init; } = "";

    /// <summary>npm's exit status; null when unknown.</summary>
    public int? NpmExit { get; init; }

    /// <summary>The last output of the sandbox.</summary>
    public string OutputTail { get; init; } = "";

    /// <summary>Whether the evidence is complete; null before it is judged.</summary>
    public bool? Conclusive { get; init; }

    /// <summary>Why the evidence is not complete; empty otherwise.</summary>
    public string InconclusiveReason { get; init; } = "";

    /// <summary>True for the two states that a run never leaves.</summary>
    public bool IsFinished => State is "done" or "failed";
}

/// <summary>One stored event.</summary>
public sealed record EventRow
{
    /// <summary>Evidence handle.</summary>
    public long Id { get; init; }

    /// <summary>Arrival, Unix nanoseconds.</summary>
    public long TsNs { get; init; }

    /// <summary>Stored type name, see <see cref="Fangs.Protocol.EventType"/>.</summary>
    public string Type { get; init; } = "";

    /// <summary>The payload as JSON text.</summary>
    public string Data { get; init; } = "";
}

/// <summary>How many events of one type a run has.</summary>
public sealed record EventCountRow
{
    /// <summary>Stored type name.</summary>
    public string Type { get; init; } = "";

    /// <summary>Number of events.</summary>
    public long Count { get; init; }
}

/// <summary>One state change of a run.</summary>
public sealed record HistoryRow
{
    /// <summary>When, RFC 3339.</summary>
    public string At { get; init; } = "";

    /// <summary>What happened, in a word or two.</summary>
    public string What { get; init; } = "";

    /// <summary>The reason or particulars; may be empty.</summary>
    public string Detail { get; init; } = "";
}

/// <summary>One row of <c>deviations</c>.</summary>
public sealed record DeviationRow
{
    /// <summary>32 hex digits.</summary>
    public string Id { get; init; } = "";

    /// <summary>The run in which it was found.</summary>
    public string RunId { get; init; } = "";

    /// <summary>Category of the fingerprint.</summary>
    public string Category { get; init; } = "";

    /// <summary>Value of the fingerprint.</summary>
    public string Value { get; init; } = "";

    /// <summary>The event that shows it.</summary>
    public long EvidenceEventId { get; init; }

    /// <summary><c>info</c>, <c>warn</c> or <c>crit</c>.</summary>
    public string Severity { get; init; } = "";

    /// <summary>When, RFC 3339.</summary>
    public string DetectedAt { get; init; } = "";

    /// <summary>First successful delivery; null before.</summary>
    public string? NotifiedAt { get; init; }

    /// <summary>Whether it is hidden.</summary>
    public bool Suppressed { get; init; }
}

/// <summary>What is known of one package that has runs.</summary>
public sealed record PackageRow
{
    /// <summary>npm package name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Number of runs.</summary>
    public long RunsTotal { get; init; }

    /// <summary>Number of runs in the baseline.</summary>
    public long RunsBaseline { get; init; }

    /// <summary>Number of deviations of the latest run.</summary>
    public long DeviationsLatest { get; init; }

    /// <summary>The run that was created last.</summary>
    public string LatestRunId { get; init; } = "";

    /// <summary>Its version.</summary>
    public string LatestVersion { get; init; } = "";
}
