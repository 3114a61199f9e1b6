namespace Fangs.Actors.Watching;

/// <summary>One version as the registry describes it.</summary>
/// <param name="Version">As the registry spells it; not necessarily an exact semantic version.</param>
/// <param name="Integrity">Subresource integrity of the tarball; empty for old releases.</param>
/// <param name="TarballSha1">SHA-1 of the tarball in hex (npm's <c>shasum</c>); empty when the registry has none.</param>
/// <param name="PublishedAt">When it was published; null when the document does not say.</param>
public sealed record RegistryRelease(string Version, string Integrity, string TarballSha1, DateTimeOffset? PublishedAt);

/// <summary>What the watcher reads of a package's document in the registry.</summary>
/// <param name="Latest">The version that the tag <c>latest</c> names; empty when there is none.</param>
/// <param name="Releases">All versions, in the document's order.</param>
/// <param name="HasTimes">Whether it is a full document, which has publish times; the abbreviated form has none.</param>
public sealed record PackageDocument(string Latest, IReadOnlyList<RegistryRelease> Releases, bool HasTimes)
{
    /// <summary>The same with the publish times of another document.</summary>
    public PackageDocument WithTimes(IReadOnlyDictionary<string, DateTimeOffset> times)
    {
        ArgumentNullException.ThrowIfNull(times);
        return new PackageDocument(Latest, [.. Releases.Select(r => times.TryGetValue(r.Version, out var at) ? r with { PublishedAt = at } : r)], true);
    }
}
