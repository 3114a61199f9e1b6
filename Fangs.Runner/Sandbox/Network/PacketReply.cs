using System.Net;
using System.Net.Sockets;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>Sends a datagram from a chosen source address, which <see cref="Socket"/> cannot: a resolver must answer from where it was asked.</summary>
internal static unsafe class PacketReply
{
    private const int IpLevel = 0, IpPacketInfo = 8, Ipv6Level = 41, Ipv6PacketInfo = 50;
    private const int DoNotWait = 0x40; // MSG_DONTWAIT: a sandbox that does not read loses its answer, as with a real resolver

    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public void* Vector;
        public nuint VectorLength;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    private struct IoVector
    {
        public void* Data;
        public nuint Length;
    }

    internal static void Send(Socket socket, ReadOnlySpan<byte> data, IPEndPoint to, IPAddress from)
    {
        var v6 = to.AddressFamily == AddressFamily.InterNetworkV6;
        var target = to.Serialize();
        Span<byte> control = stackalloc byte[40]; // cmsghdr (16) + in_pktinfo (12, padded) or in6_pktinfo (20, padded)
        control.Clear();
        fixed (byte* name = target.Buffer.Span, body = data, extra = control)
        {
            *(nuint*)extra = (nuint)(v6 ? 36 : 28);
            *(int*)(extra + 8) = v6 ? Ipv6Level : IpLevel;
            *(int*)(extra + 12) = v6 ? Ipv6PacketInfo : IpPacketInfo;
            from.TryWriteBytes(control[(v6 ? 16 : 20)..], out _); // IPv4: ipi_ifindex comes first, then ipi_spec_dst
            var vector = new IoVector { Data = body, Length = (nuint)data.Length };
            var message = new MessageHeader
            {
                Name = name,
                NameLength = (uint)target.Size,
                Vector = &vector,
                VectorLength = 1,
                Control = extra,
                ControlLength = (nuint)(v6 ? 40 : 32),
            };
            _ = Native.SendMessage((int)socket.Handle, &message, DoNotWait);
        }
    }
}
