using System.Net;
using Fangs.Protocol;

namespace Fangs.Runner.Sandbox;

/// <summary>What the <c>oci</c> driver is told once, at start.</summary>
public sealed record OciSandboxSettings
{
    /// <summary>Whose sandboxes these are; a sweep removes only the leftovers of the same id.</summary>
    public required RunnerId RunnerId { get; init; }

    /// <summary>Absolute directory for sandboxes. Every directory above it must be searchable by others, because sandboxes run as unprivileged users.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>The registry that npm inside uses, and that the gateway relays to. User information in it is dropped: a sandbox gets no credentials.</summary>
    public required Uri Registry { get; init; }

    /// <summary>Further destinations that the gateway relays to during the install phase, for registries that keep tarballs elsewhere.</summary>
    public IReadOnlyList<DnsEndPoint> AllowedHosts { get; init; } = [];

    /// <summary>Which root file system stands for which image; the first match counts.</summary>
    public IReadOnlyList<ImageRoot> Images { get; init; } = ImageRoot.Defaults(null);

    /// <summary>Limits for jobs that name none.</summary>
    public SandboxLimits Limits { get; init; } = new();

    /// <summary>How long each entry point stays loaded, so that its timers fire.</summary>
    public TimeSpan ImportLinger { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long each entry point may take to load, in addition to <see cref="ImportLinger"/>.</summary>
    public TimeSpan ImportLoadLimit { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>The root file system that stands for images.</summary>
/// <param name="Pattern">Image name; <c>*</c> stands for any characters.</param>
/// <param name="Directory">Absolute path of a tree with <c>/usr</c>, node and npm; <c>/</c> is the host's own toolchain.</param>
public sealed record ImageRoot(string Pattern, string Directory)
{
    /// <summary>The images of a runner: <c>node</c> with any tag.</summary>
    /// <param name="rootFileSystem">The value of <c>-rootfs</c>; null for the host's own toolchain.</param>
    public static IReadOnlyList<ImageRoot> Defaults(string? rootFileSystem) =>
        [new ImageRoot("node:*", rootFileSystem ?? "/"), new ImageRoot("node", rootFileSystem ?? "/")];

    internal bool Matches(string image) => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(Pattern.Replace("\\", "\\\\", StringComparison.Ordinal), image, ignoreCase: false);
}

/// <summary>How much a sandbox may use.</summary>
public sealed record SandboxLimits
{
    /// <summary>Memory including its temporary file systems, in bytes.</summary>
    public long MemoryBytes { get; init; } = 2L << 30;

    /// <summary>Processes and threads.</summary>
    public long Pids { get; init; } = 512;

    /// <summary>Billionths of a CPU.</summary>
    public long NanoCpus { get; init; } = 2_000_000_000;

    /// <summary>Output, in bytes. Only the end of it is kept; whoever prints more than this is stopped.</summary>
    public long OutputBytes { get; init; } = 1L << 30;
}
