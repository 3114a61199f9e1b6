using System.Text.Json.Serialization;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

/// <summary>What became of the releases of one package, or of all.</summary>
public sealed record CoverageCountsJson(
    string Package, long Seen, long Scanned, long Running, long Queued, long Failed, long Skipped, long Inconclusive,
    IReadOnlyDictionary<string, long> SkippedByReason)
{
    /// <summary>Adds up the rows of a package, or of all.</summary>
    public static CoverageCountsJson Of(string package, IEnumerable<CoverageRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var list = rows.ToList();
        return new CoverageCountsJson(
            package, list.Sum(row => row.Count), With("scanned"), With("running"), With("queued"), With("failed"), With("skipped"), list.Sum(row => row.Inconclusive),
            list.Where(row => row.Fate == "skipped").GroupBy(row => row.Reason, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal)
                .ToDictionary(group => group.Key, group => group.Sum(row => row.Count)));

        long With(string fate) => list.Where(row => row.Fate == fate).Sum(row => row.Count);
    }
}

/// <summary>Answer of <c>coverage</c>.</summary>
public sealed record CoverageJson(
    [property: JsonPropertyName("packages")] IReadOnlyList<CoverageCountsJson> Packages,
    [property: JsonPropertyName("total")] CoverageCountsJson Total);
