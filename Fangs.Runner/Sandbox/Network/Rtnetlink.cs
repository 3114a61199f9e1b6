using System.Buffers.Binary;
using System.ComponentModel;
using System.Net;
using System.Runtime.InteropServices;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>Sets up the loopback of a fresh network namespace through a netlink socket that was opened inside it.</summary>
internal static unsafe class Rtnetlink
{
    private const ushort NewLink = 16, NewAddress = 20, NewRoute = 24, ErrorMessage = 2;
    private const ushort Request = 1, Acknowledge = 4, Exclusive = 0x200, Create = 0x400;
    private const int HeaderSize = 16;
    private const int Loopback = 1; // the index of lo in every namespace
    private const byte UniverseScope = 0, HostScope = 254, LocalTable = 255, LocalType = 2, BootProtocol = 3;
    private const byte NoDuplicateDetection = 2; // IFA_F_NODAD
    private const ushort AttributeAddress = 1, AttributeLocal = 2, AttributeOutputInterface = 4, AttributePreferredSource = 7;

    /// <summary>The sandbox's own address; nothing routes to it from outside.</summary>
    internal static readonly IPAddress OwnAddress = IPAddress.Parse("10.66.0.2");

    private static readonly IPAddress OwnAddress6 = IPAddress.Parse("fd66::2");

    /// <summary>Brings lo up, gives it an address, and makes every destination a local one.</summary>
    /// <exception cref="SandboxException">The kernel refuses.</exception>
    internal static void KeepEverythingInside(int netlink, bool withIpv6)
    {
        Send(netlink, NewLink, 0, [0, 0, 0, 0, Loopback, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], "bring lo up"); // ifinfomsg: IFF_UP in flags and change
        Address(netlink, Native.AddressFamilyInet, OwnAddress, 32, HostScope);
        Route(netlink, Native.AddressFamilyInet, OwnAddress, HostScope);
        if (!withIpv6) return;
        Address(netlink, Native.AddressFamilyInet6, OwnAddress6, 128, UniverseScope);
        Route(netlink, Native.AddressFamilyInet6, null, UniverseScope);
    }

    private static void Address(int netlink, int family, IPAddress address, byte prefix, byte scope)
    {
        var flags = family == Native.AddressFamilyInet6 ? NoDuplicateDetection : (byte)0;
        var bytes = address.GetAddressBytes();
        byte[] body = [(byte)family, prefix, flags, scope, Loopback, 0, 0, 0, .. Attribute(AttributeLocal, bytes), .. Attribute(AttributeAddress, bytes)];
        Send(netlink, NewAddress, Create | Exclusive, body, $"add {address} to lo");
    }

    private static void Route(int netlink, int family, IPAddress? source, byte scope)
    {
        byte[] body =
        [
            (byte)family, 0, 0, 0, LocalTable, BootProtocol, scope, LocalType, 0, 0, 0, 0,
            .. Attribute(AttributeOutputInterface, [Loopback, 0, 0, 0]),
            .. source is null ? [] : Attribute(AttributePreferredSource, source.GetAddressBytes()),
        ];
        Send(netlink, NewRoute, Create | Exclusive, body, "add the local default route");
    }

    // All our attributes are multiples of four bytes, so none needs padding.
    private static byte[] Attribute(ushort type, byte[] value)
    {
        var attribute = new byte[4 + value.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)attribute.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), type);
        value.CopyTo(attribute, 4);
        return attribute;
    }

    private static void Send(int netlink, ushort type, ushort flags, ReadOnlySpan<byte> body, string what)
    {
        Span<byte> message = stackalloc byte[HeaderSize + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(message[6..], (ushort)(Request | Acknowledge | flags));
        message[8..HeaderSize].Clear();
        body.CopyTo(message[HeaderSize..]);
        Span<byte> reply = stackalloc byte[1024];
        fixed (byte* m = message, r = reply)
        {
            if (Native.Send(netlink, m, (nuint)message.Length, 0) != message.Length)
                throw new SandboxException($"Cannot {what} in the sandbox's network: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}.");
            var read = Native.Receive(netlink, r, (nuint)reply.Length, 0); // the acknowledgement is queued before send returns
            if (read < HeaderSize + 4 || BinaryPrimitives.ReadUInt16LittleEndian(reply[4..]) != ErrorMessage)
                throw new SandboxException($"Cannot {what} in the sandbox's network: the kernel did not answer.");
        }

        var error = BinaryPrimitives.ReadInt32LittleEndian(reply[HeaderSize..]);
        if (error != 0) throw new SandboxException($"Cannot {what} in the sandbox's network: {new Win32Exception(-error).Message}.");
    }
}
