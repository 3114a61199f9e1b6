using System.Net;
using Fangs.Cli.Arguments;

namespace Fangs.Cli.Hosting;

/// <summary>Reads <c>-addr</c> and its like.</summary>
public static class ListenAddress
{
    /// <summary>Parses <c>host:port</c>; no host means every address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="flag">The flag that it comes from.</param>
    /// <exception cref="UsageException">It has another form.</exception>
    public static IPEndPoint Parse(string text, string flag = "addr")
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        if (colon < 0 || !ushort.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out var port)) throw Wrong(text, flag);
        return host switch
        {
            "" or "*" => new IPEndPoint(IPAddress.IPv6Any, port),
            "localhost" => new IPEndPoint(IPAddress.Loopback, port),
            _ when IPAddress.TryParse(host.Trim('[', ']'), out var address) && (address.GetAddressBytes().Length == 4 || host[0] == '[') =>
                new IPEndPoint(address, port),
            _ => throw Wrong(text, flag),
        };
    }

    /// <summary>Whether only this host can reach an address.</summary>
    public static bool IsLoopback(IPEndPoint address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return IPAddress.IsLoopback(address.Address.IsIPv4MappedToIPv6 ? address.Address.MapToIPv4() : address.Address);
    }

    private static UsageException Wrong(string text, string flag) => new($"-{flag} {text}: expected an address and a port such as 127.0.0.1:8443 or [::1]:8443");
}
