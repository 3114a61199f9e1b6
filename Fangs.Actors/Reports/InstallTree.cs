namespace Fangs.Actors.Reports;

/// <summary>Tells the files that an installation is expected to write from all others.</summary>
public static class InstallTree
{
    private static readonly string[] WorkDirectories = ["/work", "/scan", "/tmp/test"];
    private static readonly string[] NpmOwn = ["/.npm/_cacache", "/.npm/_logs", "/.npm/_update-notifier-last-checked"];

    /// <summary>Whether a path lies in the install tree, in npm's own cache or logs, or is a device that swallows what is written.</summary>
    /// <param name="path">As the kernel reported it. Relative paths and paths with <c>..</c> never count as inside.</param>
    public static bool Contains(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0 || path[0] != '/' || path.Split('/').Contains("..")) return false;
        return path is "/dev/null" or "/dev/tty"
            || WorkDirectories.Any(directory => IsAtOrBelow(path, directory))
            || NpmOwn.Any(own => path.Contains(own + "/", StringComparison.Ordinal) || path.EndsWith(own, StringComparison.Ordinal));
    }

    private static bool IsAtOrBelow(string path, string directory) =>
        path.StartsWith(directory, StringComparison.Ordinal) && (path.Length == directory.Length || path[directory.Length] == '/');
}
