using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Fangs.Protocol;

/// <summary>Compares what a registry announced for a release with what npm recorded to have installed.</summary>
/// <remarks>Both are subresource integrity strings: words of the form <c>algorithm-base64</c>, separated by blanks.</remarks>
public static class PackageIntegrity
{
    /// <summary>Longest string that is looked at; npm's own have about a hundred characters.</summary>
    public const int MaxLength = 1024;

    // Strongest first. The others that the specification of subresource integrity knows are no weaker, but npm never writes them.
    private static readonly (string Name, int Bytes)[] Algorithms = [("sha512", 64), ("sha384", 48), ("sha256", 32), ("sha1", 20)];
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether a text holds nothing but digests of known algorithms, at least one.</summary>
    public static bool IsWellFormed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= MaxLength && Words(text) is { Length: > 0 } words && words.All(word => Read(word) is not null);
    }

    /// <summary>The digests of known algorithms in a text, and nothing else; null when it has none.</summary>
    public static string? Clean(string? text) =>
        Digests(text) is { Count: > 0 } digests ? string.Join(' ', digests.Select(d => $"{d.Algorithm}-{d.Digest}")) : null;

    /// <summary>Whether a text is a SHA-1 in lower-case hex.</summary>
    public static bool IsSha1(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length == 40 && !text.AsSpan().ContainsAnyExcept(LowerHex);
    }

    /// <summary>Compares.</summary>
    /// <param name="announced">Integrity string of the registry; null or empty when it has none.</param>
    /// <param name="announcedSha1">The registry's SHA-1 of the tarball in hex; null or empty when it has none.</param>
    /// <param name="installed">What npm recorded; null when it recorded nothing.</param>
    /// <returns>What differs, in words; null when they agree or nothing was announced.</returns>
    /// <remarks>
    /// The strongest algorithm that was announced decides. A record that has only weaker ones does not agree: a registry that announces SHA-512
    /// to one client and only SHA-1 to the next is not telling both the same.
    /// </remarks>
    public static string? Mismatch(string? announced, string? announcedSha1, string? installed)
    {
        var expected = Digests(announced);
        if (!string.IsNullOrEmpty(announcedSha1) && IsSha1(announcedSha1)) expected.Add(("sha1", Convert.ToBase64String(Convert.FromHexString(announcedSha1))));
        if (expected.Count == 0) return null;
        var strongest = Algorithms.First(a => expected.Any(e => e.Algorithm == a.Name)).Name;
        var wanted = expected.Where(e => e.Algorithm == strongest).Select(e => e.Digest).ToList();
        var found = Digests(installed);
        if (found.Any(f => f.Algorithm == strongest && wanted.Contains(f.Digest))) return null;
        var shown = found.Count == 0 ? "no digest" : string.Join(' ', found.Select(f => $"{f.Algorithm}-{f.Digest}"));
        return $"the registry announced {strongest}-{wanted[0]}, npm recorded {shown}";
    }

    private static List<(string Algorithm, string Digest)> Digests(string? text) => string.IsNullOrEmpty(text) || text.Length > MaxLength
        ? []
        : [.. Words(text).Select(Read).OfType<(string, string)>()];

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    // Null: not a digest of a known algorithm. Options behind a question mark do not change what is meant.
    private static (string Algorithm, string Digest)? Read(string word)
    {
        var end = word.IndexOf('?', StringComparison.Ordinal);
        var bare = end < 0 ? word : word[..end];
        foreach (var (name, bytes) in Algorithms)
        {
            if (!bare.StartsWith(name + "-", StringComparison.Ordinal)) continue;
            var digest = bare[(name.Length + 1)..];
            return Base64.IsValid(Encoding.UTF8.GetBytes(digest), out var length) && length == bytes ? (name, digest) : null;
        }

        return null;
    }
}
