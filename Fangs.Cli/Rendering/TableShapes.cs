using System.Text.Json.Serialization;

namespace Fangs.Cli.Rendering;

/// <summary>Answer of <c>package add</c>.</summary>
/// <param name="Package">The package.</param>
/// <param name="LatestVersion">Its latest version; empty when not known.</param>
/// <param name="KickoffRunId">The run that was queued; absent when none was.</param>
public sealed record PackageAddedJson(
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("latest_version")] string LatestVersion,
    [property: JsonPropertyName("kickoff_run_id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? KickoffRunId)
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("added")]
    public bool Added => true;
}

/// <summary>Answer of <c>package remove</c>.</summary>
public sealed record PackageRemovedJson([property: JsonPropertyName("package")] string Package)
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("removed")]
    public bool Removed => true;
}

/// <summary>Answer of <c>notifier add</c>.</summary>
/// <param name="Name">The target.</param>
/// <param name="Added">True when it is new, false when one of that name was changed.</param>
public sealed record NotifierAddedJson([property: JsonPropertyName("name")] string Name, [property: JsonPropertyName("added")] bool Added);

/// <summary>What <c>notifier test</c> prints.</summary>
/// <param name="Name">The target.</param>
/// <param name="Sent">Whether the receiver took the message.</param>
/// <param name="Status">How the attempt ended, as in the log of deliveries.</param>
/// <param name="HttpStatus">Status of the answer; null when there was none.</param>
/// <param name="Error">Why the receiver did not take it; empty otherwise.</param>
/// <param name="Response">Beginning of the answer.</param>
public sealed record NotifierTestJson(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("sent")] bool Sent,
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("http_status")] int? HttpStatus,
    [property: JsonPropertyName("error")] string Error,
    [property: JsonPropertyName("response")] string Response);

/// <summary>Answer of <c>notifier remove</c>.</summary>
public sealed record NotifierRemovedJson([property: JsonPropertyName("name")] string Name)
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("removed")]
    public bool Removed => true;
}
