namespace Fangs.Runner.Sensor;

/// <summary>Puts paths that the kernel did not resolve into their plain form, by text alone.</summary>
internal static class PathText
{
    /// <summary>
    /// Collapses repeated slashes, takes out <c>.</c> and <c>..</c>, and maps <c>/proc/{self or number}/root/…</c> to <c>/…</c>.
    /// A path that does not begin with a slash stays as it is: what it is relative to is not known.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <param name="plain">At least as long as the path.</param>
    /// <returns>The used part of <paramref name="plain"/>.</returns>
    internal static Span<byte> Normalise(ReadOnlySpan<byte> path, Span<byte> plain)
    {
        if (path.IsEmpty || path[0] != '/')
        {
            path.CopyTo(plain);
            return plain[..path.Length];
        }

        var length = 0;
        while (!path.IsEmpty)
        {
            path = path.TrimStart((byte)'/');
            var end = path.IndexOf((byte)'/');
            var component = end < 0 ? path : path[..end];
            path = path[component.Length..];
            if (component.IsEmpty || component.SequenceEqual("."u8)) continue;
            if (component.SequenceEqual(".."u8))
            {
                length = Math.Max(plain[..length].LastIndexOf((byte)'/'), 0);
                continue;
            }

            if (component.SequenceEqual("root"u8) && IsProcessDirectory(plain[..length]))
            {
                length = 0;
                continue;
            }

            plain[length++] = (byte)'/';
            component.CopyTo(plain[length..]);
            length += component.Length;
        }

        if (length == 0) plain[length++] = (byte)'/';
        return plain[..length];
    }

    private static bool IsProcessDirectory(ReadOnlySpan<byte> path)
    {
        if (!path.StartsWith("/proc/"u8)) return false;
        path = path["/proc/"u8.Length..];
        return path.SequenceEqual("self"u8) || path.SequenceEqual("thread-self"u8)
            || (!path.IsEmpty && !path.ContainsAnyExceptInRange((byte)'0', (byte)'9'));
    }
}
