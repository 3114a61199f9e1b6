using System.Text.RegularExpressions;

namespace Fangs.Runner.Sandbox;

/// <summary>Where the host's cgroup hierarchies are mounted.</summary>
/// <param name="V2Root">The mount point of cgroup v2: <c>/sys/fs/cgroup</c>, or <c>…/unified</c> on hybrid hosts.</param>
/// <param name="V1Roots">Mount points of v1 hierarchies by controller; empty on pure v2 hosts.</param>
internal sealed partial record CgroupHost(string V2Root, IReadOnlyDictionary<string, string> V1Roots)
{
    private static readonly string[] LimitControllers = ["memory", "pids", "cpu"];

    /// <summary>Reads the mount table.</summary>
    /// <returns>Null when cgroup v2 is not mounted.</returns>
    internal static CgroupHost? Find() => Parse(File.ReadAllText("/proc/self/mountinfo"));

    internal static CgroupHost? Parse(string mountInfo)
    {
        string? v2 = null;
        var v1 = new Dictionary<string, string>();
        foreach (var line in mountInfo.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var halves = line.Split(" - ", 2);
            if (halves.Length < 2) continue;
            var left = halves[0].Split(' ');
            var right = halves[1].Split(' ');
            if (left.Length < 5 || right.Length < 3) continue;
            var place = Unescape(left[4]);
            if (right[0] == "cgroup2") v2 ??= place;
            else if (right[0] == "cgroup")
                foreach (var controller in right[2].Split(',').Where(c => c is not ("rw" or "ro"))) v1.TryAdd(controller, place);
        }

        return v2 is null ? null : new CgroupHost(v2, v1);
    }

    /// <summary>The limits that no hierarchy can enforce.</summary>
    internal IEnumerable<string> MissingControllers()
    {
        var unified = File.ReadAllText(Path.Combine(V2Root, "cgroup.controllers")).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return LimitControllers.Where(c => !V1Roots.ContainsKey(c) && !unified.Contains(c));
    }

    /// <summary>Whether swap can be limited. A v1 hierarchy tells by a file; v2 does wherever the kernel has swap at all.</summary>
    internal bool CountsSwap() => V1Roots.TryGetValue("memory", out var memory)
        ? File.Exists(Path.Combine(memory, "memory.memsw.limit_in_bytes"))
        : File.Exists("/proc/swaps");

    // Spaces, tabs, newlines and backslashes are octal in mountinfo.
    private static string Unescape(string text) => Octal().Replace(text, m => ((char)Convert.ToInt32(m.Groups[1].Value, 8)).ToString());

    [GeneratedRegex(@"\\([0-7]{3})")]
    private static partial Regex Octal();
}
