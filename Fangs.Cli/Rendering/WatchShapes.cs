using System.Text.Json.Serialization;
using Fangs.Protocol;

namespace Fangs.Cli.Rendering;

/// <summary>Answer of <c>package check</c>.</summary>
public sealed record PackageCheckJson(
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("changed")] bool Changed,
    [property: JsonPropertyName("latest_version")] string Latest,
    [property: JsonPropertyName("found")] int Found,
    [property: JsonPropertyName("skipped")] int Skipped,
    [property: JsonPropertyName("queued")] IReadOnlyList<QueuedRelease> Queued,
    [property: JsonPropertyName("waiting")] int Waiting,
    [property: JsonPropertyName("next_check")] string NextCheck);
