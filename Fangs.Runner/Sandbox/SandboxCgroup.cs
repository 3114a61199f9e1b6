using System.Globalization;
using Fangs.Protocol;

namespace Fangs.Runner.Sandbox;

/// <summary>The limits that the kernel reports for a cgroup.</summary>
internal readonly record struct CgroupLimits(long MemoryBytes, long Pids, long NanoCpus);

/// <summary>The cgroup <c>/fangs/{run}</c> of one sandbox, in the v2 hierarchy and on hybrid hosts in each v1 hierarchy too.</summary>
/// <remarks>
/// On hybrid hosts the controllers belong to v1, so runc sets the limits there and puts the process into the v2 cgroup as well, where
/// the sensor looks and <c>cgroup.kill</c> is.
/// </remarks>
internal sealed class SandboxCgroup(CgroupHost host, RunId run)
{
    private const string Parent = "fangs";
    private const int RemovalAttempts = 250;
    private static readonly TimeSpan RemovalPause = TimeSpan.FromMilliseconds(20);

    /// <summary>What the runtime is told; relative to the root of every hierarchy.</summary>
    internal string Name { get; } = $"/{Parent}/{run}";

    /// <summary>The directory in the v2 hierarchy.</summary>
    internal string Path { get; } = System.IO.Path.Combine(host.V2Root, Parent, run.ToString());

    /// <summary>Makes sure that the process is in the v2 cgroup: a runtime may know only v1 on a hybrid host.</summary>
    internal void EnsureMember(int process)
    {
        var members = System.IO.Path.Combine(Path, "cgroup.procs");
        var id = process.ToString(CultureInfo.InvariantCulture);
        if (File.Exists(members) && File.ReadAllLines(members).Contains(id)) return;
        Directory.CreateDirectory(Path);
        File.WriteAllText(members, id);
    }

    /// <summary>Compares what the kernel enforces with what was asked for.</summary>
    /// <exception cref="SandboxException">A limit is missing: the sandbox must not start without it.</exception>
    internal void Verify(SandboxLimits wanted)
    {
        var actual = ReadLimits();
        // The kernel rounds memory down to pages, and runc the CPU share to whole microseconds.
        if (actual.MemoryBytes <= wanted.MemoryBytes && actual.Pids <= wanted.Pids && actual.NanoCpus <= wanted.NanoCpus) return;
        throw new SandboxException(
            $"The kernel does not enforce the sandbox's limits: memory {actual.MemoryBytes} (asked {wanted.MemoryBytes}), pids {actual.Pids} ({wanted.Pids}), nano-CPUs {actual.NanoCpus} ({wanted.NanoCpus}).");
    }

    /// <summary>The limits in whichever hierarchy has the controller; <see cref="long.MaxValue"/> for none.</summary>
    internal CgroupLimits ReadLimits() => new(
        Number(ControlFile("memory", "memory.limit_in_bytes", "memory.max")),
        Number(ControlFile("pids", "pids.max", "pids.max")),
        NanoCpus());

    /// <summary>Which limits were hit, in words; empty when none was.</summary>
    internal string Exhaustion()
    {
        var outOfMemory = Counter(ControlFile("memory", "memory.oom_control", "memory.events"), "oom_kill");
        var outOfPids = Counter(ControlFile("pids", "pids.events", "pids.events"), "max");
        var limits = ReadLimits();
        string[] words =
        [
            outOfMemory > 0 ? $"the memory limit of {limits.MemoryBytes >> 20} MiB killed {outOfMemory} processes" : "",
            outOfPids > 0 ? $"the limit of {limits.Pids} processes was hit {outOfPids} times" : "",
        ];
        return string.Join("; ", words.Where(w => w.Length > 0));
    }

    /// <summary>Kills everything in the cgroup, also what forks meanwhile.</summary>
    internal void Kill()
    {
        try
        {
            File.WriteAllText(System.IO.Path.Combine(Path, "cgroup.kill"), "1");
        }
        catch (IOException)
        {
            // The cgroup is gone, and with it everything that was in it.
        }
    }

    /// <summary>Removes the directories in all hierarchies, waiting for killed processes to be gone.</summary>
    /// <returns>What could not be removed.</returns>
    internal async Task<IReadOnlyList<string>> RemoveAsync(TimeProvider clock)
    {
        string[] left = [.. host.V1Roots.Values.Distinct().Append(host.V2Root).Select(root => root + Name)];
        for (var attempt = 0; ; attempt++)
        {
            left = [.. left.Where(d => !TryRemove(d))];
            if (left.Length == 0 || attempt == RemovalAttempts) return left;
            Kill();
            await Task.Delay(RemovalPause, clock);
        }
    }

    private static bool TryRemove(string directory)
    {
        try
        {
            Directory.Delete(directory);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            return false; // EBUSY: still populated
        }
    }

    private string ControlFile(string controller, string v1Name, string v2Name) => host.V1Roots.TryGetValue(controller, out var root)
        ? root + Name + "/" + v1Name
        : System.IO.Path.Combine(Path, v2Name);

    private long NanoCpus()
    {
        const double Billion = 1e9;
        if (!host.V1Roots.ContainsKey("cpu"))
        {
            var parts = Read(ControlFile("cpu", "", "cpu.max")).Split(' ');
            return parts is [var share, var per] && long.TryParse(share, out var quota) && long.TryParse(per, out var length) && length > 0
                ? (long)(quota * Billion / length)
                : long.MaxValue;
        }

        var period = Number(ControlFile("cpu", "cpu.cfs_period_us", ""));
        var time = Number(ControlFile("cpu", "cpu.cfs_quota_us", ""));
        return time is > 0 and < long.MaxValue && period > 0 ? (long)(time * Billion / period) : long.MaxValue;
    }

    private static long Number(string file) =>
        long.TryParse(Read(file), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : long.MaxValue;

    private static long Counter(string file, string key)
    {
        foreach (var line in Read(file).Split('\n'))
            if (line.StartsWith(key + " ", StringComparison.Ordinal) && long.TryParse(line.AsSpan(key.Length + 1), out var count)) return count;
        return 0;
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
