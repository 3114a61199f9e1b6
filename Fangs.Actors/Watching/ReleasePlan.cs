using Fangs.Protocol;

namespace Fangs.Actors.Watching;

/// <summary>What the first poll of a package goes by. Later polls need nothing of it: what is not known is new.</summary>
/// <param name="Since">Versions published later are new, the others were there before the watch.</param>
/// <param name="LastSeen">The version up to which somebody else has looked after the package; empty for none.</param>
public sealed record FirstPoll(DateTimeOffset Since, string LastSeen);

/// <summary>A version that was not known before.</summary>
/// <param name="Release">The version.</param>
/// <param name="SkipReason">Why it is not scanned; empty when it is.</param>
public sealed record FoundRelease(RegistryRelease Release, string SkipReason);

/// <summary>Which releases are new, and which are scanned next. Pure.</summary>
public static class ReleasePlan
{
    /// <summary>Skip reason: the version is older than the watch.</summary>
    public const string BeforeTheWatch = "published before the package was watched";

    /// <summary>Skip reason: found by the first poll, and the registry does not tell when it was published.</summary>
    public const string UnknownTime = "publish time unknown, found by the first poll";

    /// <summary>Skip reason: the package was added with its latest version marked as seen.</summary>
    public const string MarkedAsSeen = "marked as seen when the package was added";

    /// <summary>Skip reason: npm would not install it by this version.</summary>
    public const string NotAVersion = "not an exact semantic version";

    /// <summary>Decides on every version of a document that is not known. Tags play no part in it, but for the first poll's <c>latest</c>.</summary>
    /// <param name="document">The registry's document.</param>
    /// <param name="known">Versions that were recorded before.</param>
    /// <param name="first">For the first poll of a package; null for later ones.</param>
    public static IReadOnlyList<FoundRelease> Discover(PackageDocument document, IReadOnlySet<string> known, FirstPoll? first)
    {
        ArgumentNullException.ThrowIfNull(document);
        ArgumentNullException.ThrowIfNull(known);
        return [.. document.Releases.Where(r => !known.Contains(r.Version)).Select(r => new FoundRelease(r, ReasonToSkip(r, document.Latest, first)))];
    }

    /// <summary>The releases to queue now, oldest first: by publish time, then by version. An unknown time counts as the oldest.</summary>
    /// <param name="waiting">What was recorded and is not queued.</param>
    /// <param name="release">The release of one of them.</param>
    /// <param name="limit">At most this many.</param>
    public static IReadOnlyList<T> Next<T>(IEnumerable<T> waiting, Func<T, RegistryRelease> release, int limit) =>
    [
        .. waiting
            .OrderBy(w => release(w).PublishedAt ?? DateTimeOffset.MinValue)
            .ThenBy(w => release(w).Version, SemanticVersion.Order)
            .Take(Math.Max(0, limit)),
    ];

    private static string ReasonToSkip(RegistryRelease release, string latest, FirstPoll? first)
    {
        if (!ScanRules.IsExactVersion(release.Version)) return NotAVersion;
        if (first is null) return "";
        if (release.Version == latest) return release.Version == first.LastSeen ? MarkedAsSeen : "";
        return release.PublishedAt is not { } at ? UnknownTime : at > first.Since ? "" : BeforeTheWatch;
    }
}
