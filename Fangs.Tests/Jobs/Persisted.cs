using Fangs.Actors.Jobs;
using Fangs.Protocol;

namespace Fangs.Tests.Jobs;

/// <summary>One value of everything that the dispatcher persists, with all of its fields in use.</summary>
internal static class Persisted
{
    private static readonly DateTimeOffset At = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 600, TimeSpan.Zero).AddTicks(7);
    private static readonly RunId Run = RunId.Parse("019a0c0009080706050403020100ff10");
    private static readonly RunId Lost = RunId.Parse("019a0c0009080706050403020100ff0f");
    private static readonly RunnerId Runner = new("lab-1/größe \"x\"");

    private static readonly Job Full = new()
    {
        RunId = Run,
        Kind = JobKind.SandboxScan,
        PackageName = "@scope/left-thing",
        Version = "2.0.1-beta.1+build",
        CgroupPath = "/sys/fs/cgroup/x",
        WatchedPaths = [new WatchedPath { Prefix = "/etc/" }, new WatchedPath { Prefix = "/etc/shadow", CredTagged = true }],
        Duration = new Nanoseconds(60_000_000_001),
        DispatchedAt = At,
        Sandbox = new SandboxSpec
        {
            Image = "node:20-slim",
            Command = ["sh", "-c", "echo '<&>'"],
            Env = new Dictionary<string, string> { ["A"] = "b" },
            WorkingDir = "/work",
            User = "0:0",
            NetworkMode = "bridge",
            MemoryBytes = 1L << 40,
            NanoCpus = 1_000_000_000,
            PidsLimit = 256,
            PullPolicy = "missing",
            GracePeriod = new Nanoseconds(2_000_000_000),
            CgroupParent = "/fangs",
        },
    };

    private static readonly Job Plain = new() { RunId = Lost, Kind = JobKind.SensorOnly };

    internal static IReadOnlyList<object> All { get; } =
    [
        new JobQueued(Full, RunnerId.Any, 7, At, Lost, 2),
        new JobLeased(Run, Runner, DropsPerRun: true, At),
        new LeaseConfirmed(Run, Runner, At),
        new JobReturned(Run, "no sign of life within 90 s", At),
        new RunEnding(Run, "runner lost: lab-1, not heard for too long", At),
        new JobForgotten(Run),
        new JobQueueSnapshot(9,
        [
            new JobEntry(Plain, RunnerId.Any, 1, JobStage.Queued, 1, Runner, false, At, At, null, 0, "came back"),
            new JobEntry(Full, Runner, 2, JobStage.Leased, 2, Runner, true, At, At, Lost, 1, ""),
            new JobEntry(Plain with { RunId = RunId.Parse("019a0c0009080706050403020100ff11") }, RunnerId.Any, 3, JobStage.Confirmed, 1, Runner, true, At, At, null, 0, ""),
            new JobEntry(Plain with { RunId = RunId.Parse("019a0c0009080706050403020100ff12") }, RunnerId.Any, 4, JobStage.Ending, 3, Runner, true, At, At, null, 0, "not picked up"),
        ]),
    ];

    /// <summary>The value of a type.</summary>
    internal static object ValueOf(string kind) => All.Single(value => value.GetType().Name == kind);

    /// <summary>The text of the file that keeps what was once written.</summary>
    internal static string Approved(string manifest) => File.ReadAllText(PathOf(manifest)).TrimEnd();

    /// <summary>Where the approved texts are; FANGS_APPROVE=1 writes new ones.</summary>
    internal static string PathOf(string manifest) => Path.Combine(Repository.Root, "Fangs.Tests", "Jobs", "approved", manifest + ".approved.json");
}
