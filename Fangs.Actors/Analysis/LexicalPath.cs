namespace Fangs.Actors.Analysis;

/// <summary>Takes out of a path what makes two names of one file look different, without asking a file system.</summary>
public static class LexicalPath
{
    /// <summary>Stands for the unknown directory that a relative path begins at.</summary>
    public const string UnknownDirectory = "<DFD>";

    /// <summary>
    /// Collapses repeated slashes, resolves <c>.</c> and <c>..</c>, and leaves out <c>/proc/…/root</c>. A relative path gets
    /// <see cref="UnknownDirectory"/> in front and keeps its <c>..</c>: nobody knows where they lead.
    /// </summary>
    public static string Resolve(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0 || IsPlain(path)) return path;
        var isAbsolute = path[0] == '/';
        var parts = new List<string>();
        foreach (var range in path.AsSpan().Split('/'))
        {
            var part = path.AsSpan()[range];
            if (part.Length == 0 || part is ".") continue;
            if (part is ".." && isAbsolute)
            {
                if (parts.Count != 0) parts.RemoveAt(parts.Count - 1);
                continue;
            }

            // In this order, because the kernel takes ".." behind such a link as the parent of the root.
            if (isAbsolute && part is "root" && IsProcess(parts)) parts.Clear();
            else parts.Add(part.ToString());
        }

        if (!isAbsolute && (parts.Count == 0 || parts[0] != UnknownDirectory)) parts.Insert(0, UnknownDirectory);
        var resolved = string.Join('/', parts);
        var isDirectory = (path[^1] == '/' || (!isAbsolute && parts.Count == 1)) && parts.Count != 0;
        return (isAbsolute ? "/" : "") + resolved + (isDirectory ? "/" : "");
    }

    // Most paths: absolute, and nothing in them begins with a dot or a second slash, nor names a root.
    private static bool IsPlain(string path) =>
        path[0] == '/'
        && !path.Contains("/.", StringComparison.Ordinal)
        && !path.Contains("//", StringComparison.Ordinal)
        && !(path.StartsWith("/proc/", StringComparison.Ordinal) && path.Contains("/root", StringComparison.Ordinal));

    // /proc/self, /proc/thread-self, /proc/<n>, each perhaps with /task/<n>.
    private static bool IsProcess(List<string> parts) =>
        parts.Count is 2 or 4
        && parts[0] == "proc"
        && (parts[1] is "self" or "thread-self" || IsNumber(parts[1]))
        && (parts.Count == 2 || (parts[2] == "task" && IsNumber(parts[3])));

    private static bool IsNumber(string part) => part.All(char.IsAsciiDigit);
}
