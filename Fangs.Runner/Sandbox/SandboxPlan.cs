using System.Globalization;
using System.Text.RegularExpressions;
using Fangs.Protocol;

namespace Fangs.Runner.Sandbox;

/// <summary>What a job asks of the <c>oci</c> driver, checked and with defaults filled in.</summary>
internal sealed partial record SandboxPlan
{
    internal const string ProjectDirectory = "/work";
    internal const string InstallPhase = "install";
    internal const string ImportPhase = "import";
    internal const string CommandPhase = "command";

    private const long LeastMemory = 64L << 20; // node does not start with less

    internal required RunId Run { get; init; }

    internal required ImageRoot Image { get; init; }

    internal required uint User { get; init; }

    internal required uint Group { get; init; }

    internal required SandboxLimits Limits { get; init; }

    /// <summary>False: no name is answered and nothing relayed.</summary>
    internal required bool HasNetwork { get; init; }

    internal required string WorkingDirectory { get; init; }

    internal required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The job's own command; for the built-in phases: npm's installation of the package.</summary>
    internal required IReadOnlyList<string> Command { get; init; }

    /// <summary>The package for the built-in phases; null for a job with a command of its own.</summary>
    internal required string? Package { get; init; }

    /// <summary>The version of <see cref="Package"/>; null without one.</summary>
    internal required string? Version { get; init; }

    /// <summary>What the registry announced for the package to whoever asked for the job; null when nothing is to be compared.</summary>
    internal required string? Integrity { get; init; }

    /// <summary>The same as SHA-1 of the tarball in hex; null when nothing is to be compared.</summary>
    internal required string? TarballSha1 { get; init; }

    internal string Home => User == 0 ? "/root" : "/home/node";

    /// <summary>Reads a job.</summary>
    /// <exception cref="SandboxException">The job asks for what this driver does not have.</exception>
    internal static SandboxPlan From(Job job, OciSandboxSettings settings)
    {
        var spec = job.Sandbox ?? throw new SandboxException("The job has no sandbox to start.");
        var (user, group) = ReadUser(spec.User);
        var isBuiltIn = !string.IsNullOrEmpty(job.PackageName) && !string.IsNullOrEmpty(job.Version);
        return new SandboxPlan
        {
            Run = job.RunId.IsEmpty ? throw new SandboxException("The job has no run_id.") : job.RunId,
            Image = FindImage(spec.Image, settings.Images),
            User = user,
            Group = group,
            Limits = ReadLimits(spec, settings.Limits),
            HasNetwork = spec.NetworkMode switch
            {
                null or "" or "bridge" => true,
                "none" => false,
                var other => throw new SandboxException($"network_mode '{other}' is not offered: use 'bridge' (through the gateway) or 'none'."),
            },
            WorkingDirectory = isBuiltIn ? ProjectDirectory : ReadDirectory(spec.WorkingDir),
            Environment = ReadEnvironment(spec.Env),
            Command = isBuiltIn ? Installation(job.PackageName!, job.Version!) : ReadCommand(spec.Command),
            Package = isBuiltIn ? job.PackageName : null,
            Version = isBuiltIn ? job.Version : null,
            Integrity = isBuiltIn && !string.IsNullOrEmpty(job.Integrity) ? ReadIntegrity(job.Integrity) : null,
            TarballSha1 = isBuiltIn && !string.IsNullOrEmpty(job.TarballSha1) ? ReadSha1(job.TarballSha1) : null,
        };
    }

    private static ImageRoot FindImage(string image, IReadOnlyList<ImageRoot> images) =>
        images.FirstOrDefault(i => i.Matches(image)) ?? throw new SandboxException(
            $"This runner has no image '{image}'. It has: {string.Join(", ", images.Select(i => i.Pattern))}. The oci driver maps image names to root file systems (-rootfs).");

    // What cannot be compared must not look as if it had been.
    private static string ReadIntegrity(string text) =>
        PackageIntegrity.IsWellFormed(text) ? text : throw new SandboxException("The job's integrity is not a subresource integrity string.");

    private static string ReadSha1(string text) =>
        PackageIntegrity.IsSha1(text) ? text : throw new SandboxException("The job's tarball_sha1 is not a SHA-1 in lower-case hex.");

    private static (uint User, uint Group) ReadUser(string? text)
    {
        if (string.IsNullOrEmpty(text)) return (1000, 1000);
        var parts = text.Split(':');
        if (parts.Length <= 2 && ReadId(parts[0]) is { } user && ReadId(parts[^1]) is { } group) return (user, group);
        throw new SandboxException($"user '{text}' is not understood: use uid:gid with numbers below 65536, or 'node' or 'root'.");

        static uint? ReadId(string id) => id switch
        {
            "root" => 0,
            "node" => 1000,
            _ => ushort.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null,
        };
    }

    private static SandboxLimits ReadLimits(SandboxSpec spec, SandboxLimits defaults)
    {
        if (spec.MemoryBytes < 0 || spec.MemoryBytes is > 0 and < LeastMemory)
            throw new SandboxException($"memory_bytes {spec.MemoryBytes} is too small: node needs at least {LeastMemory}.");
        if (spec.PidsLimit < 0) throw new SandboxException($"pids_limit {spec.PidsLimit} is negative.");
        if (spec.NanoCpus is < 0 or > 0 and < 10_000_000) throw new SandboxException($"nano_cpus {spec.NanoCpus} is too small: at least 10000000, a hundredth of a CPU.");
        return new SandboxLimits
        {
            MemoryBytes = spec.MemoryBytes > 0 ? spec.MemoryBytes : defaults.MemoryBytes,
            Pids = spec.PidsLimit > 0 ? spec.PidsLimit : defaults.Pids,
            NanoCpus = spec.NanoCpus > 0 ? spec.NanoCpus : defaults.NanoCpus,
            OutputBytes = defaults.OutputBytes,
        };
    }

    private static string ReadDirectory(string? text)
    {
        if (string.IsNullOrEmpty(text)) return ProjectDirectory;
        return text[0] == '/' && !text.Contains('\0') ? text : throw new SandboxException($"working_dir '{text}' is not an absolute path.");
    }

    private static IReadOnlyDictionary<string, string> ReadEnvironment(IReadOnlyDictionary<string, string>? environment)
    {
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            if (name.Length == 0 || name.AsSpan().ContainsAny('=', '\0') || value.Contains('\0'))
                throw new SandboxException($"env '{name}' is not a valid environment variable.");
        return environment ?? new Dictionary<string, string>();
    }

    private static IReadOnlyList<string> ReadCommand(IReadOnlyList<string>? command)
    {
        if (command is not { Count: > 0 } || command[0].Length == 0)
            throw new SandboxException("The job names neither a package with a version nor a command, and the oci driver's images have no command of their own.");
        return command.Any(a => a.Contains('\0')) ? throw new SandboxException("The command contains a NUL character.") : command;
    }

    // Arguments of a process, never shell text. The forms are checked all the same, because npm itself reads "name@spec" in many ways
    // (an option, a git address, a directory) and the scan must install this release or nothing.
    private static string[] Installation(string name, string version)
    {
        if (name.Length > 214 || !PackageName().IsMatch(name)) throw new SandboxException($"package_name '{name}' is not the name of an npm package.");
        if (version.Length > 256 || !ExactVersion().IsMatch(version)) throw new SandboxException($"version '{version}' is not an exact version such as 1.2.3 or 1.2.3-beta.1.");
        return ["npm", "install", "--", $"{name}@{version}"];
    }

    [GeneratedRegex(@"\A(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~_-][a-z0-9._~-]*\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex PackageName();

    [GeneratedRegex(@"\A[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ExactVersion();
}
