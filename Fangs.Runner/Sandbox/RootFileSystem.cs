using System.Text;
using Fangs.Protocol;
using Fangs.Runner.Sandbox.Network;

namespace Fangs.Runner.Sandbox;

/// <summary>A directory or file of the host that a sandbox sees, read-only.</summary>
internal readonly record struct BindMount(string Source, string Destination);

/// <summary>The read-only root of one sandbox: a skeleton of its own, onto which the toolchain's tree is bound.</summary>
internal static class RootFileSystem
{
    /// <summary>First id of the host that sandboxes use; id 0 inside.</summary>
    internal const uint FirstHostId = 231_000;

    /// <summary>How many ids are mapped.</summary>
    internal const uint IdCount = 65_536;

    /// <summary>What the runner puts in: process 1, the import driver, npm's configuration.</summary>
    internal const string HarnessDirectory = "/.fangs";

    internal const string Shell = HarnessDirectory + "/sh";
    internal const string HostName = "node";

    private const UnixFileMode Searchable = (UnixFileMode)0b111_101_101; // 0755
    private const UnixFileMode Shared = (UnixFileMode)0b001_111_111_111; // 1777
    private const UnixFileMode Readable = (UnixFileMode)0b110_100_100; // 0644
    private const UnixFileMode Private = (UnixFileMode)0b110_000_000; // 0600
    private const UnixFileMode ExecuteOnly = (UnixFileMode)0b001_001_001; // 0111

    private static readonly string[] Directories =
        ["/proc", "/dev", "/sys", "/tmp", "/work", "/home/node", "/root", "/usr", "/opt", "/run", "/var/tmp", "/etc", HarnessDirectory];

    private static readonly string[] Homes = ["/root", "/home/node"];

    private static readonly string[] TopLevel = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

    private static readonly string[] SharedConfiguration =
        ["/etc/alternatives", "/etc/ssl", "/etc/pki", "/etc/crypto-policies", "/etc/ca-certificates", "/etc/ld.so.cache", "/etc/os-release"];

    /// <summary>Makes the tree below <paramref name="directory"/>.</summary>
    /// <returns>What the runtime has to bind into it.</returns>
    internal static IReadOnlyList<BindMount> Build(string directory, Toolchain toolchain, SandboxPlan plan, NpmSettings npm)
    {
        foreach (var path in Directories) MakeDirectory(directory + path);
        foreach (var path in (string[])["/tmp", "/var/tmp"]) Native.SetMode(directory + path, Shared); // runc gives a mount the mode of what it covers
        var binds = new List<BindMount> { new(Path.Combine(toolchain.Root, "usr"), "/usr") };
        foreach (var name in TopLevel) ShowTopLevel(directory, toolchain.Root, name, binds);
        foreach (var path in SharedConfiguration) ShowConfiguration(directory, toolchain.Root, path, binds);
        if (toolchain.ExtraSource is { } extra)
        {
            MakeDirectory(directory + Toolchain.ExtraPrefix);
            binds.Add(new BindMount(extra, Toolchain.ExtraPrefix));
        }

        WriteConfiguration(directory, plan);
        WriteHarness(directory, toolchain);
        npm.Write(directory, toolchain.NeedsScriptsAllowed, Write);
        Write(directory + SandboxPlan.ProjectDirectory + "/package.json", """{"name":"project","version":"1.0.0","private":true}""" + "\n");
        foreach (var home in Homes) WriteHome(directory, home, home == plan.Home ? plan : null);
        GiveTo(directory + SandboxPlan.ProjectDirectory, plan);
        return binds;
    }

    /// <summary>What of this layout is worth watching: the project and the homes, and the decoys as credentials.</summary>
    internal static IReadOnlyList<WatchedPath> Watched(SandboxPlan plan)
    {
        var directories = new List<string> { SandboxPlan.ProjectDirectory };
        directories.AddRange(Homes);
        if (plan.WorkingDirectory != "/" && !directories.Contains(plan.WorkingDirectory)) directories.Add(plan.WorkingDirectory.TrimEnd('/'));
        return
        [
            .. directories.Select(d => new WatchedPath { Prefix = d + "/" }),
            .. Homes.SelectMany(h => Decoys.Make().Select(d => new WatchedPath { Prefix = $"{h}/{d.Path}", CredTagged = true })),
            new WatchedPath { Prefix = "/etc/shadow", CredTagged = true },
        ];
    }

    private static void ShowTopLevel(string directory, string root, string name, List<BindMount> binds)
    {
        var source = new DirectoryInfo(Path.Combine(root, name));
        if (!source.Exists) return;
        var place = Path.Combine(directory, name);
        if (source.LinkTarget is { } target)
        {
            File.CreateSymbolicLink(place, target);
            return;
        }

        MakeDirectory(place);
        binds.Add(new BindMount(source.FullName, "/" + name));
    }

    private static void ShowConfiguration(string directory, string root, string path, List<BindMount> binds)
    {
        var source = root == "/" ? path : root + path;
        if (Directory.Exists(source)) MakeDirectory(directory + path);
        else if (File.Exists(source)) Write(directory + path, "");
        else return;
        binds.Add(new BindMount(source, path));
    }

    private static void WriteConfiguration(string directory, SandboxPlan plan)
    {
        var own = plan.User is 0 or 1000 ? "" : $"user:x:{plan.User}:{plan.Group}::/home/node:/bin/sh\n";
        Write(directory + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n" + own + "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n");
        Write(directory + "/etc/group", "root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n");
        Write(directory + "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n");
        Write(directory + "/etc/resolv.conf", "nameserver 10.66.0.1\noptions timeout:2 attempts:2\n"); // whichever address: the gateway answers for all
        Write(directory + "/etc/hosts", $"127.0.0.1 localhost\n::1 localhost ip6-localhost\n{Rtnetlink.OwnAddress} {HostName}\n");
        Write(directory + "/etc/hostname", HostName + "\n");
        Write(directory + "/etc/shadow", $"root:$6${Guid.NewGuid():N}$:19700:0:99999:7:::\nnode:!:19700:0:99999:7:::\n", Private);
    }

    private static void WriteHarness(string directory, Toolchain toolchain)
    {
        // Unreadable on purpose: the kernel then treats the process as not dumpable, and its memory and descriptors stay closed to the package.
        var shell = directory + Shell;
        File.Copy(Path.Combine(toolchain.Root, "bin/sh"), shell);
        Native.SetMode(shell, ExecuteOnly);
        foreach (var name in (string[])["init.sh", "import.cjs", "load.cjs"])
        {
            using var resource = typeof(RootFileSystem).Assembly.GetManifestResourceStream("harness/" + name)!;
            using var reader = new StreamReader(resource);
            Write($"{directory}{HarnessDirectory}/{name}", reader.ReadToEnd());
        }
    }

    // The user's own home is copied into memory, where it can be written; the other one stays read-only, and readable so that a look is not in vain.
    private static void WriteHome(string directory, string home, SandboxPlan? owner)
    {
        foreach (var decoy in Decoys.Make())
        {
            var path = $"{directory}{home}/{decoy.Path}";
            MakeDirectory(Path.GetDirectoryName(path)!);
            Write(path, decoy.Content, owner is null ? Readable : Private);
        }

        if (owner is not null) GiveTo(directory + home, owner);
    }

    private static void GiveTo(string path, SandboxPlan plan)
    {
        foreach (var entry in Directory.EnumerateFileSystemEntries(path, "*", SearchOption.AllDirectories).Prepend(path))
            if (Native.ChangeOwner(entry, FirstHostId + plan.User, FirstHostId + plan.Group) != 0)
                throw new SandboxException($"Cannot give '{entry}' to the sandbox's user: {System.Runtime.InteropServices.Marshal.GetLastPInvokeErrorMessage()}.");
    }

    private static void MakeDirectory(string path)
    {
        if (Directory.Exists(path)) return;
        MakeDirectory(Path.GetDirectoryName(path)!);
        Directory.CreateDirectory(path);
        Native.SetMode(path, Searchable); // whatever the umask
    }

    private static void Write(string path, string content) => Write(path, content, Readable);

    private static void Write(string path, string content, UnixFileMode mode)
    {
        File.WriteAllText(path, content, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        Native.SetMode(path, mode);
    }
}
