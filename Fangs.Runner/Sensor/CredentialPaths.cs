using Fangs.Protocol;

namespace Fangs.Runner.Sensor;

/// <summary>Tells by its name whether a file holds credentials, as the kernel's rules do: of the prefixes that fit, the longest decides.</summary>
internal sealed class CredentialPaths(IReadOnlyList<WatchedPath> watched)
{
    // The longest first; of two equal ones the later, which replaced the earlier in the kernel's table too.
    private readonly WatchedPath[] _watched = [.. watched.Reverse().DistinctBy(path => path.Prefix).OrderByDescending(path => path.Prefix.Length)];

    /// <summary>Whether an absolute path without detours is that of a credential.</summary>
    internal bool Contains(string path)
    {
        foreach (var candidate in _watched)
            if (path.StartsWith(candidate.Prefix, StringComparison.Ordinal)) return candidate.CredTagged;
        return false;
    }
}
