using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>How bad a deviation is. Two vocabularies share one ranking: <c>info</c> = <c>low</c>, <c>warn</c> = <c>medium</c>, <c>high</c>, <c>crit</c> = <c>critical</c>.</summary>
public static class Severity
{
    /// <summary>Worth knowing.</summary>
    public const string Info = "info";

    /// <summary>Worth looking at.</summary>
    public const string Warn = "warn";

    /// <summary>Credentials were touched.</summary>
    public const string Crit = "crit";

    /// <summary>Rank of words that nobody knows.</summary>
    public const int UnknownRank = 2;

    /// <summary>Rank of a word in stored data, 1 to 4; <see cref="UnknownRank"/> for an unknown word.</summary>
    public static int RankOf(string? word) => TryRank(word, out var rank) ? rank : UnknownRank;

    /// <summary>Rank of a word that a person typed; false for an unknown word, which is to be rejected.</summary>
    public static bool TryRank(string? word, out int rank)
    {
        rank = word?.ToLowerInvariant() switch
        {
            Info or "low" => 1,
            Warn or "medium" => 2,
            "high" => 3,
            Crit or "critical" => 4,
            _ => 0,
        };
        return rank != 0;
    }

    /// <summary>Severity of a deviation.</summary>
    /// <param name="category">A name of <see cref="FingerprintCategory"/>.</param>
    /// <param name="tags">All tags of the contributing events.</param>
    public static string Of(string category, EventTags tags)
    {
        if ((tags & EventTags.Credential) != 0) return Crit;
        return category is FingerprintCategory.PathRead or FingerprintCategory.PathWrite ? Info : Warn;
    }

    /// <summary>The highest of some words, as it was written; null when there are none.</summary>
    public static string? Highest(IEnumerable<string> words) => words.MaxBy(RankOf);

    /// <summary>Whether a word reaches a threshold.</summary>
    public static bool IsAtLeast(string? word, string? threshold) => RankOf(word) >= RankOf(threshold);
}
