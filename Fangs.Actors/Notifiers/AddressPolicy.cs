using System.Net;
using System.Net.Sockets;

namespace Fangs.Actors.Notifiers;

/// <summary>To which addresses alerts may go. Pure.</summary>
/// <remarks>
/// A name that resolves to an address inside would make the orchestrator speak to what is behind the firewall: the metadata service of a cloud,
/// an administration page, itself. Only addresses that the Internet routes are allowed, unless the operator says otherwise.
/// </remarks>
public static class AddressPolicy
{
    // IANA's registries of special-purpose addresses, what is not globally reachable, and multicast.
    private static readonly IPNetwork[] Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Translated = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>Whether an address is one of the Internet.</summary>
    public static bool IsPublic(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        address = Plain(address);
        if (address.AddressFamily != AddressFamily.InterNetwork && !GlobalUnicast.Contains(address)) return false;
        return !Special.Any(range => range.Contains(address));
    }

    /// <summary>Whether an address may be connected to.</summary>
    /// <param name="address">What the name stands for.</param>
    /// <param name="isThisHost">Whether the target names this host as such; then only loopback will do.</param>
    /// <param name="allowPrivate">Whether the operator has allowed addresses inside.</param>
    public static bool MayConnect(IPAddress address, bool isThisHost, bool allowPrivate)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (isThisHost) return IPAddress.IsLoopback(Plain(address));
        return IsPublic(address) || (allowPrivate && IsOneHost(Plain(address)));
    }

    // Of an address that carries one of IPv4, the latter counts.
    private static IPAddress Plain(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6 && Translated.Contains(address) ? new IPAddress(address.GetAddressBytes().AsSpan(12)) : address;
    }

    private static bool IsOneHost(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? address.GetAddressBytes()[0] is > 0 and < 224
        : !address.IsIPv6Multicast && !address.Equals(IPAddress.IPv6Any);
}
