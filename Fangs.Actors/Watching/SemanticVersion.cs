namespace Fangs.Actors.Watching;

/// <summary>The order of exact versions by semver 2.0.0.</summary>
public static class SemanticVersion
{
    /// <summary>Older first. Build metadata, which has no place in semver's order, only makes it total; what is no version is compared as text.</summary>
    public static IComparer<string> Order { get; } = Comparer<string>.Create(Compare);

    private static int Compare(string left, string right)
    {
        var (leftCore, leftParts) = Split(left);
        var (rightCore, rightParts) = Split(right);
        for (var i = 0; i < Math.Min(leftCore.Length, rightCore.Length); i++)
            if (CompareNumbers(leftCore[i], rightCore[i]) is var core and not 0) return core;
        // A version is newer than each of its own prereleases.
        if (leftParts.Length == 0 && rightParts.Length > 0) return 1;
        if (leftParts.Length > 0 && rightParts.Length == 0) return -1;
        for (var i = 0; i < Math.Min(leftParts.Length, rightParts.Length); i++)
            if (CompareIdentifiers(leftParts[i], rightParts[i]) is var part and not 0) return part;
        var length = leftParts.Length.CompareTo(rightParts.Length);
        return length != 0 ? length : string.CompareOrdinal(left, right);
    }

    private static (string[] Core, string[] Prerelease) Split(string version)
    {
        var build = version.IndexOf('+', StringComparison.Ordinal);
        var bare = build < 0 ? version : version[..build];
        var dash = bare.IndexOf('-', StringComparison.Ordinal);
        return dash < 0 ? (bare.Split('.'), []) : (bare[..dash].Split('.'), bare[(dash + 1)..].Split('.'));
    }

    private static int CompareIdentifiers(string left, string right)
    {
        var (leftIsNumber, rightIsNumber) = (left.All(char.IsAsciiDigit), right.All(char.IsAsciiDigit));
        if (leftIsNumber && rightIsNumber) return CompareNumbers(left, right);
        if (leftIsNumber != rightIsNumber) return leftIsNumber ? -1 : 1;
        return string.CompareOrdinal(left, right);
    }

    // As text, because a prerelease may be a number of any length. Neither has leading zeros.
    private static int CompareNumbers(string left, string right) =>
        left.Length != right.Length ? left.Length.CompareTo(right.Length) : string.CompareOrdinal(left, right);
}
