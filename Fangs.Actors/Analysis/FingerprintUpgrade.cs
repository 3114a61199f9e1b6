using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fangs.Actors.Analysis;

/// <summary>
/// Brings values of a baseline that were stored under older rules, or by upstream, into the form that events yield today. Pure; doing it
/// again changes nothing.
/// </summary>
public static class FingerprintUpgrade
{
    /// <summary>The same behaviour under the rules of <see cref="PathRules.Version"/>.</summary>
    public static FingerprintKey Apply(FingerprintKey key) => key.Category switch
    {
        FingerprintCategory.PathRead or FingerprintCategory.PathWrite => key with { Value = PathRules.Normalise(key.Value) },
        FingerprintCategory.Destination => key with { Value = Destination(key.Value) },
        _ => key,
    };

    // Upstream writes IPv6 without brackets, which leaves open where the address ends; the port is behind the last colon.
    private static string Destination(string value)
    {
        var colon = value.LastIndexOf(':');
        if (colon <= 0 || value[0] == '[' || !ushort.TryParse(value.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return value;
        if (!IPAddress.TryParse(value.AsSpan(0, colon), out var address) || address.AddressFamily != AddressFamily.InterNetworkV6) return value;
        return address.IsIPv4MappedToIPv6 ? $"{address.MapToIPv4()}:{port}" : $"[{address}]:{port}";
    }
}
