using Fangs.Actors.Analysis;

namespace Fangs.Actors.Reports;

/// <summary>What one run did and another did not. Pure.</summary>
/// <param name="OnlyFirst">What only the first did, by category and value.</param>
/// <param name="OnlySecond">What only the second did, by category and value.</param>
/// <param name="Common">Number of values that both show.</param>
/// <param name="Hidden">Differences that are left out because the allow list declares them to be noise.</param>
public sealed record RunComparison(
    IReadOnlyList<RunFingerprint> OnlyFirst, IReadOnlyList<RunFingerprint> OnlySecond, int Common, int Hidden)
{
    /// <summary>Compares two runs.</summary>
    /// <param name="first">What the first did, one per key.</param>
    /// <param name="second">What the second did, one per key.</param>
    /// <param name="firstFilter">What counts as noise in the first.</param>
    /// <param name="secondFilter">What counts as noise in the second.</param>
    public static RunComparison Of(
        IReadOnlyList<RunFingerprint> first, IReadOnlyList<RunFingerprint> second, AllowFilter firstFilter, AllowFilter secondFilter)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var (firstKeys, secondKeys) = (Keys(first), Keys(second));
        // Compared before noise is taken out: a value that counts as noise in one of them only was still shown by both.
        var onlyFirst = Without(first, secondKeys, firstFilter, out var hiddenFirst);
        var onlySecond = Without(second, firstKeys, secondFilter, out var hiddenSecond);
        return new RunComparison(onlyFirst, onlySecond, firstKeys.Count(secondKeys.Contains), hiddenFirst + hiddenSecond);
    }

    private static HashSet<FingerprintKey> Keys(IReadOnlyList<RunFingerprint> fingerprints) => [.. fingerprints.Select(f => f.Key)];

    private static List<RunFingerprint> Without(
        IReadOnlyList<RunFingerprint> own, HashSet<FingerprintKey> others, AllowFilter filter, out int hidden)
    {
        var showsHost = own.Any(f => f.Key.Category is FingerprintCategory.Dns or FingerprintCategory.HttpsHost);
        var novel = own.Where(f => !others.Contains(f.Key)).ToList();
        var shown = novel.Where(f => !filter.Hides(f, showsHost)).ToList();
        hidden = novel.Count - shown.Count;
        return [.. shown.OrderBy(f => CategoryOrder(f.Key.Category)).ThenBy(f => f.Key.Value, StringComparer.Ordinal)];
    }

    /// <summary>Place of a category in the order in which categories are shown.</summary>
    public static int CategoryOrder(string category)
    {
        for (var i = 0; i < FingerprintCategory.All.Count; i++)
        {
            if (FingerprintCategory.All[i] == category) return i;
        }

        return int.MaxValue;
    }
}
