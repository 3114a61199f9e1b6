using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>A network namespace with no way out, held by nothing but a file descriptor, and sockets that this process opened inside it.</summary>
/// <remarks>No mount and no name: when the runner dies, the namespace lives as long as the sandbox's processes and leaves nothing behind.</remarks>
internal sealed unsafe class NetworkNamespace : IDisposable
{
    private readonly SafeFileHandle _handle;

    private NetworkNamespace(SafeFileHandle handle, Socket tcp4, Socket udp4, Socket? tcp6, Socket? udp6)
    {
        _handle = handle;
        (Tcp4, Udp4, Tcp6, Udp6) = (tcp4, udp4, tcp6, udp6);
    }

    /// <summary>Not yet bound, like the other three. A socket stays in the namespace in which it was made.</summary>
    internal Socket Tcp4 { get; }

    internal Socket Udp4 { get; }

    /// <summary>Null where the kernel has no IPv6.</summary>
    internal Socket? Tcp6 { get; }

    internal Socket? Udp6 { get; }

    /// <summary>The descriptor of the namespace; valid until this object is disposed.</summary>
    internal int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>A path by which other processes of the host can join the namespace; valid until this object is disposed.</summary>
    internal string Path => $"/proc/{Environment.ProcessId}/fd/{Descriptor}";

    /// <summary>Makes the namespace with its loopback up, one address, and a default route that keeps every packet inside.</summary>
    /// <exception cref="SandboxException">The kernel refuses.</exception>
    internal static NetworkNamespace Create()
    {
        var opened = new Opened();
        WarmUp();
        var thread = new Thread(() => Inside(opened)) { Name = "fangs-netns", IsBackground = true };
        thread.Start();
        thread.Join(); // milliseconds: nine system calls
        var netlink = new SafeFileHandle(opened.Netlink, ownsHandle: true);
        var handle = new SafeFileHandle(opened.Namespace, ownsHandle: true);
        using (netlink)
        {
            if (opened.FailedStep is { } step)
            {
                handle.Dispose();
                foreach (var fd in (ReadOnlySpan<int>)[opened.Tcp4, opened.Udp4, opened.Tcp6, opened.Udp6])
                    if (fd >= 0) _ = Native.Close(fd);
                throw new SandboxException($"Cannot make a network namespace: {step}: {new Win32Exception(opened.Errno).Message}.");
            }

            var made = new NetworkNamespace(handle, Adopt(opened.Tcp4), Adopt(opened.Udp4),
                opened.Tcp6 >= 0 ? Adopt(opened.Tcp6) : null, opened.Udp6 >= 0 ? Adopt(opened.Udp6) : null);
            try
            {
                Rtnetlink.KeepEverythingInside(opened.Netlink, withIpv6: made.Tcp6 is not null);
                return made;
            }
            catch
            {
                made.Dispose();
                throw;
            }
        }
    }

    public void Dispose()
    {
        Tcp4.Dispose();
        Udp4.Dispose();
        Tcp6?.Dispose();
        Udp6?.Dispose();
        _handle.Dispose();
    }

    private static Socket Adopt(int descriptor) => new(new SafeSocketHandle(descriptor, ownsHandle: true));

    // A function's stub is made at its first call; that must not happen on the thread below.
    private static void WarmUp()
    {
        _ = Native.Unshare(0);
        _ = Native.SetNamespace(-1, 0);
        _ = Native.Socket(-1, 0, 0);
        _ = Native.Open(null, 0);
        _ = Native.Close(-1);
        _ = Marshal.GetLastSystemError();
    }

    // Only raw system calls in here: a thread that the runtime starts meanwhile would be born in the other namespace and stay there.
    // AggressiveOptimization, because tiered compilation starts such a thread.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Inside(Opened opened)
    {
        var host = -1;
        fixed (byte* ns = "/proc/thread-self/ns/net\0"u8)
        {
            host = Native.Open(ns, Native.CloseOnExec);
            if (host < 0)
            {
                Fail(opened, "open the host's namespace");
                return;
            }

            if (Native.Unshare(Native.NewNetwork) != 0) Fail(opened, "unshare");
            if (opened.FailedStep is null && (opened.Namespace = Native.Open(ns, Native.CloseOnExec)) < 0) Fail(opened, "open");
        }

        if (opened.FailedStep is null)
        {
            opened.Netlink = Native.Socket(Native.AddressFamilyNetlink, Native.Raw | Native.CloseOnExec, 0);
            opened.Tcp4 = Native.Socket(Native.AddressFamilyInet, Native.Stream | Native.CloseOnExec, 0);
            opened.Udp4 = Native.Socket(Native.AddressFamilyInet, Native.Datagram | Native.CloseOnExec, 0);
            if (opened.Netlink < 0 || opened.Tcp4 < 0 || opened.Udp4 < 0) Fail(opened, "socket");
            opened.Tcp6 = Native.Socket(Native.AddressFamilyInet6, Native.Stream | Native.CloseOnExec, 0);
            opened.Udp6 = Native.Socket(Native.AddressFamilyInet6, Native.Datagram | Native.CloseOnExec, 0);
            if (Native.SetNamespace(host, Native.NewNetwork) != 0) Fail(opened, "setns"); // the thread ends either way
        }

        _ = Native.Close(host);
    }

    private static void Fail(Opened opened, string step)
    {
        opened.Errno = Marshal.GetLastSystemError();
        opened.FailedStep = step;
    }

    private sealed class Opened
    {
        internal int Namespace = -1, Netlink = -1, Tcp4 = -1, Udp4 = -1, Tcp6 = -1, Udp6 = -1, Errno;
        internal string? FailedStep;
    }
}
