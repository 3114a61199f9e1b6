using System.Runtime.InteropServices;

namespace Fangs.Runner.Sandbox;

/// <summary>The C library's functions that the sandbox needs and .NET does not offer. All return -1 and set errno on failure.</summary>
internal static unsafe partial class Native
{
    internal const int NewNetwork = 0x40000000; // CLONE_NEWNET
    internal const int CloseOnExec = 0x80000; // O_CLOEXEC and SOCK_CLOEXEC
    internal const int AddressFamilyInet = 2;
    internal const int AddressFamilyNetlink = 16;
    internal const int AddressFamilyInet6 = 10;
    internal const int Stream = 1;
    internal const int Datagram = 2;
    internal const int Raw = 3;
    internal const int NoHang = 1; // WNOHANG

    // Blittable and without SetLastError, because these run on a thread that has left the host's network namespace.
    [LibraryImport("libc", EntryPoint = "unshare")]
    internal static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "setns")]
    internal static partial int SetNamespace(int descriptor, int kind);

    [LibraryImport("libc", EntryPoint = "socket")]
    internal static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "open")]
    internal static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    internal static partial nint Send(int descriptor, byte* data, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    internal static partial nint Receive(int descriptor, byte* data, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMessage(int descriptor, void* message, int flags);

    /// <summary><c>openat2</c>, which the C library has no function for: no component of the path may lead elsewhere.</summary>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint OpenAt2(nint number, nint directory, byte* path, OpenHow* how, nuint size);

    /// <summary>The kernel's <c>struct open_how</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct OpenHow
    {
        internal ulong Flags;
        internal ulong Mode;
        internal ulong Resolve;
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUserId();

    [LibraryImport("libc", EntryPoint = "chown", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    internal static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "chmod", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int ChangeMode(string path, uint mode);

    /// <summary>Sets permissions whatever the umask. The class library's own function is marked as missing elsewhere, which would mark every caller.</summary>
    /// <exception cref="IOException">The file system refuses.</exception>
    internal static void SetMode(string path, UnixFileMode mode)
    {
        if (ChangeMode(path, (uint)mode) != 0) throw new IOException($"Cannot set the permissions of '{path}': {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    internal static partial int WaitProcess(int process, int* status, int options);
}
