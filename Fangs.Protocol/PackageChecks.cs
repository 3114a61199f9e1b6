using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>Answer of <c>POST /v1/operator/packages/{name}/check</c>, an addition of ours: what a poll of the registry found just now.</summary>
public sealed record PackageCheckResponse
{
    /// <summary>The package.</summary>
    [JsonPropertyName("package")]
    public string Package { get; init; } = "";

    /// <summary>False when the registry says that nothing has changed since the last poll.</summary>
    [JsonPropertyName("changed")]
    public bool Changed { get; init; }

    /// <summary>The version that the registry calls latest; empty when unknown.</summary>
    [JsonPropertyName("latest")]
    public string Latest { get; init; } = "";

    /// <summary>Versions of the registry that were not known before this poll, whether they are scanned or skipped.</summary>
    [JsonPropertyName("found")]
    public int Found { get; init; }

    /// <summary>How many of these are not scanned, because they are older than the watch.</summary>
    [JsonPropertyName("skipped")]
    public int Skipped { get; init; }

    /// <summary>Releases whose scan was queued by this poll, oldest first.</summary>
    [JsonPropertyName("queued")]
    public IReadOnlyList<QueuedRelease> Queued { get; init; } = [];

    /// <summary>Releases that wait for the next polls, because a poll queues a limited number.</summary>
    [JsonPropertyName("waiting")]
    public int Waiting { get; init; }

    /// <summary>When the package is polled next.</summary>
    [JsonPropertyName("next_check")]
    public DateTimeOffset NextCheck { get; init; }
}

/// <summary>A release whose scan was queued.</summary>
/// <param name="Version">The version.</param>
/// <param name="RunId">Hex id of its run.</param>
public sealed record QueuedRelease([property: JsonPropertyName("version")] string Version, [property: JsonPropertyName("run_id")] string RunId);
