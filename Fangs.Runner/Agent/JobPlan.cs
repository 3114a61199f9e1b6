using System.Text;
using Fangs.Protocol;

namespace Fangs.Runner.Agent;

/// <summary>A job that has been checked: what the runner is going to do.</summary>
/// <param name="Job">The job itself.</param>
/// <param name="NeedsSandbox">False: record a cgroup that exists already.</param>
/// <param name="CgroupPath">That cgroup; empty with a sandbox.</param>
/// <param name="WatchedPaths">At least one.</param>
/// <param name="Duration">Positive.</param>
/// <param name="GracePeriod">Zero or more.</param>
internal sealed record JobPlan(
    Job Job, bool NeedsSandbox, string CgroupPath, IReadOnlyList<WatchedPath> WatchedPaths, TimeSpan Duration, TimeSpan GracePeriod)
{
    /// <summary>Checks a job.</summary>
    /// <returns>The plan, or the reason why there is none.</returns>
    public static (JobPlan? Plan, string Reason) Make(Job job, AgentTimings timings)
    {
        if (job.Kind is not ("" or null or JobKind.SandboxScan or JobKind.SensorOnly))
            return No($"this runner does not know jobs of the kind '{Words.OneLine(job.Kind, 64)}'");
        if (job.Kind == JobKind.SandboxScan && job.Sandbox is null) return No("a sandbox_scan needs a sandbox, and the job has none");
        if (job.WatchedPaths is not { Count: > 0 } watched) return No("the job has no watched paths: at least one is needed");
        for (var i = 0; i < watched.Count; i++)
        {
            // Deserialised arrays may hold nulls, whatever the type says.
            if (watched[i] is not { Prefix: { Length: > 0 } prefix } || prefix[0] != '/' || Encoding.UTF8.GetByteCount(prefix) > WatchedPath.MaxPrefixBytes)
                return No($"watched_paths[{i}].prefix must be an absolute path of at most {WatchedPath.MaxPrefixBytes} bytes");
        }

        var duration = job.Duration.Value == 0 ? timings.DefaultJobDuration : job.Duration.ToTimeSpan();
        if (duration <= TimeSpan.Zero || duration > timings.MaxJobDuration)
            return No($"duration must be more than 0 and at most {Words.Of(timings.MaxJobDuration)}, not {Words.Of(duration)}");

        // A client that names no kind gets sensor_only from the original orchestrator, whose runner then looks only at the sandbox.
        if (job.Sandbox is { } sandbox)
        {
            var grace = sandbox.GracePeriod.ToTimeSpan();
            return grace >= TimeSpan.Zero && grace <= timings.MaxJobDuration
                ? (new JobPlan(job, true, "", watched, duration, grace), "")
                : No($"sandbox.grace_period must be 0 to {Words.Of(timings.MaxJobDuration)}, not {Words.Of(grace)}");
        }

        if (string.IsNullOrEmpty(job.CgroupPath)) return No("a sensor_only job needs a cgroup_path, and the job has none");
        var shown = Words.OneLine(job.CgroupPath, 300);
        if (!Path.IsPathFullyQualified(job.CgroupPath)) return No($"cgroup_path '{shown}' is not absolute");
        return Directory.Exists(job.CgroupPath)
            ? (new JobPlan(job, false, job.CgroupPath, watched, duration, TimeSpan.Zero), "")
            : No($"cgroup_path '{shown}' does not exist on this host");
    }

    private static (JobPlan? Plan, string Reason) No(string reason) => (null, reason);
}
