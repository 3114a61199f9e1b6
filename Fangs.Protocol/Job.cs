using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>Values of <see cref="Job.Kind"/>.</summary>
public static class JobKind
{
    /// <summary>Start a sandbox and record what happens in it.</summary>
    public const string SandboxScan = "sandbox_scan";

    /// <summary>Record what happens in a cgroup that exists already.</summary>
    public const string SensorOnly = "sensor_only";
}

/// <summary>A path prefix that the sensor reports.</summary>
public sealed record WatchedPath
{
    /// <summary>Longest accepted prefix in UTF-8 bytes.</summary>
    public const int MaxPrefixBytes = 256;

    /// <summary>Absolute path prefix, 1 to 256 bytes. The longest matching prefix decides.</summary>
    [JsonPropertyName("prefix")]
    public string Prefix { get; init; } = "";

    /// <summary>Whether what lies below holds credentials.</summary>
    [JsonPropertyName("cred_tagged"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool CredTagged { get; init; }
}

/// <summary>How the sandbox of a job is to be made. An empty or zero value means the driver's default.</summary>
public sealed record SandboxSpec
{
    /// <summary>Container image, required. Drivers without images map it to a root file system.</summary>
    [JsonPropertyName("image")]
    public string Image { get; init; } = "";

    /// <summary>Command and arguments; none: the built-in phases, or the image's own command.</summary>
    [JsonPropertyName("command"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Environment variables.</summary>
    [JsonPropertyName("env"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Env { get; init; }

    /// <summary>Working directory.</summary>
    [JsonPropertyName("working_dir"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? WorkingDir { get; init; }

    /// <summary><c>uid:gid</c>, default <c>1000:1000</c>.</summary>
    [JsonPropertyName("user"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? User { get; init; }

    /// <summary><c>bridge</c> (default) or <c>none</c>.</summary>
    [JsonPropertyName("network_mode"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? NetworkMode { get; init; }

    /// <summary>Memory limit in bytes.</summary>
    [JsonPropertyName("memory_bytes"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long MemoryBytes { get; init; }

    /// <summary>CPU limit in billionths of a CPU.</summary>
    [JsonPropertyName("nano_cpus"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long NanoCpus { get; init; }

    /// <summary>Limit of processes and threads.</summary>
    [JsonPropertyName("pids_limit"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long PidsLimit { get; init; }

    /// <summary><c>never</c>, <c>missing</c> (default) or <c>always</c>.</summary>
    [JsonPropertyName("pull_policy"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PullPolicy { get; init; }

    /// <summary>How long recording goes on after the command has ended.</summary>
    [JsonPropertyName("grace_period"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public Nanoseconds GracePeriod { get; init; }

    /// <summary>Parent cgroup. Set by runners only; requests must leave it out.</summary>
    [JsonPropertyName("cgroup_parent"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CgroupParent { get; init; }
}

/// <summary>One piece of work for a runner: what to run, what to watch, for how long.</summary>
public sealed record Job
{
    /// <summary>The run that the job belongs to.</summary>
    [JsonPropertyName("run_id")]
    public RunId RunId { get; init; }

    /// <summary>A value of <see cref="JobKind"/>.</summary>
    [JsonPropertyName("kind")]
    public string Kind { get; init; } = "";

    /// <summary>npm package name, the key of the baseline.</summary>
    [JsonPropertyName("package_name"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PackageName { get; init; }

    /// <summary>Exact version under test.</summary>
    [JsonPropertyName("version"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Version { get; init; }

    /// <summary>Absolute path of an existing cgroup v2 directory, for <see cref="JobKind.SensorOnly"/>.</summary>
    [JsonPropertyName("cgroup_path"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CgroupPath { get; init; }

    /// <summary>Path prefixes to report.</summary>
    [JsonPropertyName("watched_paths")]
    public IReadOnlyList<WatchedPath>? WatchedPaths { get; init; }

    /// <summary>Upper bound for the run.</summary>
    [JsonPropertyName("duration")]
    public Nanoseconds Duration { get; init; }

    /// <summary>When the orchestrator accepted the job.</summary>
    [JsonPropertyName("dispatched_at")]
    public DateTimeOffset DispatchedAt { get; init; }

    /// <summary>W3C trace context of the request that queued the job; absent when it is not traced. Not part of the original protocol.</summary>
    [JsonPropertyName("traceparent"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TraceParent { get; init; }

    /// <summary>
    /// Addition of ours: what the registry announced for this release, a subresource integrity string. The runner compares it with what npm
    /// installed and fails the run when they differ. Absent: nothing is compared.
    /// </summary>
    [JsonPropertyName("integrity"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Integrity { get; init; }

    /// <summary>Addition of ours: SHA-1 of the tarball in hex as the registry announced it; all that old releases have.</summary>
    [JsonPropertyName("tarball_sha1"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TarballSha1 { get; init; }

    /// <summary>The sandbox to start; absent for <see cref="JobKind.SensorOnly"/>.</summary>
    [JsonPropertyName("sandbox"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SandboxSpec? Sandbox { get; init; }
}
