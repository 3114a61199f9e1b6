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

/// <summary>What became of the releases of one package, or of all.</summary>
public sealed record CoverageCountsJson(
    string Package, long Seen, long Scanned, long Running, long Queued, long Failed, long Skipped, long Inconclusive,
    IReadOnlyDictionary<string, long> SkippedByReason);

/// <summary>Answer of <c>coverage</c>.</summary>
public sealed record CoverageJson(
    [property: JsonPropertyName("packages")] IReadOnlyList<CoverageCountsJson> Packages,
    [property: JsonPropertyName("total")] CoverageCountsJson Total);
