using Fangs.Actors.Analysis;

namespace Fangs.Cli.Arguments;

/// <summary>Severities as people type them: both vocabularies, in any case.</summary>
public static class SeverityFlag
{
    private static readonly string[][] Groups = [["info", "low"], ["warn", "medium"], ["high"], ["crit", "critical"]];

    /// <summary>Every word that is understood.</summary>
    public static IReadOnlyList<string> Words { get; } = [.. Groups.SelectMany(group => group)];

    /// <summary>The words that mean the same as a word; none for an empty text.</summary>
    /// <exception cref="UsageException">The word is unknown.</exception>
    public static IReadOnlyList<string> SameAs(string flag, string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        return word.Length == 0 ? [] : Groups[RankOf(flag, word) - 1];
    }

    /// <summary>The rank of a word, 1 to 4; 0 for an empty text.</summary>
    /// <exception cref="UsageException">The word is unknown.</exception>
    public static int RankOf(string flag, string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        if (word.Length == 0) return 0;
        return Severity.TryRank(word, out var rank) ? rank : throw new UsageException($"-{flag} {word}: expected one of {string.Join(", ", Words)}");
    }

    /// <summary>The common word for a rank from 1 to 4; empty for 0.</summary>
    public static string WordOf(int rank) => rank is >= 1 and <= 4 ? Groups[rank - 1][0] : "";
}
