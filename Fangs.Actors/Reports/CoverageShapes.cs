using System.Text.Json.Serialization;

namespace Fangs.Actors.Reports;

/// <summary>What became of the releases of one package, or of all.</summary>
public sealed record CoverageCountsJson(
    string Package, long Seen, long Scanned, long Running, long Queued, long Failed, long Skipped, long Inconclusive,
    IReadOnlyDictionary<string, long> SkippedByReason);

/// <summary>Answer of <c>coverage</c>.</summary>
public sealed record CoverageJson(
    [property: JsonPropertyName("packages")] IReadOnlyList<CoverageCountsJson> Packages,
    [property: JsonPropertyName("total")] CoverageCountsJson Total);
