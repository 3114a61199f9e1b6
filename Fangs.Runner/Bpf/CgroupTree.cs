using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fangs.Runner.Bpf;

/// <summary>The host's cgroup v2 hierarchy, on pure and on hybrid hosts.</summary>
internal static unsafe partial class CgroupTree
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int OpenDirectoryFlags = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC

    /// <summary>Where the hierarchy is mounted, without a trailing slash; null when it is not.</summary>
    internal static string? FindRoot() => FindRoot(File.ReadLines("/proc/self/mountinfo"));

    /// <summary>The mount point of the first cgroup2 file system in the lines of a mountinfo file.</summary>
    internal static string? FindRoot(IEnumerable<string> mountInfo)
    {
        foreach (var line in mountInfo)
        {
            // "id parent major:minor root mount-point options [optional…] - type source options"
            var separator = line.IndexOf(" - ", StringComparison.Ordinal);
            if (separator < 0 || !line.AsSpan(separator + 3).StartsWith("cgroup2 ", StringComparison.Ordinal)) continue;
            var fields = line[..separator].Split(' ');
            if (fields.Length > 4 && fields[3] == "/") return Unescape(fields[4]);
        }

        return null;
    }

    /// <summary>The number by which the kernel knows the cgroup.</summary>
    /// <exception cref="BpfException">There is no such cgroup.</exception>
    internal static ulong IdOf(string path)
    {
        // struct file_handle: a length, a type and, for cgroups, eight bytes that are the id
        Span<byte> handle = stackalloc byte[16];
        handle.Clear();
        MemoryMarshal.Write(handle, 8u);
        fixed (byte* pointer = handle)
        {
            if (NameToHandleAt(CurrentDirectory, path, pointer, out _, 0) != 0)
                throw new BpfException($"There is no cgroup {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
        }

        return MemoryMarshal.Read<ulong>(handle[8..]);
    }

    /// <summary>How many levels below the root the cgroup lies; 0 is the root itself, -1 is not in the hierarchy.</summary>
    internal static int LevelOf(string root, string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (full == root) return 0;
        return full.StartsWith(root + "/", StringComparison.Ordinal) ? full.AsSpan(root.Length).Count('/') : -1;
    }

    /// <summary>Opens the cgroup's directory, to attach programs to it.</summary>
    /// <exception cref="BpfException">There is no such cgroup.</exception>
    internal static SafeFileHandle OpenDirectory(string path)
    {
        var descriptor = Open(path, OpenDirectoryFlags);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new BpfException($"cannot open the cgroup {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
    }

    // The kernel writes white space and backslashes of mount points as three octal digits.
    private static string Unescape(string text) => text
        .Replace("\\040", " ", StringComparison.Ordinal)
        .Replace("\\011", "\t", StringComparison.Ordinal)
        .Replace("\\134", "\\", StringComparison.Ordinal);

    [LibraryImport("libc", EntryPoint = "name_to_handle_at", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NameToHandleAt(int directory, string path, byte* handle, out int mountId, int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
