using Fangs.Runner.Sandbox.Network;
using Fangs.Runner.Sensor.Http;
using Fangs.Runner.Sensor.Tls;

namespace Fangs.Fuzz.Targets;

/// <summary>The first bytes of a connection: a TLS ClientHello, a request head, or anything else.</summary>
internal static class ClientHelloTarget
{
    private const int Ports = 443;

    internal static FuzzTarget Target { get; } = new("client-hello", "the first bytes of connections: TLS ClientHello, HTTP request head, and what the gateway says of them", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var bytes = input.Span;
        var state = ClientHello.Parse(bytes, out var name);
        FindingException.Unless(name.All(c => c is > ' ' and <= '~'), "a server name is not printable");
        FindingException.Unless(state == ClientHelloState.Complete || name.Length == 0, "a name came out of what is no ClientHello");
        // More bytes change nothing once it is complete or something else; fewer never tell more.
        for (var cut = 0; cut < bytes.Length; cut += 1 + (bytes.Length / 16))
        {
            var part = ClientHello.Parse(bytes[..cut], out var partName);
            if (part == ClientHelloState.Incomplete) continue;
            FindingException.Unless(part == state && partName == name, $"{cut} bytes are {part} '{partName}', all are {state} '{name}'");
        }

        var isRequest = RequestHead.TryParse(bytes, out var head);
        FindingException.Unless(!isRequest || (!head.Method.IsEmpty && RequestHead.CanBegin(bytes)), "a request that cannot begin one");
        FindingException.Unless(!isRequest || state != ClientHelloState.Complete, "a ClientHello that is a request too");
        FindingException.Unless(!Gateway.IsWhole(bytes, Ports) || state != ClientHelloState.Incomplete, "whole, but not complete");
        _ = Gateway.IsWhole(bytes, 53);
        FindingException.Unless(Gateway.Describe(bytes).All(c => c is >= ' ' and <= '~'), "the gateway writes what is not printable");
        return Task.CompletedTask;
    }
}
