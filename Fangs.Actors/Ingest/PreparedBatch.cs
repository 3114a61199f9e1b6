using System.Buffers;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Ingest;

/// <summary>One event as it is stored.</summary>
/// <param name="Type">Type number.</param>
/// <param name="Offset">First byte of the payload in the batch's buffer.</param>
/// <param name="Length">Bytes of the payload.</param>
/// <param name="KtimeNs">Kernel time in nanoseconds since boot; null when the payload has none.</param>
public readonly record struct PreparedEvent(byte Type, int Offset, int Length, long? KtimeNs)
{
    /// <summary>Type name under which it is stored.</summary>
    public string TypeName => EventType.NameOf(Type);
}

/// <summary>A fingerprint of a batch.</summary>
/// <param name="Fingerprint">The fingerprint.</param>
/// <param name="Tally">Its events; <see cref="FingerprintTally.FirstEvent"/> is an index in the batch.</param>
public readonly record struct PreparedFingerprint(Fingerprint Fingerprint, FingerprintTally Tally);

/// <summary>How many events of a type a batch holds.</summary>
/// <param name="TypeName">Type name under which they are stored.</param>
/// <param name="Count">Events.</param>
public readonly record struct TypeCount(string TypeName, int Count);

/// <summary>All that the writer stores of one batch. Independent of the batch it was made from; <see cref="Dispose"/> returns its buffers.</summary>
public sealed class PreparedBatch : IDisposable
{
    private readonly int _eventCount;
    private byte[]? _payloads;
    private PreparedEvent[]? _events;

    internal PreparedBatch(RunId run, ulong seq, byte[] payloads, int payloadBytes, PreparedEvent[] events, int eventCount)
    {
        (RunId, Seq, PayloadBytes) = (run, seq, payloadBytes);
        (_payloads, _events, _eventCount) = (payloads, events, eventCount);
    }

    /// <summary>The run.</summary>
    public RunId RunId { get; }

    /// <summary>The batch's number within its run.</summary>
    public ulong Seq { get; }

    /// <summary>Bytes of all payloads together.</summary>
    public int PayloadBytes { get; }

    /// <summary>The events in the order of the batch.</summary>
    public ReadOnlySpan<PreparedEvent> Events => new(_events ?? throw new ObjectDisposedException(nameof(PreparedBatch)), 0, _eventCount);

    /// <summary>The distinct fingerprints of the events, in no particular order.</summary>
    public required IReadOnlyList<PreparedFingerprint> Fingerprints { get; init; }

    /// <summary>Events by type name, without types of which there are none.</summary>
    public required IReadOnlyList<TypeCount> TypeCounts { get; init; }

    /// <summary>True when a program other than the sandbox's own was executed: the sensor was looking.</summary>
    public required bool SawExec { get; init; }

    /// <summary>The stored payload of an event: a JSON object in valid UTF-8 without U+0000.</summary>
    public ReadOnlyMemory<byte> PayloadOf(PreparedEvent prepared) =>
        (_payloads ?? throw new ObjectDisposedException(nameof(PreparedBatch))).AsMemory(prepared.Offset, prepared.Length);

    /// <summary>Returns the buffers to their pools. Further calls do nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _payloads, null) is { } payloads) ArrayPool<byte>.Shared.Return(payloads);
        if (Interlocked.Exchange(ref _events, null) is { } events) ArrayPool<PreparedEvent>.Shared.Return(events);
    }
}
