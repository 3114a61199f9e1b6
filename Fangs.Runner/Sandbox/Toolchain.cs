using System.Security.Cryptography;
using System.Text;

namespace Fangs.Runner.Sandbox;

/// <summary>The node and npm of a root file system, and how to show them inside a sandbox.</summary>
/// <param name="Root">The tree on the host; <c>/</c> for the host's own.</param>
/// <param name="Node">Path of node inside.</param>
/// <param name="SearchPath">The value of <c>PATH</c> inside.</param>
/// <param name="Prefix">Where node lives inside, for headers of native builds.</param>
/// <param name="ExtraSource">A directory of the host that holds node outside <c>/usr</c>, shown as <see cref="ExtraPrefix"/>; or null.</param>
/// <param name="NodeVersion">Without the leading v.</param>
/// <param name="NpmVersion">npm's version.</param>
/// <param name="Digest">Identifies what is installed in the tree.</param>
internal sealed record Toolchain(
    string Root, string Node, string SearchPath, string Prefix, string? ExtraSource, string NodeVersion, string NpmVersion, string Digest)
{
    /// <summary>Where a node outside <c>/usr</c> appears.</summary>
    internal const string ExtraPrefix = "/opt/node";

    private const string StandardPath = "/usr/local/bin:/usr/bin:/bin";

    /// <summary>Whether npm blocks install scripts, or warns that it will, unless told otherwise: 11.16 and later.</summary>
    internal bool NeedsScriptsAllowed => Version.TryParse(NpmVersion.Split('-')[0], out var version) && version >= new Version(11, 16);

    /// <summary>Looks for node and npm in a tree.</summary>
    /// <exception cref="SandboxException">They are not there; the message has the remedy.</exception>
    internal static async Task<Toolchain> FindAsync(string root, CancellationToken cancellationToken)
    {
        var isHost = root == "/";
        if (!Directory.Exists(Path.Combine(root, "usr"))) throw new SandboxException($"The root file system '{root}' has no /usr.");
        const string Question = "command -v node && command -v npm && node --version && npm --version";
        var environment = new Dictionary<string, string>(NpmConfig.Quiet);
        if (!isHost) environment["PATH"] = StandardPath;
        var result = isHost
            ? await CommandLine.RunAsync("/bin/sh", ["-c", Question], cancellationToken, environment)
            : await CommandLine.RunAsync(
                CommandLine.Find("chroot") ?? "chroot", ["--userspec=231000:231000", root, "/bin/sh", "-c", Question], cancellationToken, environment);
        if (result.ExitCode != 0 || result.Output.Split('\n') is not [var node, var npm, ['v', .. var nodeVersion], var npmVersion, ..])
            throw new SandboxException(isHost
                ? "node and npm are not installed on this host: install Node.js 18 or later (Debian packages nodejs and npm)."
                : $"node and npm do not run in the root file system '{root}': {result.Error.Trim()}");
        var digest = Identify(root, nodeVersion, npmVersion);
        if (!isHost) return new Toolchain(root, node, StandardPath, PrefixOf(node), null, nodeVersion, npmVersion, digest);

        var real = RealPath(node);
        var prefix = PrefixOf(real);
        if (real.StartsWith("/usr/", StringComparison.Ordinal)) return new Toolchain(root, real, StandardPath, prefix, null, nodeVersion, npmVersion, digest);
        // A version manager's node in somebody's home, for example: the sandbox sees its directory alone.
        if (!RealPath(npm).StartsWith(prefix + "/", StringComparison.Ordinal))
            throw new SandboxException($"npm ({npm}) and node ({real}) are installed in different places outside /usr, which the sandbox cannot show.");
        return new Toolchain(
            root, $"{ExtraPrefix}/bin/{Path.GetFileName(real)}", $"{ExtraPrefix}/bin:{StandardPath}", ExtraPrefix, prefix, nodeVersion, npmVersion, digest);
    }

    private static string PrefixOf(string program) => Path.GetDirectoryName(Path.GetDirectoryName(program)) ?? "/usr";

    // The list of installed packages changes with every upgrade of any of them; the versions cover node from elsewhere.
    private static string Identify(string root, string nodeVersion, string npmVersion)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{nodeVersion}\n{npmVersion}\n"));
        foreach (var file in (string[])["etc/os-release", "var/lib/dpkg/status", "lib/apk/db/installed"])
            if (Path.Combine(root, file) is var path && File.Exists(path)) hash.AppendData(File.ReadAllBytes(path));
        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string RealPath(string path) => new FileInfo(path) is { LinkTarget: not null } link
        ? link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path
        : path;
}
