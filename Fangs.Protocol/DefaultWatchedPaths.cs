namespace Fangs.Protocol;

/// <summary>The path prefixes to watch when neither the job nor the configuration names any.</summary>
public static class DefaultWatchedPaths
{
    /// <summary>The list of the wire protocol; the longest matching prefix decides.</summary>
    public static IReadOnlyList<WatchedPath> All { get; } =
    [
        .. Plain("/etc/", "/root/", "/tmp/", "/usr/", "/dev/"),
        .. Credential("/etc/shadow", "/etc/passwd", "/root/.ssh/", "/root/.aws/", "/root/.npmrc", "/root/.docker/", "/root/.kube/", "/root/.gnupg/", "/proc/self/environ"),
    ];

    private static IEnumerable<WatchedPath> Plain(params string[] prefixes) => prefixes.Select(p => new WatchedPath { Prefix = p });

    private static IEnumerable<WatchedPath> Credential(params string[] prefixes) =>
        prefixes.Select(p => new WatchedPath { Prefix = p, CredTagged = true });
}
