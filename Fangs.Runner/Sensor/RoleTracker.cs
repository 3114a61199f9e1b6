namespace Fangs.Runner.Sensor;

/// <summary>On whose behalf a process acts.</summary>
internal enum ProcessRole : byte
{
    /// <summary>What FANGS itself runs in the sandbox.</summary>
    Harness,

    /// <summary>npm, whose own traffic is not the package's behaviour.</summary>
    Npm,

    /// <summary>What npm runs: lifecycle scripts, node-gyp, git, and all below them.</summary>
    Script,

    /// <summary>A process that requires or imports the package, and all below it.</summary>
    Import,
}

/// <summary>Names of the phases that roles depend on.</summary>
internal static class Phase
{
    /// <summary>npm installs the package.</summary>
    internal const string Install = "install";

    /// <summary>The package's entry points are loaded.</summary>
    internal const string Import = "import";
}

/// <summary>
/// Classifies the processes of a run by their ancestry. A process inherits its role when it is born and keeps it when its parent
/// dies; only an exec changes it.
/// </summary>
/// <remarks>
/// Processes are never forgotten, because nothing tells reliably that one is gone; the kernel's pid range bounds the table.
/// A reused number is overwritten by its new fork.
/// </remarks>
internal sealed class RoleTracker
{
    private const int ArgumentsToSearch = 4;
    private readonly Dictionary<uint, Entry> _processes = [];
    private bool _hasFirst;

    private readonly record struct Entry(ProcessRole Role, bool IsNpmItself, bool IsFirst);

    /// <summary>A process was born.</summary>
    internal void Forked(uint parent, uint parentsParent, uint child)
    {
        var role = Find(parent, parentsParent, out var entry) ? entry.Role : ProcessRole.Harness;
        _processes[child] = new Entry(role, IsNpmItself: false, IsFirst: false);
    }

    /// <summary>A process replaced its program.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="ppid">Its parent, asked when its birth was not seen.</param>
    /// <param name="arguments">NUL-terminated arguments.</param>
    /// <param name="phase">The phase, see <see cref="Phase"/>.</param>
    /// <param name="isMark">The exec is a mark between phases, which only the harness can make.</param>
    internal ProcessRole Executed(uint pid, uint ppid, ReadOnlySpan<byte> arguments, string phase, bool isMark)
    {
        var isKnown = Find(pid, ppid, out var entry);
        if (!isKnown) entry = new Entry(ProcessRole.Harness, IsNpmItself: false, IsFirst: !_hasFirst);
        _hasFirst = true;
        entry = entry.Role switch
        {
            _ when isMark => entry with { Role = ProcessRole.Harness, IsNpmItself = false },
            ProcessRole.Npm when !entry.IsNpmItself => entry with { Role = ProcessRole.Script },
            ProcessRole.Harness when phase == Phase.Install && IsNpm(arguments) => entry with { Role = ProcessRole.Npm, IsNpmItself = true },
            ProcessRole.Harness when phase == Phase.Import && !entry.IsFirst => entry with { Role = ProcessRole.Import },
            _ => entry,
        };
        _processes[pid] = entry;
        return entry.Role;
    }

    /// <summary>The role of a process, by its parent when the process itself is not known.</summary>
    internal ProcessRole RoleOf(uint pid, uint ppid) => Find(pid, ppid, out var entry) ? entry.Role : ProcessRole.Harness;

    private bool Find(uint pid, uint ppid, out Entry entry)
    {
        if (_processes.TryGetValue(pid, out entry)) return true;
        if (!_processes.TryGetValue(ppid, out var parent)) return false;
        entry = new Entry(parent.Role, IsNpmItself: false, IsFirst: false); // as a fork would have made it
        return true;
    }

    // npm itself, or an interpreter that is about to run it: "node /usr/bin/npm", "/usr/bin/env node …/npm-cli.js".
    private static bool IsNpm(ReadOnlySpan<byte> arguments)
    {
        var list = new ArgumentList(arguments);
        for (var left = ArgumentsToSearch; left > 0 && list.Next(out var argument); left--)
        {
            if (argument.StartsWith("-"u8)) continue;
            var name = argument[(argument.LastIndexOf((byte)'/') + 1)..];
            if (name.SequenceEqual("npm"u8) || name.SequenceEqual("npm-cli.js"u8)) return true;
        }

        return false;
    }
}
