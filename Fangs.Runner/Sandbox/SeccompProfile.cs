using System.Text.Json.Nodes;

namespace Fangs.Runner.Sandbox;

/// <summary>What system calls a sandbox may make: everything that a package needs, nothing that reaches around the sensor or into the kernel's depths.</summary>
/// <remarks>
/// A blocked attempt is still seen: the sensor's <c>sys_exit</c> probes run after seccomp. Only x86-64 entry is allowed, because 32-bit entry
/// bypasses system call tracepoints; another entry kills the thread.
/// </remarks>
internal static class SeccompProfile
{
    private const int NotPermitted = 1, NotImplemented = 38, FamilyNotSupported = 97; // EPERM, ENOSYS, EAFNOSUPPORT

    // File and network access through a queue bypasses the probes. ENOSYS makes libuv fall back.
    private static readonly string[] Queues = ["io_uring_setup", "io_uring_enter", "io_uring_register"];

    // Its flags lie in memory, where seccomp cannot look. ENOSYS makes the C library fall back to clone, whose flags are checked below.
    private static readonly string[] Unfilterable = ["clone3"];

    private static readonly string[] Forbidden =
    [
        "bpf", "perf_event_open", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "userfaultfd",
        "mount", "umount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr", "quotactl",
        "setns", "unshare", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "add_key", "request_key", "keyctl",
        "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "iopl", "ioperm", "swapon", "swapoff", "reboot", "acct",
        "syslog", "lookup_dcookie", "vhangup", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    ];

    // CLONE_NEW… for mount, cgroup, host name, IPC, user, pid, network.
    private static readonly uint[] NamespaceFlags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];

    // All families but unix, inet, inet6 and netlink. Network namespaces do not separate vsock, so it would lead to the host.
    private static readonly int[] OtherFamilies = [3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15];

    private const int FirstFamilyAboveNetlink = 17;

    internal static JsonObject Build()
    {
        var rules = new JsonArray { Deny(Queues, NotImplemented), Deny(Unfilterable, NotImplemented), Deny(Forbidden, NotPermitted) };
        foreach (var flag in NamespaceFlags) rules.Add(Deny(["clone"], NotPermitted, "SCMP_CMP_MASKED_EQ", flag, flag));
        foreach (var family in OtherFamilies) rules.Add(Deny(["socket"], FamilyNotSupported, "SCMP_CMP_EQ", family));
        rules.Add(Deny(["socket"], FamilyNotSupported, "SCMP_CMP_GE", FirstFamilyAboveNetlink));
        return new JsonObject
        {
            ["defaultAction"] = "SCMP_ACT_ALLOW",
            ["architectures"] = new JsonArray("SCMP_ARCH_X86_64"),
            ["syscalls"] = rules,
        };
    }

    private static JsonObject Deny(string[] names, int errno, string? comparison = null, long value = 0, long second = 0)
    {
        var rule = new JsonObject
        {
            ["names"] = new JsonArray([.. names.Select(n => (JsonNode)n)]),
            ["action"] = "SCMP_ACT_ERRNO",
            ["errnoRet"] = errno,
        };
        if (comparison is not null)
            rule["args"] = new JsonArray(new JsonObject { ["index"] = 0, ["value"] = value, ["valueTwo"] = second, ["op"] = comparison });
        return rule;
    }
}
