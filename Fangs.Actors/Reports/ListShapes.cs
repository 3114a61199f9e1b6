using System.Text.Json;
using System.Text.Json.Serialization;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

/// <summary>A run that waits for an operator, in JSON output. The first five names are upstream's.</summary>
/// <param name="Run">The run.</param>
/// <param name="DevCount">Its deviations without a decision.</param>
/// <param name="MaxSeverity">The worst of them; empty when there are none.</param>
/// <param name="FirstDetected">When the first of them was found.</param>
/// <param name="LastDetected">When the last of them was found.</param>
/// <param name="Reason"><c>deviating</c>, <c>inconclusive</c> or <c>note</c>.</param>
public sealed record PendingJson(RunJson Run, long DevCount, string MaxSeverity, string? FirstDetected, string? LastDetected, string Reason);

/// <summary>One value of a baseline in JSON output.</summary>
public sealed record BaselineJson(
    string PackageName, string Category, string Value, string FirstSeenRunID, string LastSeenRunID, long OccurrenceCount)
{
    /// <summary>The JSON form of a row.</summary>
    public static BaselineJson Of(BaselineRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new BaselineJson(row.PackageName, row.Category, row.Value, row.FirstSeenRunId, row.LastSeenRunId, row.OccurrenceCount);
    }
}

/// <summary>A watched package in JSON output.</summary>
public sealed record WatchedPackageJson(string Name, string AddedAt, string? LastCheckedAt, string LastSeenVersion)
{
    /// <summary>The JSON form of a row.</summary>
    public static WatchedPackageJson Of(WatchedPackageRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new WatchedPackageJson(row.Name, row.AddedAt, row.LastCheckedAt, row.LastSeenVersion ?? "");
    }
}

/// <summary>A release in JSON output.</summary>
public sealed record ReleaseJson(
    string PackageName, string Version, string TarballSHA256, string NPMIntegrity, string? PublishedAt, string DiscoveredAt)
{
    /// <summary>The JSON form of a row.</summary>
    public static ReleaseJson Of(ReleaseRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new ReleaseJson(row.PackageName, row.Version, row.TarballSha256, row.NpmIntegrity, row.PublishedAt, row.DiscoveredAt);
    }
}

/// <summary>An entry of the allow list in JSON output. The first seven names are upstream's.</summary>
public sealed record AllowEntryJson(
    string ID, string Scope, string PackageName, string Kind, string Value, string Note, string CreatedAt, string? ExpiresAt, string CreatedBy)
{
    /// <summary>The JSON form of a row.</summary>
    public static AllowEntryJson Of(AllowEntryRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new AllowEntryJson(
            row.Id, row.Scope, row.PackageName ?? "", row.Kind, row.Value, row.Note, row.CreatedAt, row.ExpiresAt, row.CreatedBy);
    }
}

/// <summary>A target of alerts in JSON output; headers are JSON text.</summary>
public sealed record NotifierJson(
    string Name, string URL, string Template, string SecretEnv, string Headers, string MinSeverity, bool Enabled, string CreatedAt, string UpdatedAt)
{
    /// <summary>The JSON form of a row.</summary>
    public static NotifierJson Of(NotifierRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new NotifierJson(
            row.Name, row.Url, row.Template, row.SecretEnv ?? "", row.Headers ?? "", row.MinSeverity ?? "", row.Enabled, row.CreatedAt, row.UpdatedAt);
    }
}

/// <summary>An attempt to deliver an alert in JSON output.</summary>
public sealed record NotificationJson(
    string ID, string RunID, string NotifierName, int Attempt, string Status, string? LastAttemptedAt, string? NextAttemptAt, int ResponseCode,
    string ResponseBody, string ErrorMsg, long DeviationCount, string CreatedAt)
{
    /// <summary>The JSON form of a row.</summary>
    public static NotificationJson Of(NotificationRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new NotificationJson(
            row.Id, row.RunId, row.NotifierName, row.Attempt, row.Status, row.LastAttemptedAt, row.NextAttemptAt, row.ResponseCode ?? 0,
            row.ResponseBody ?? "", row.ErrorMsg ?? "", row.DeviationCount, row.CreatedAt);
    }
}

/// <summary>Answer of <c>deviation show</c>.</summary>
public sealed record DeviationShowJson
{
    /// <summary>The deviation.</summary>
    [JsonPropertyName("deviation")]
    public required DeviationJson Deviation { get; init; }

    /// <summary>The event that shows it; absent when it is not stored any more.</summary>
    [JsonPropertyName("evidence_event"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EvidenceJson? EvidenceEvent { get; init; }
}

/// <summary>An event as evidence.</summary>
public sealed record EvidenceJson(
    [property: JsonPropertyName("id")] long Id,
    [property: JsonPropertyName("ts_ns")] long TsNs,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("data"), JsonConverter(typeof(PayloadJsonConverter))] JsonElement Data)
{
    /// <summary>The JSON form of a row.</summary>
    public static EvidenceJson Of(EventRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new EvidenceJson(row.Id, row.TsNs, row.Type, EventPayload.Parse(row.Data).Root);
    }
}
