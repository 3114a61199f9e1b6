using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>Answer of <c>GET /v1/health</c> and <c>GET /v1/ready</c>.</summary>
public sealed record HealthResponse
{
    /// <summary><c>ok</c> of a process that is up, <c>ready</c> of one that can store what it is sent.</summary>
    [JsonPropertyName("status")]
    public string Status { get; init; } = "ok";

    /// <summary>The orchestrator's <c>-id</c>.</summary>
    [JsonPropertyName("orchestrator_id")]
    public string OrchestratorId { get; init; } = "";

    /// <summary>Build version.</summary>
    [JsonPropertyName("version")]
    public string Version { get; init; } = "";
}

/// <summary>Body of <c>POST /v1/runners/register</c>.</summary>
public sealed record RegisterRequest
{
    /// <summary>Version of the protocol that this code speaks.</summary>
    public const int CurrentProtoVersion = 1;

    /// <summary>Name of the runner, required.</summary>
    [JsonPropertyName("runner_id")]
    public string? RunnerId { get; init; }

    /// <summary>Host name.</summary>
    [JsonPropertyName("hostname")]
    public string? Hostname { get; init; }

    /// <summary>What the runner can do, see <see cref="Capability"/>.</summary>
    [JsonPropertyName("capabilities")]
    public IReadOnlyList<string>? Capabilities { get; init; }

    /// <summary>Release of the kernel.</summary>
    [JsonPropertyName("kernel_version")]
    public string? KernelVersion { get; init; }

    /// <summary>Must be 1.</summary>
    [JsonPropertyName("proto_version")]
    public int ProtoVersion { get; init; }

    /// <summary>Addition of ours: a random id of the runner's process. A new one tells that the old process and its runs are gone.</summary>
    [JsonPropertyName("instance"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Instance { get; init; }
}

/// <summary>Capabilities that runners advertise.</summary>
public static class Capability
{
    /// <summary>An eBPF sensor.</summary>
    public const string Sensor = "sensor";

    /// <summary>The <c>oci</c> sandbox driver.</summary>
    public const string SandboxOci = "sandbox.oci";

    /// <summary>The <c>docker</c> sandbox driver.</summary>
    public const string SandboxDocker = "sandbox.docker";

    /// <summary><see cref="ResultRequest.EventsDropped"/> counts the run's own drops, not all since the process started.</summary>
    public const string DropsPerRun = "drops.per-run";

    /// <summary>Prefix of <c>slots.N</c>: how many jobs the runner takes at once.</summary>
    public const string SlotsPrefix = "slots.";
}

/// <summary>Answer of <c>POST /v1/runners/register</c>.</summary>
public sealed record RegisterResponse
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("ok")]
    public bool Ok { get; init; }

    /// <summary>The orchestrator's <c>-id</c>.</summary>
    [JsonPropertyName("orchestrator_id")]
    public string OrchestratorId { get; init; } = "";

    /// <summary>Wait between polls after 204.</summary>
    [JsonPropertyName("job_poll_interval")]
    public Nanoseconds JobPollInterval { get; init; }

    /// <summary>Wait between heartbeats.</summary>
    [JsonPropertyName("heartbeat_interval")]
    public Nanoseconds HeartbeatInterval { get; init; }
}

/// <summary>Body of <c>POST /v1/runners/{id}/heartbeat</c>.</summary>
public sealed record HeartbeatRequest
{
    /// <summary>Repeats the id of the path.</summary>
    [JsonPropertyName("runner_id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RunnerId { get; init; }

    /// <summary>Hex id of the run in progress; absent when idle.</summary>
    [JsonPropertyName("active_run_id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ActiveRunId { get; init; }

    /// <summary>Addition of ours: hex ids of all runs in progress, for runners with several slots.</summary>
    [JsonPropertyName("active_run_ids"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? ActiveRunIds { get; init; }

    /// <summary>A value of <see cref="RunnerStatus"/>; absent keeps the previous one.</summary>
    [JsonPropertyName("status"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Status { get; init; }

    /// <summary>Events waiting in the runner's memory.</summary>
    [JsonPropertyName("events_queued"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int EventsQueued { get; init; }
}

/// <summary>Values of <see cref="HeartbeatRequest.Status"/>.</summary>
public static class RunnerStatus
{
    /// <summary>Waiting for a job.</summary>
    public const string Idle = "idle";

    /// <summary>At least one job in progress.</summary>
    public const string Running = "running";

    /// <summary>Finishing its jobs, taking no more.</summary>
    public const string Draining = "draining";

    /// <summary>Whether a word is one of the three.</summary>
    public static bool IsKnown(string word) => word is Idle or Running or Draining;
}

/// <summary>Answer of <c>POST /v1/runners/{id}/heartbeat</c>.</summary>
public sealed record HeartbeatResponse
{
    /// <summary>False when the runner has to register again.</summary>
    [JsonPropertyName("ok")]
    public bool Ok { get; init; }

    /// <summary>True when the runner has to register again; omitted otherwise.</summary>
    [JsonPropertyName("unknown_runner"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool UnknownRunner { get; init; }
}

/// <summary>Body of <c>POST /v1/scans</c>.</summary>
public sealed record ScanRequest
{
    /// <summary>Name of the runner that must do it, or <c>*</c> for any eligible one.</summary>
    [JsonPropertyName("target_runner")]
    public string? TargetRunner { get; init; }

    /// <summary>The job. Upstream spells the key with a capital letter; keys are matched without regard to case.</summary>
    [JsonPropertyName("Job")]
    public Job? Job { get; init; }
}

/// <summary>Answer of <c>POST /v1/scans</c>.</summary>
public sealed record ScanResponse
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("queued")]
    public bool Queued { get; init; }

    /// <summary>Hex id of the new run.</summary>
    [JsonPropertyName("run_id")]
    public string RunId { get; init; } = "";
}

/// <summary>Answer of <c>POST /v1/runs/{run_id}/events</c>.</summary>
public sealed record EventsResponse
{
    /// <summary>Batches read from the body.</summary>
    [JsonPropertyName("received_batches")]
    public int ReceivedBatches { get; init; }

    /// <summary>Events in these batches.</summary>
    [JsonPropertyName("received_events")]
    public int ReceivedEvents { get; init; }

    /// <summary>Events that are stored now, counting those that an earlier request had stored.</summary>
    [JsonPropertyName("persisted")]
    public int Persisted { get; init; }
}

/// <summary>Body of <c>POST /v1/runs/{run_id}/result</c>.</summary>
public sealed record ResultRequest
{
    /// <summary>The run.</summary>
    [JsonPropertyName("run_id")]
    public RunId RunId { get; init; }

    /// <summary>A value of <see cref="ResultStatus"/>.</summary>
    [JsonPropertyName("status")]
    public string? Status { get; init; }

    /// <summary>Why it did not end well.</summary>
    [JsonPropertyName("reason"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>Events in acknowledged batches.</summary>
    [JsonPropertyName("events_emitted")]
    public long EventsEmitted { get; init; }

    /// <summary>Events lost on the way, see <see cref="Capability.DropsPerRun"/>.</summary>
    [JsonPropertyName("events_dropped")]
    public ulong EventsDropped { get; init; }

    /// <summary>Wall time of the whole job.</summary>
    [JsonPropertyName("duration")]
    public Nanoseconds Duration { get; init; }

    /// <summary>Addition of ours: what the sandbox reported; absent from other runners.</summary>
    [JsonPropertyName("details"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ResultDetails? Details { get; init; }
}

/// <summary>What our runner tells about a finished job beyond the protocol of the original.</summary>
public sealed record ResultDetails
{
    /// <summary>Exit status of npm, or null when it did not get to run.</summary>
    [JsonPropertyName("npm_exit"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? NpmExit { get; init; }

    /// <summary>The last output lines, at most 4,096 characters.</summary>
    [JsonPropertyName("output_tail"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? OutputTail { get; init; }

    /// <summary>Version of node in the sandbox.</summary>
    [JsonPropertyName("node_version"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? NodeVersion { get; init; }

    /// <summary>Version of npm in the sandbox.</summary>
    [JsonPropertyName("npm_version"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? NpmVersion { get; init; }

    /// <summary>What identifies the root file system or image.</summary>
    [JsonPropertyName("image_digest"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ImageDigest { get; init; }

    /// <summary>Subresource integrity of the package as npm recorded what it installed; null when unknown.</summary>
    [JsonPropertyName("integrity"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Integrity { get; init; }

    /// <summary>Events sent, by phase.</summary>
    [JsonPropertyName("events_by_phase"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, long>? EventsByPhase { get; init; }

    /// <summary>True when the runner was stopped before the job was done, so that the job is to be run again.</summary>
    [JsonPropertyName("interrupted"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Interrupted { get; init; }
}

/// <summary>Values of <see cref="ResultRequest.Status"/>.</summary>
public static class ResultStatus
{
    /// <summary>Everything ran and ended with status 0.</summary>
    public const string Ok = "ok";

    /// <summary>Something did not work; the reason says what.</summary>
    public const string Failed = "failed";

    /// <summary>The duration was used up.</summary>
    public const string Timeout = "timeout";
}

/// <summary>Answer of <c>POST /v1/runs/{run_id}/result</c>.</summary>
public sealed record ResultResponse
{
    /// <summary>False only where nothing is stored (<c>-storage none</c>).</summary>
    [JsonPropertyName("recorded")]
    public bool Recorded { get; init; }
}

/// <summary>The envelope of every answer that is not a success.</summary>
/// <param name="Error">What is wrong, which field, and what to do.</param>
public sealed record ErrorResponse([property: JsonPropertyName("error")] string Error);
