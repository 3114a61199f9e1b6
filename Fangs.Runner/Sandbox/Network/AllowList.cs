using System.Net;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>The destinations that the gateway relays to: exact host names (or literal addresses) with a port.</summary>
internal sealed class AllowList
{
    private readonly HashSet<(string Host, int Port)> _entries = [];

    /// <summary>Makes the list from the registry and further <c>host:port</c> entries.</summary>
    internal AllowList(Uri? registry, IEnumerable<DnsEndPoint> further)
    {
        foreach (var entry in further) _entries.Add((Normal(entry.Host), entry.Port));
        if (registry is null) return;
        _entries.Add((Normal(registry.IdnHost), registry.Port));
        if (registry.IsLoopback) Loopback = new DnsEndPoint(registry.IdnHost.Trim('[', ']'), registry.Port);
    }

    /// <summary>A registry on the host's loopback: the one port of the sandbox's own loopback that leads to it.</summary>
    internal DnsEndPoint? Loopback { get; }

    /// <summary>Whether a name or literal address with this port is relayed.</summary>
    internal bool Contains(string host, int port) => _entries.Contains((host, port));

    private static string Normal(string host)
    {
        var bare = host.Trim('[', ']').TrimEnd('.');
        return IPAddress.TryParse(bare, out var address) ? address.ToString() : bare.ToLowerInvariant();
    }
}
