using System.Buffers.Binary;
using System.Text.Json;
using Fangs.Actors.Ingest;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Runner.Sensor;

namespace Fangs.Fuzz.Targets;

/// <summary>Records of the ring buffer, one after the other, each with its length in two bytes before it.</summary>
/// <remarks>Packets in them go through the readers of DNS, ClientHello and request heads, and through what puts pieces of connections together.</remarks>
internal static class RingBufferTarget
{
    private static readonly RunId Run = RunId.Parse("0102030405060708090a0b0c0d0e0f10");

    internal static FuzzTarget Target { get; } = new("ring-buffer", "records of the sensor's ring buffer, decoded to events", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var phases = new PhaseTracker();
        phases.Expect(Phase.Install, "nonce-1");
        phases.Expect(Phase.Import, "nonce-2");
        using var decoder = new RecordDecoder(Run, phases, new CredentialPaths(DefaultWatchedPaths.All));
        var preparer = new BatchPreparer();
        for (var rest = input.Span; rest.Length >= sizeof(ushort);)
        {
            var length = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(rest), rest.Length - sizeof(ushort));
            // A copy of exactly this length: reading past its end is an exception, and not the next record.
            byte[] record = rest.Slice(sizeof(ushort), length).ToArray();
            rest = rest[(sizeof(ushort) + length)..];
            if (decoder.Decode(record) is not { } e) continue;
            FindingException.Unless(EventType.NameOf(e.Type) != "unknown", "an event of no type");
            using var json = JsonDocument.Parse(e.Payload);
            FindingException.Unless(json.RootElement.GetProperty("Header").GetProperty("Type").GetByte() == e.Type, "the payload has another type than the event");
            using var prepared = preparer.Prepare([new StoredEvent(1, e.Type, e.Payload)], Run);
            FindingException.Unless(prepared.Events.Length == 1, "the orchestrator does not take what the sensor sends");
        }

        return Task.CompletedTask;
    }
}
