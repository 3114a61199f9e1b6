using System.Buffers;

namespace Fangs.Protocol.Events;

/// <summary>One event of a batch: its type number and where its payload lies.</summary>
/// <param name="Type">Type number as sent, see <see cref="EventType"/>; 0 when absent.</param>
/// <param name="Offset">First byte of the payload in the batch's buffer.</param>
/// <param name="Length">Bytes of the payload; 0 when it was absent or <c>null</c>.</param>
public readonly record struct EventSlice(byte Type, int Offset, int Length);

/// <summary>One batch as received: its header fields and the raw bytes of its payloads, in one pooled buffer that <see cref="Dispose"/> returns.</summary>
/// <remarks>
/// Payloads are delimited, not validated: brackets are balanced and strings end, but what is between them is checked by whoever reads it.
/// Neither spans nor memory of the batch may be used after <see cref="Dispose"/>.
/// </remarks>
public sealed class EventBatch : IDisposable
{
    private readonly int _length;
    private readonly int _count;
    private byte[]? _json;
    private EventSlice[]? _events;

    internal EventBatch(int number, byte[] json, int length, in EnvelopeFields fields)
    {
        (Number, RunId, Seq, HasSeq) = (number, fields.RunId, fields.Seq, fields.HasSeq);
        (_json, _length, _events, _count) = (json, length, fields.Events, fields.EventCount);
    }

    /// <summary>Position in the stream, from 1.</summary>
    public int Number { get; }

    /// <summary>The run that the sender named; empty when it named none.</summary>
    public RunId RunId { get; }

    /// <summary>The batch's number within its run, from 1; 0 when absent.</summary>
    public ulong Seq { get; }

    /// <summary>False when <c>seq</c> was absent or <c>null</c>.</summary>
    public bool HasSeq { get; }

    /// <summary>The events in the order of the batch.</summary>
    public ReadOnlySpan<EventSlice> Events =>
        new(_events ?? throw new ObjectDisposedException(nameof(EventBatch)), 0, _count);

    /// <summary>Bytes of the whole batch object.</summary>
    public int ByteCount => _length;

    /// <summary>The payload object of an event as it was sent; <c>{}</c> when it was absent.</summary>
    public ReadOnlySpan<byte> PayloadOf(EventSlice slice)
    {
        ObjectDisposedException.ThrowIf(_json is null, this);
        return slice.Length == 0 ? "{}"u8 : _json.AsSpan(0, _length).Slice(slice.Offset, slice.Length);
    }

    /// <summary>Returns the buffers to their pools. Further calls do nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _json, null) is { } json) ArrayPool<byte>.Shared.Return(json);
        if (Interlocked.Exchange(ref _events, null) is { } events) ArrayPool<EventSlice>.Shared.Return(events);
    }
}

/// <summary>What the envelope of a batch holds beside the payloads. <paramref name="Events"/> is rented; its new owner returns it.</summary>
internal readonly record struct EnvelopeFields(RunId RunId, ulong Seq, bool HasSeq, EventSlice[] Events, int EventCount);
