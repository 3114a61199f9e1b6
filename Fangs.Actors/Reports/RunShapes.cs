using System.Text.Json;
using System.Text.Json.Serialization;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

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
