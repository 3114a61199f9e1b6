using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fangs.Runner.Sandbox;

/// <summary>The <c>config.json</c> of one sandbox for an OCI runtime.</summary>
internal static class OciConfiguration
{
    private const long CpuPeriod = 100_000; // microseconds
    private const long NanosecondsOfCpuPerMicrosecond = 1_000_000_000 / CpuPeriod;
    private const long LargestFile = 1L << 30;
    private static readonly string[] ReadOnlyBind = ["rbind", "ro", "nosuid", "nodev"];

    private static readonly string[] Masked =
    [
        "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/proc/acpi",
        "/proc/asound", "/proc/kallsyms", "/proc/kmsg",
    ];

    private static readonly string[] ReadOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <summary>Writes the file's text.</summary>
    /// <param name="plan">The job.</param>
    /// <param name="toolchain">Node and npm.</param>
    /// <param name="settings">Times of the import phase.</param>
    /// <param name="binds">What the root file system needs bound.</param>
    /// <param name="rootDirectory">The root file system on the host.</param>
    /// <param name="networkNamespace">Path of the gateway's namespace.</param>
    /// <param name="cgroup">Relative to the root of the hierarchies.</param>
    /// <param name="limitsSwap">Whether the host counts swap.</param>
    internal static string Build(
        SandboxPlan plan, Toolchain toolchain, OciSandboxSettings settings, IReadOnlyList<BindMount> binds, string rootDirectory, string networkNamespace, string cgroup, bool limitsSwap) =>
        new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["hostname"] = RootFileSystem.HostName,
            ["root"] = new JsonObject { ["path"] = rootDirectory, ["readonly"] = true },
            ["process"] = Process(plan, toolchain, settings),
            ["mounts"] = Mounts(plan, binds),
            ["linux"] = new JsonObject
            {
                ["namespaces"] = Namespaces(networkNamespace),
                ["uidMappings"] = Mapping(),
                ["gidMappings"] = Mapping(),
                ["cgroupsPath"] = cgroup,
                ["resources"] = Resources(plan.Limits, limitsSwap),
                ["seccomp"] = SeccompProfile.Build(),
                ["maskedPaths"] = Strings(Masked),
                ["readonlyPaths"] = Strings(ReadOnly),
            },
        }.ToJsonString();

    /// <summary>Bytes that each writable file system holds.</summary>
    /// <remarks>Files are memory too, so all of them together stay below that limit. Half of it for each: a full disk is an error, full memory kills.</remarks>
    internal static long QuotaOf(SandboxLimits limits) => limits.MemoryBytes / 2;

    private static JsonObject Process(SandboxPlan plan, Toolchain toolchain, OciSandboxSettings settings)
    {
        var import = JsonSerializer.Serialize(new JsonObject
        {
            ["package"] = plan.Package ?? "",
            ["project"] = SandboxPlan.ProjectDirectory,
            ["loadMs"] = (long)settings.ImportLoadLimit.TotalMilliseconds,
            ["lingerMs"] = (long)settings.ImportLinger.TotalMilliseconds,
        });
        var none = new JsonObject();
        foreach (var set in (string[])["bounding", "effective", "permitted", "inheritable", "ambient"]) none[set] = new JsonArray();
        return new JsonObject
        {
            ["terminal"] = false,
            ["user"] = new JsonObject { ["uid"] = plan.User, ["gid"] = plan.Group },
            ["args"] = Strings([RootFileSystem.Shell, RootFileSystem.HarnessDirectory + "/init.sh", "/usr/bin/true", toolchain.Node, import, .. plan.Command]),
            ["cwd"] = plan.WorkingDirectory,
            ["env"] = Strings(Environment(plan, toolchain)),
            ["noNewPrivileges"] = true,
            ["capabilities"] = none,
            ["rlimits"] = new JsonArray(
                Limit("RLIMIT_NOFILE", 1024, 4096), Limit("RLIMIT_CORE", 0, 0), Limit("RLIMIT_FSIZE", LargestFile, LargestFile), Limit("RLIMIT_MEMLOCK", 65_536, 65_536)),
        };
    }

    // The job's values win: whoever may submit jobs may also change what npm does.
    private static IEnumerable<string> Environment(SandboxPlan plan, Toolchain toolchain)
    {
        var values = new Dictionary<string, string>
        {
            ["HOME"] = plan.Home,
            ["USER"] = plan.User == 0 ? "root" : "node",
            ["PATH"] = toolchain.SearchPath,
            ["TMPDIR"] = "/tmp",
            ["TZ"] = "UTC",
            ["CI"] = "true",
            ["LANG"] = "C.UTF-8",
            ["PYTHONDONTWRITEBYTECODE"] = "1",
        };
        foreach (var (name, value) in NpmSettings.Environment(toolchain)) values[name] = value;
        foreach (var (name, value) in plan.Environment) values[name] = value;
        return values.Select(v => $"{v.Key}={v.Value}");
    }

    private static JsonArray Mounts(SandboxPlan plan, IReadOnlyList<BindMount> binds)
    {
        var quota = $"size={QuotaOf(plan.Limits)}";
        var mounts = new JsonArray(
            Mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            Mount("/dev", "tmpfs", "tmpfs", "nosuid", "noexec", "strictatime", "mode=755", "size=64k"),
            Mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
            Mount("/dev/shm", "tmpfs", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=64m"),
            Mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", quota),
            Mount("/var/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777", quota),
            Mount("/run", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=755", "size=16m"));
        foreach (var own in (string[])[SandboxPlan.ProjectDirectory, plan.Home])
            mounts.Add(Mount(own, "tmpfs", "tmpfs", "nosuid", "nodev", "tmpcopyup", "mode=755", $"uid={plan.User}", $"gid={plan.Group}", quota));
        foreach (var bind in binds) mounts.Add(Mount(bind.Destination, "bind", bind.Source, ReadOnlyBind));
        return mounts;
    }

    private static JsonArray Namespaces(string network)
    {
        var list = new JsonArray([.. ((string[])["pid", "ipc", "uts", "mount", "cgroup", "user"]).Select(n => (JsonNode)new JsonObject { ["type"] = n })]);
        list.Add(new JsonObject { ["type"] = "network", ["path"] = network });
        return list;
    }

    private static JsonObject Resources(SandboxLimits limits, bool limitsSwap)
    {
        var memory = new JsonObject { ["limit"] = limits.MemoryBytes };
        if (limitsSwap) memory["swap"] = limits.MemoryBytes; // memory and swap together: no swap
        return new JsonObject
        {
            ["memory"] = memory,
            ["pids"] = new JsonObject { ["limit"] = limits.Pids },
            ["cpu"] = new JsonObject { ["period"] = CpuPeriod, ["quota"] = Math.Max(1000, limits.NanoCpus / NanosecondsOfCpuPerMicrosecond) },
            ["devices"] = new JsonArray(new JsonObject { ["allow"] = false, ["access"] = "rwm" }),
        };
    }

    private static JsonArray Mapping() =>
        new(new JsonObject { ["containerID"] = 0, ["hostID"] = RootFileSystem.FirstHostId, ["size"] = RootFileSystem.IdCount });

    private static JsonObject Mount(string destination, string type, string source, params string[] options) => new()
    {
        ["destination"] = destination,
        ["type"] = type,
        ["source"] = source,
        ["options"] = Strings(options),
    };

    private static JsonObject Limit(string type, long soft, long hard) => new() { ["type"] = type, ["soft"] = soft, ["hard"] = hard };

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)v)]);
}
