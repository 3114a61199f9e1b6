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

    /// <summary>When its events were last compared with the baseline; null before.</summary>
    public string? AnalyzedAt { get; init; }

    /// <summary>Who put it into the baseline: <c>auto</c>, <c>manual</c>, or empty.</summary>
    public string BaselineBy { get; init; } = "";

    /// <summary>Its deviations that wait for a decision.</summary>
    public long OpenDeviations { get; init; }

    /// <summary>Its values that were learned, but are shown because they touch credentials.</summary>
    public long Notes { get; init; }

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

    /// <summary><c>open</c>, <c>note</c> (learned, but it touches credentials), <c>accepted</c> or <c>rejected</c>.</summary>
    public string Status { get; init; } = "open";

    /// <summary>Who decided; empty before.</summary>
    public string DecidedBy { get; init; } = "";

    /// <summary>When it was decided; null before.</summary>
    public string? DecidedAt { get; init; }

    /// <summary>Why, in the operator's words.</summary>
    public string Note { get; init; } = "";

    /// <summary>Whether credentials were touched.</summary>
    public bool Credential { get; init; }

    /// <summary>Who did it; empty when unknown.</summary>
    public string Role { get; init; } = "";

    /// <summary>Phase of the run in which it was done; empty when unknown.</summary>
    public string Phase { get; init; } = "";

    /// <summary>Contributing events.</summary>
    public long Count { get; init; } = 1;

    /// <summary>Whether it stands for further deviations of its category.</summary>
    public bool IsSummary { get; init; }
}

/// <summary>A run that waits for an operator.</summary>
public sealed record PendingRow
{
    /// <summary>The run.</summary>
    public RunRow Run { get; init; } = new();

    /// <summary>Its deviations without a decision, notes included.</summary>
    public long Findings { get; init; }

    /// <summary>Rank of the worst of them, 1 to 4; 0 when there are none.</summary>
    public int Rank { get; init; }

    /// <summary>When the first of them was found; null when there are none.</summary>
    public string? FirstDetected { get; init; }

    /// <summary>When the last of them was found; null when there are none.</summary>
    public string? LastDetected { get; init; }
}

/// <summary>One value of a package's baseline.</summary>
public sealed record BaselineRow
{
    /// <summary>npm package name.</summary>
    public string PackageName { get; init; } = "";

    /// <summary>Category of the fingerprint.</summary>
    public string Category { get; init; } = "";

    /// <summary>Value of the fingerprint.</summary>
    public string Value { get; init; } = "";

    /// <summary>The run that brought it.</summary>
    public string FirstSeenRunId { get; init; } = "";

    /// <summary>The newest run that showed it.</summary>
    public string LastSeenRunId { get; init; } = "";

    /// <summary>Runs that showed it.</summary>
    public long OccurrenceCount { get; init; }
}

/// <summary>One entry of the allow list.</summary>
public sealed record AllowEntryRow
{
    /// <summary>16 hex digits, or <c>cfg</c> and 12 for those of the configuration file.</summary>
    public string Id { get; init; } = "";

    /// <summary><c>global</c> or <c>package</c>.</summary>
    public string Scope { get; init; } = "";

    /// <summary>The package it is for; null for all.</summary>
    public string? PackageName { get; init; }

    /// <summary><c>cidr</c>, <c>path</c>, <c>sni</c> or <c>dns</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary>What is allowed.</summary>
    public string Value { get; init; } = "";

    /// <summary>Why, in the operator's words.</summary>
    public string Note { get; init; } = "";

    /// <summary>When it was made, RFC 3339.</summary>
    public string CreatedAt { get; init; } = "";

    /// <summary>When it stops to count; null for never.</summary>
    public string? ExpiresAt { get; init; }

    /// <summary>Who made it; empty when unknown.</summary>
    public string CreatedBy { get; init; } = "";
}

/// <summary>One package of the watch list.</summary>
public sealed record WatchedPackageRow
{
    /// <summary>npm package name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Since when, RFC 3339.</summary>
    public string AddedAt { get; init; } = "";

    /// <summary>Last successful look at the registry; null before.</summary>
    public string? LastCheckedAt { get; init; }

    /// <summary>Newest version that was taken up; null before.</summary>
    public string? LastSeenVersion { get; init; }
}

/// <summary>One known release of a watched package.</summary>
public sealed record ReleaseRow
{
    /// <summary>npm package name.</summary>
    public string PackageName { get; init; } = "";

    /// <summary>Its version.</summary>
    public string Version { get; init; } = "";

    /// <summary>Digest of the tarball as the registry names it.</summary>
    public string TarballSha256 { get; init; } = "";

    /// <summary>npm's integrity string; empty when unknown.</summary>
    public string NpmIntegrity { get; init; } = "";

    /// <summary>When it was published; null when the registry does not tell.</summary>
    public string? PublishedAt { get; init; }

    /// <summary>When it was noticed here, RFC 3339.</summary>
    public string DiscoveredAt { get; init; } = "";
}

/// <summary>One target of alerts.</summary>
public sealed record NotifierRow
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Where alerts are posted; often a secret.</summary>
    public string Url { get; init; } = "";

    /// <summary><c>slack</c>, <c>discord</c> or <c>generic</c>.</summary>
    public string Template { get; init; } = "";

    /// <summary>The environment variable that holds the key of signatures; null for none.</summary>
    public string? SecretEnv { get; init; }

    /// <summary>Extra headers as a JSON object; null for none.</summary>
    public string? Headers { get; init; }

    /// <summary>Least severity that is worth an alert; null for any.</summary>
    public string? MinSeverity { get; init; }

    /// <summary>Whether it is used.</summary>
    public bool Enabled { get; init; }

    /// <summary>When it was made, RFC 3339.</summary>
    public string CreatedAt { get; init; } = "";

    /// <summary>When it was last changed, RFC 3339.</summary>
    public string UpdatedAt { get; init; } = "";
}

/// <summary>One attempt to deliver an alert.</summary>
public sealed record NotificationRow
{
    /// <summary>Its id.</summary>
    public string Id { get; init; } = "";

    /// <summary>The run that it is about.</summary>
    public string RunId { get; init; } = "";

    /// <summary>Where it went.</summary>
    public string NotifierName { get; init; } = "";

    /// <summary>Attempt, from 1.</summary>
    public int Attempt { get; init; }

    /// <summary><c>queued</c>, <c>sent</c>, <c>failed</c> or <c>permanent</c>.</summary>
    public string Status { get; init; } = "";

    /// <summary>When it was tried; null before.</summary>
    public string? LastAttemptedAt { get; init; }

    /// <summary>When it is tried again; null for never.</summary>
    public string? NextAttemptAt { get; init; }

    /// <summary>Status of the answer; null without one.</summary>
    public int? ResponseCode { get; init; }

    /// <summary>Beginning of the answer; null without one.</summary>
    public string? ResponseBody { get; init; }

    /// <summary>What went wrong; null when nothing did.</summary>
    public string? ErrorMsg { get; init; }

    /// <summary>Deviations that it told of.</summary>
    public long DeviationCount { get; init; }

    /// <summary>When it was queued, RFC 3339.</summary>
    public string CreatedAt { get; init; } = "";
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

    /// <summary>Deviations of the latest run that wait for a decision.</summary>
    public long DeviationsLatest { get; init; }

    /// <summary>The run that was created last.</summary>
    public string LatestRunId { get; init; } = "";

    /// <summary>Its version.</summary>
    public string LatestVersion { get; init; } = "";
}
