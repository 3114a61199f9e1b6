namespace Fangs.Runner.Sensor;

/// <summary>A system call that names files, and where it keeps its arguments (numbered from 0; null: it has none).</summary>
/// <param name="Name">As in the tracepoint <c>sys_exit_{Name}</c>.</param>
/// <param name="Op">What it does.</param>
/// <param name="Path">The path; null when the call acts on the descriptor in <paramref name="Directory"/>.</param>
/// <param name="Directory">Descriptor of the directory that the path is relative to; null: the working directory.</param>
/// <param name="NewPath">The second path.</param>
/// <param name="NewDirectory">Descriptor of the directory that the second path is relative to.</param>
/// <param name="Flags">The open flags.</param>
/// <param name="IsFlagsPointer">The flags argument points to a structure that begins with 64 bits of flags.</param>
/// <param name="FixedFlags">Open flags that the call implies, so that readers of events can tell changing from reading.</param>
internal readonly record struct FileCall(
    string Name, FileOp Op, int? Path, int? Directory = null, int? NewPath = null, int? NewDirectory = null,
    int? Flags = null, bool IsFlagsPointer = false, int FixedFlags = 0)
{
    private const ulong NoArgument = 15;

    /// <summary>The attachment's cookie; Sensor/bpf/files.h takes it apart.</summary>
    internal ulong Cookie =>
        (ulong)Op | Nibble(Directory) << 8 | Nibble(Path) << 12 | Nibble(NewDirectory) << 16 | Nibble(NewPath) << 20 |
        Nibble(Flags) << 24 | (IsFlagsPointer ? 1ul : 0) << 28 | (ulong)(uint)FixedFlags << 32;

    private static ulong Nibble(int? argument) => argument is { } index ? (ulong)index : NoArgument;
}

/// <summary>The system calls that are traced, and how. Data, because one program serves them all.</summary>
internal static class SyscallProbes
{
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Truncate = 0x200;

    /// <summary>Attached to <c>on_file_call</c>.</summary>
    internal static readonly FileCall[] FileCalls =
    [
        new("openat", FileOp.Open, 1, 0, Flags: 2),
        new("openat2", FileOp.Open, 1, 0, Flags: 2, IsFlagsPointer: true),
        new("open", FileOp.Open, 0, Flags: 1),
        new("creat", FileOp.Open, 0, FixedFlags: Create | WriteOnly | Truncate),
        new("unlink", FileOp.Unlink, 0, FixedFlags: WriteOnly),
        new("unlinkat", FileOp.Unlink, 1, 0, FixedFlags: WriteOnly),
        new("rmdir", FileOp.Unlink, 0, FixedFlags: WriteOnly),
        new("rename", FileOp.Rename, 0, NewPath: 1, FixedFlags: WriteOnly),
        new("renameat", FileOp.Rename, 1, 0, 3, 2, FixedFlags: WriteOnly),
        new("renameat2", FileOp.Rename, 1, 0, 3, 2, FixedFlags: WriteOnly),
        // The first path of a link is what it leads to: it is only named, and what is written is the second.
        new("symlink", FileOp.Symlink, 0, NewPath: 1),
        new("symlinkat", FileOp.Symlink, 0, NewPath: 2, NewDirectory: 1),
        new("link", FileOp.Link, 0, NewPath: 1),
        new("linkat", FileOp.Link, 1, 0, 3, 2),
        new("chmod", FileOp.Chmod, 0, FixedFlags: WriteOnly),
        new("fchmod", FileOp.Chmod, null, 0, FixedFlags: WriteOnly),
        new("fchmodat", FileOp.Chmod, 1, 0, FixedFlags: WriteOnly),
        new("fchmodat2", FileOp.Chmod, 1, 0, FixedFlags: WriteOnly),
        new("truncate", FileOp.Truncate, 0, FixedFlags: WriteOnly | Truncate),
        new("mkdir", FileOp.Mkdir, 0, FixedFlags: Create),
        new("mkdirat", FileOp.Mkdir, 1, 0, FixedFlags: Create),
    ];

    /// <summary>Attached to <c>on_rare_call</c>; the index is the cookie. The first entry stands for io_uring's own operations.</summary>
    internal static readonly string[] RareCalls =
    [
        "io_uring", "ptrace", "process_vm_readv", "process_vm_writev", "memfd_create", "io_uring_setup", "bpf", "mount", "unshare",
        "setns", "userfaultfd", "keyctl", "pivot_root", "chroot", "open_by_handle_at", "perf_event_open", "init_module",
        "finit_module", "kexec_load", "open_tree", "move_mount", "fsopen", "pidfd_getfd", "add_key", "request_key",
    ];

    /// <summary>Kernels without these cannot be used; any other call that has no tracepoint does not exist in the kernel.</summary>
    internal static readonly string[] Required = ["openat", "connect"];
}
