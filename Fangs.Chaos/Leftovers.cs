namespace Fangs.Chaos;

/// <summary>What processes, cgroups, mounts and files are left of a run of chaos. Looks only at what carries its mark or belongs to its runs.</summary>
internal static class Leftovers
{
    private const string Promise = "nothing is left behind";

    /// <summary>Looks.</summary>
    /// <param name="mark">Text that every process of it has in its environment.</param>
    /// <param name="runs">Ids of its runs, which name cgroups.</param>
    /// <param name="stateDirectory">Where its runners kept their sandboxes.</param>
    /// <param name="temporary">Its directory for temporary files.</param>
    public static IEnumerable<Violation> Find(string mark, IReadOnlySet<string> runs, string stateDirectory, string temporary)
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out var id) || id == Environment.ProcessId) continue;
            if (Read(directory + "/environ").Contains(mark, StringComparison.Ordinal) || IsIn(Read(directory + "/cgroup"), runs))
                yield return new(Promise, $"process {id}: {Read(directory + "/cmdline").Replace('\0', ' ').Trim()}");
        }

        foreach (var cgroup in Cgroups().Where(c => runs.Contains(Path.GetFileName(c)))) yield return new(Promise, $"cgroup {cgroup}");
        foreach (var mount in File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(stateDirectory, StringComparison.Ordinal))) yield return new(Promise, $"mount {mount}");
        foreach (var directory in (string[])[stateDirectory, temporary])
            if (Directory.Exists(directory))
                foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)) yield return new(Promise, $"file {file}");
        if (!Directory.Exists(stateDirectory)) yield break;
        foreach (var sandbox in Directory.EnumerateDirectories(stateDirectory, "*", SearchOption.AllDirectories).Where(d => runs.Contains(Path.GetFileName(d)))) yield return new(Promise, $"sandbox {sandbox}");
    }

    /// <summary>The cgroups of sandboxes, in every hierarchy.</summary>
    private static IEnumerable<string> Cgroups() => File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" - cgroup", StringComparison.Ordinal))
        .Select(line => line.Split(' ')[4] + "/fangs").Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories);

    private static bool IsIn(string cgroups, IReadOnlySet<string> runs)
    {
        var at = cgroups.IndexOf("/fangs/", StringComparison.Ordinal);
        return at >= 0 && runs.Contains(cgroups[(at + 7)..].Split('\n', '/')[0]);
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended meanwhile
        }
    }
}
