using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Runs;

namespace Fangs.Cli.Rendering;

/// <summary>Answer of <c>version</c>.</summary>
public sealed record VersionJson([property: JsonPropertyName("version")] string Version);

/// <summary>A run in JSON output. The first sixteen names are upstream's; the rest are additions.</summary>
public sealed record RunJson(
    string ID, string PackageName, string Version, string TarballSHA256, string LockfileSHA256, string NodeVersion, string NPMVersion,
    string State, int Attempt, bool IsBaseline, string? StartedAt, string? FinishedAt, string FailureReason, long EventsEmitted,
    long EventsDropped, long DurationNS, string? RetryOf, string RunnerID, int? NPMExit, bool? Conclusive, string InconclusiveReason,
    string Verdict, string? AnalyzedAt, string BaselineBy, long OpenDeviations, long Notes)
{
    /// <summary>The JSON form of a row.</summary>
    public static RunJson Of(RunRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new RunJson(
            row.Id, row.PackageName, row.Version, row.TarballSha256, row.LockfileSha256, row.NodeVersion, row.NpmVersion, row.State,
            row.Attempt, row.IsBaseline, row.StartedAt, row.FinishedAt, row.FailureReason, row.EventsEmitted, row.EventsDropped,
            row.DurationNs, row.RetryOf, row.RunnerId, row.NpmExit, row.Conclusive, row.InconclusiveReason,
            RunVerdict.Word(row), row.AnalyzedAt, row.BaselineBy, row.OpenDeviations, row.Notes);
    }
}

/// <summary>A deviation in JSON output. The first nine names are upstream's; the rest are additions.</summary>
public sealed record DeviationJson(
    string ID, string RunID, string Category, string Value, long EvidenceEventID, string Severity, string DetectedAt, string? NotifiedAt,
    bool Suppressed, string Status, string DecidedBy, string? DecidedAt, string Note, bool Credential, string Role, string Phase, long Count,
    bool IsSummary)
{
    /// <summary>The JSON form of a row.</summary>
    public static DeviationJson Of(DeviationRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new DeviationJson(
            row.Id, row.RunId, row.Category, row.Value, row.EvidenceEventId, row.Severity, row.DetectedAt, row.NotifiedAt, row.Suppressed,
            row.Status, row.DecidedBy, row.DecidedAt, row.Note, row.Credential, row.Role, row.Phase, row.Count, row.IsSummary);
    }
}

/// <summary>A package in JSON output.</summary>
public sealed record PackageSummaryJson(
    string Name, long RunsTotal, long RunsBaseline, long DeviationsLatest, string LatestRunID, string LatestVersion);

/// <summary>Answer of <c>run show</c>.</summary>
public sealed record RunShowJson
{
    /// <summary>The run.</summary>
    [JsonPropertyName("run")]
    public required RunJson Run { get; init; }

    /// <summary>Its deviations, newest first.</summary>
    [JsonPropertyName("deviations")]
    public required IReadOnlyList<DeviationJson> Deviations { get; init; }

    /// <summary>Number of stored events.</summary>
    [JsonPropertyName("event_count")]
    public required long EventCount { get; init; }

    /// <summary>Number of stored events by type.</summary>
    [JsonPropertyName("events_by_type")]
    public required IReadOnlyDictionary<string, long> EventsByType { get; init; }

    /// <summary>State changes, oldest first.</summary>
    [JsonPropertyName("history")]
    public required IReadOnlyList<HistoryJson> History { get; init; }

    /// <summary>What the run did.</summary>
    [JsonPropertyName("summary")]
    public required SummaryJson Summary { get; init; }

    /// <summary>The last lines that the sandbox printed.</summary>
    [JsonPropertyName("output_tail")]
    public required string OutputTail { get; init; }

    /// <summary>The events, with <c>-events</c>.</summary>
    [JsonPropertyName("events"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<EventJson>? Events { get; init; }
}

/// <summary>One state change.</summary>
public sealed record HistoryJson(string At, string What, string Detail);

/// <summary>One event.</summary>
public sealed record EventJson(
    [property: JsonPropertyName("id")] long Id,
    [property: JsonPropertyName("ts_ns")] long TsNs,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("data"), JsonConverter(typeof(PayloadJsonConverter))] JsonElement Data);

/// <summary>What a run did, in short.</summary>
public sealed record SummaryJson(
    [property: JsonPropertyName("processes")] IReadOnlyList<ProcessJson> Processes,
    [property: JsonPropertyName("hosts")] IReadOnlyList<HostJson> Hosts,
    [property: JsonPropertyName("files_written")] IReadOnlyList<FileJson> FilesWritten);

/// <summary>A command line that was run.</summary>
public sealed record ProcessJson(string Command, string Role, long Count);

/// <summary>A host that was contacted or asked for.</summary>
public sealed record HostJson(string Name, IReadOnlyList<string> Addresses, IReadOnlyList<string> How, long Count);

/// <summary>A file outside the install tree that was changed.</summary>
public sealed record FileJson(string Path, string What, string Role, bool Credential, long Count);

/// <summary>Answer of <c>scan submit</c>. The result fields are there with <c>-wait</c>.</summary>
public sealed record ScanSubmitJson
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("queued")]
    public bool Queued { get; init; } = true;

    /// <summary>Id of the run.</summary>
    [JsonPropertyName("run_id")]
    public required string RunId { get; init; }

    /// <summary>Package name.</summary>
    [JsonPropertyName("package")]
    public required string Package { get; init; }

    /// <summary>Package version.</summary>
    [JsonPropertyName("version")]
    public required string Version { get; init; }

    /// <summary>The finished run, with <c>-wait</c>.</summary>
    [JsonPropertyName("run"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunJson? Run { get; init; }

    /// <summary>Events by type, with <c>-wait</c>.</summary>
    [JsonPropertyName("events_by_type"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, long>? EventsByType { get; init; }
}

/// <summary>One actor of the orchestrator.</summary>
public sealed record ActorJson(string Path, string State, int Children);

/// <summary>Answer of <c>config check</c>.</summary>
public sealed record ConfigCheckJson(
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("sound")] bool Sound,
    [property: JsonPropertyName("errors")] IReadOnlyList<ConfigErrorJson> Errors);

/// <summary>One error of a configuration file.</summary>
public sealed record ConfigErrorJson(
    [property: JsonPropertyName("line")] int Line,
    [property: JsonPropertyName("column")] int Column,
    [property: JsonPropertyName("field")] string Field,
    [property: JsonPropertyName("remedy")] string Remedy);

/// <summary>Answer of <c>config show</c>.</summary>
public sealed record ConfigShowJson(
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("read")] bool Read,
    [property: JsonPropertyName("settings")] IReadOnlyList<ConfigSettingJson> Settings);

/// <summary>One setting: its value, and whether it is from the file (with the line) or the default.</summary>
public sealed record ConfigSettingJson(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("value")] JsonNode Value,
    [property: JsonPropertyName("from")] string From,
    [property: JsonPropertyName("line"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Line);

/// <summary>Answer of <c>certs</c>: what was made, and a command line that uses it.</summary>
public sealed record CertsJson(
    [property: JsonPropertyName("made")] IReadOnlyList<CertificateJson> Made,
    [property: JsonPropertyName("use")] IReadOnlyList<string> Use);

/// <summary>A certificate that was made. Times are RFC 3339.</summary>
public sealed record CertificateJson(
    [property: JsonPropertyName("what")] string What,
    [property: JsonPropertyName("certificate")] string Certificate,
    [property: JsonPropertyName("key")] string Key,
    [property: JsonPropertyName("subject")] string Subject,
    [property: JsonPropertyName("not_before")] string NotBefore,
    [property: JsonPropertyName("not_after")] string NotAfter,
    [property: JsonPropertyName("sha256")] string Sha256);
