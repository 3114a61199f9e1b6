namespace Fangs.Runner.Sandbox.Network;

/// <summary>What the gateway did with a packet of the sandbox.</summary>
public enum GatewayRecordKind
{
    /// <summary>Answered a DNS query.</summary>
    Dns,

    /// <summary>Relayed a connection.</summary>
    Allowed,

    /// <summary>Accepted a connection, looked at its first bytes, and closed it.</summary>
    Refused,
}

/// <summary>One thing that the gateway saw, for logs. The sensor reports the same from the kernel's side.</summary>
/// <param name="Time">When.</param>
/// <param name="Kind">What the gateway did.</param>
/// <param name="Name">The name asked for or last resolved to the address; empty when there is none.</param>
/// <param name="Address">The address that the program used: of the resolver, or of the destination.</param>
/// <param name="Port">The port that the program used.</param>
/// <param name="Note">The query type, or what the first bytes were; printable ASCII.</param>
public sealed record GatewayRecord(DateTimeOffset Time, GatewayRecordKind Kind, string Name, string Address, int Port, string Note);
