using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fangs.Actors.Analysis;

/// <summary>Address ranges as a set. Looking an address up takes one step per distinct prefix length, however many ranges there are.</summary>
internal sealed class AddressRanges
{
    // IPv4 lies at ::ffff:0:0/96, as in IPv4-mapped addresses, so that both notations of one range are one range.
    private const int MappedBits = 96;

    private readonly Dictionary<int, HashSet<UInt128>> _byLength = [];

    /// <summary>Adds a range of the form address/length; false when it has another form.</summary>
    internal bool TryAdd(string range)
    {
        if (!IPNetwork.TryParse(range, out var network)) return false;
        var length = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? MappedBits + network.PrefixLength : network.PrefixLength;
        if (!_byLength.TryGetValue(length, out var networks)) _byLength.Add(length, networks = []);
        networks.Add(Masked(Number(network.BaseAddress), length));
        return true;
    }

    /// <summary>Whether an address lies in one of the ranges. A range of IPv6 that happens to span the mapped ones says nothing about IPv4.</summary>
    internal bool Contains(IPAddress address)
    {
        var number = Number(address);
        var isIPv4 = address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6;
        foreach (var (length, networks) in _byLength)
        {
            if ((!isIPv4 || length >= MappedBits) && networks.Contains(Masked(number, length))) return true;
        }

        return false;
    }

    private static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.MapToIPv6().TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static UInt128 Masked(UInt128 number, int length) => length == 0 ? UInt128.Zero : number & (UInt128.MaxValue << (128 - length));
}
