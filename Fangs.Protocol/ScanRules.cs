using System.Text;
using System.Text.RegularExpressions;

namespace Fangs.Protocol;

/// <summary>A field that is wrong, and what to do about it.</summary>
/// <param name="Field">Name of the field as the wire spells it.</param>
/// <param name="Remedy">What was expected.</param>
public sealed record FieldError(string Field, string Remedy)
{
    /// <summary>The text for the error envelope.</summary>
    public override string ToString() => $"field \"{Field}\": {Remedy}";
}

/// <summary>What a scan request must look like. Pure rules, shared by the API, the CLI and the runner.</summary>
public static partial class ScanRules
{
    /// <summary>Duration of a job that names none.</summary>
    public static readonly TimeSpan DefaultDuration = TimeSpan.FromSeconds(10);

    /// <summary>Longest name that npm accepts.</summary>
    public const int MaxPackageNameLength = 214;

    /// <summary>Longest version that node-semver accepts.</summary>
    public const int MaxVersionLength = 256;

    /// <summary>Most path prefixes that a job may watch.</summary>
    public const int MaxWatchedPaths = 256;

    private static readonly string[] NetworkModes = ["bridge", "none"];
    private static readonly string[] PullPolicies = ["never", "missing", "always"];

    /// <summary>Checks npm's rules for a package name: at most 214 characters, lower case, optional <c>@scope/</c>.</summary>
    public static bool IsPackageName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length <= MaxPackageNameLength && PackageName().IsMatch(name);
    }

    /// <summary>Checks that a version is exact (semver 2.0.0), neither a range nor a tag.</summary>
    public static bool IsExactVersion(string version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return version.Length <= MaxVersionLength && ExactVersion().IsMatch(version);
    }

    /// <summary>Says what a path prefix to watch must be like when it is not; null when it is sound.</summary>
    public static string? CheckWatchedPrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (!IsAbsolute(prefix)) return "must be an absolute path (begin with /) without NUL";
        return Encoding.UTF8.GetByteCount(prefix) > WatchedPath.MaxPrefixBytes ? $"must have at most {WatchedPath.MaxPrefixBytes} bytes" : null;
    }

    /// <summary>Finds the first thing that is wrong with a request, or null.</summary>
    /// <param name="request">The decoded body.</param>
    /// <param name="maxDuration">Longest duration that the orchestrator accepts.</param>
    public static FieldError? Check(ScanRequest request, TimeSpan maxDuration)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (string.IsNullOrEmpty(request.TargetRunner))
            return new("target_runner", "required: the id of a registered runner, or \"*\" for any");
        if (request.TargetRunner != RunnerId.Any.Value && !RunnerId.TryParse(request.TargetRunner, out _))
            return new("target_runner", $"must have at most {RunnerId.MaxLength} characters and no control characters");
        return request.Job is null ? new("Job", "required: the job to run") : CheckJob(request.Job, maxDuration);
    }

    private static FieldError? CheckJob(Job job, TimeSpan maxDuration)
    {
        if (job.Kind is not ("" or null or JobKind.SandboxScan or JobKind.SensorOnly))
            return new("Job.kind", $"must be \"{JobKind.SandboxScan}\" or \"{JobKind.SensorOnly}\"");
        if (job.Duration.Value < 0) return new("Job.duration", "must not be negative; leave it out for 10 s");
        if (job.Duration.ToTimeSpan() > maxDuration)
            return new("Job.duration", $"must not be above {Nanoseconds.From(maxDuration).Value} ns ({maxDuration})");
        if (!string.IsNullOrEmpty(job.PackageName) && !IsPackageName(job.PackageName))
            return new("Job.package_name", "is not an npm package name (at most 214 characters, lower case, optional @scope/)");
        if (!string.IsNullOrEmpty(job.Version) && !IsExactVersion(job.Version))
            return new("Job.version", "must be an exact semantic version such as 1.2.3, neither a range nor a tag");
        if (!string.IsNullOrEmpty(job.CgroupPath) && !IsAbsolute(job.CgroupPath))
            return new("Job.cgroup_path", "must be an absolute path without NUL");
        if (!string.IsNullOrEmpty(job.Integrity) && !PackageIntegrity.IsWellFormed(job.Integrity))
            return new("Job.integrity", "must be a subresource integrity string such as sha512-..., at most 1,024 characters");
        if (!string.IsNullOrEmpty(job.TarballSha1) && !PackageIntegrity.IsSha1(job.TarballSha1))
            return new("Job.tarball_sha1", "must be 40 lower-case hex digits");
        if (job.Kind == JobKind.SandboxScan && string.IsNullOrEmpty(job.Sandbox?.Image))
            return new("Job.sandbox.image", $"required for a \"{JobKind.SandboxScan}\" job, for example node:20-slim");
        return CheckWatchedPaths(job.WatchedPaths) ?? (job.Sandbox is null ? null : CheckSandbox(job.Sandbox));
    }

    private static FieldError? CheckWatchedPaths(IReadOnlyList<WatchedPath>? paths)
    {
        if (paths is null) return null;
        if (paths.Count > MaxWatchedPaths) return new("Job.watched_paths", $"must have at most {MaxWatchedPaths} items");
        for (var i = 0; i < paths.Count; i++)
        {
            if (paths[i] is not { Prefix: { } prefix }) return new($"Job.watched_paths[{i}]", "must be an object with a prefix");
            if (CheckWatchedPrefix(prefix) is { } remedy) return new($"Job.watched_paths[{i}].prefix", remedy);
        }

        return null;
    }

    private static FieldError? CheckSandbox(SandboxSpec sandbox)
    {
        if (string.IsNullOrEmpty(sandbox.Image)) return new("Job.sandbox.image", "required, for example node:20-slim");
        if (!string.IsNullOrEmpty(sandbox.NetworkMode) && !NetworkModes.Contains(sandbox.NetworkMode))
            return new("Job.sandbox.network_mode", "must be \"bridge\" or \"none\": a sandbox never shares a network");
        if (!string.IsNullOrEmpty(sandbox.PullPolicy) && !PullPolicies.Contains(sandbox.PullPolicy))
            return new("Job.sandbox.pull_policy", "must be \"never\", \"missing\" or \"always\"");
        if (!string.IsNullOrEmpty(sandbox.CgroupParent))
            return new("Job.sandbox.cgroup_parent", "is set by the runner; leave it out");
        if (!string.IsNullOrEmpty(sandbox.WorkingDir) && !IsAbsolute(sandbox.WorkingDir))
            return new("Job.sandbox.working_dir", "must be an absolute path without NUL");
        if (!string.IsNullOrEmpty(sandbox.User) && !UserAndGroup().IsMatch(sandbox.User))
            return new("Job.sandbox.user", "must be uid:gid in numbers, for example 1000:1000");
        if (sandbox.MemoryBytes < 0) return new("Job.sandbox.memory_bytes", "must not be negative");
        if (sandbox.NanoCpus < 0) return new("Job.sandbox.nano_cpus", "must not be negative");
        if (sandbox.PidsLimit < 0) return new("Job.sandbox.pids_limit", "must not be negative");
        if (sandbox.GracePeriod.Value < 0) return new("Job.sandbox.grace_period", "must not be negative");
        if (sandbox.GracePeriod.ToTimeSpan() > TimeSpan.FromMinutes(10)) return new("Job.sandbox.grace_period", "must not be above 10 minutes");
        if (sandbox.Command?.Any(HasNul) == true) return new("Job.sandbox.command", "must be an array of strings without NUL");
        return sandbox.Env?.Any(e => e.Key.Length == 0 || e.Key.Contains('=', StringComparison.Ordinal) || HasNul(e.Key) || HasNul(e.Value)) == true
            ? new("Job.sandbox.env", "must have names that are not empty and without =, and values without NUL")
            : null;
    }

    private static bool HasNul(string? text) => text is null || text.Contains('\0', StringComparison.Ordinal);

    private static bool IsAbsolute(string path) => path.StartsWith('/') && !HasNul(path);

    [GeneratedRegex(@"^(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex PackageName();

    [GeneratedRegex(@"^(?:0|[1-9][0-9]{0,15})\.(?:0|[1-9][0-9]{0,15})\.(?:0|[1-9][0-9]{0,15})(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ExactVersion();

    [GeneratedRegex(@"^[0-9]{1,9}(?::[0-9]{1,9})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex UserAndGroup();
}
