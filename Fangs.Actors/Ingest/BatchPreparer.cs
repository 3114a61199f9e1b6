using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Protocol.Events;

namespace Fangs.Actors.Ingest;

/// <summary>Turns batches as received into what is stored. Safe for concurrent use; one instance serves all streams and shares its caches.</summary>
/// <remarks>
/// A stored payload is the JSON that was received, except: byte buffers whose parsed sibling is there are left out, so is
/// <c>Header.RunID</c> when it is the run's; bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD; U+0000 becomes U+2400.
/// </remarks>
public sealed class BatchPreparer
{
    private readonly FingerprintExtractor _extractor;

    /// <summary>Prepares with an extractor, whose caches may be shared.</summary>
    public BatchPreparer(FingerprintExtractor extractor) => _extractor = extractor;

    /// <summary>Prepares with an extractor of its own.</summary>
    public BatchPreparer()
        : this(new FingerprintExtractor())
    {
    }

    /// <summary>Prepares a batch. The batch may be disposed afterwards.</summary>
    /// <param name="batch">The batch as read.</param>
    /// <param name="run">The run that the batch belongs to, known to agree with the batch's own.</param>
    /// <exception cref="EventBatchFormatException">A payload is not valid JSON.</exception>
    public PreparedBatch Prepare(EventBatch batch, RunId run)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var events = batch.Events;
        using var work = new Workspace(_extractor, run, events.Length, batch.ByteCount);
        for (var i = 0; i < events.Length; i++)
        {
            try
            {
                work.Add(i, events[i].Type, batch.PayloadOf(events[i]));
            }
            catch (JsonException e)
            {
                throw new EventBatchFormatException(
                    $"batch {batch.Number}: field \"events[{i}].payload\": not valid JSON; send an object as RFC 8259 has it", e);
            }
        }

        return work.Finish(run, batch.Seq);
    }

    /// <summary>Prepares events that have been stored: what was left out then is missing, and everything else comes out as it was.</summary>
    /// <param name="events">The events.</param>
    /// <param name="run">Their run.</param>
    /// <exception cref="StorageException">A payload is not valid JSON.</exception>
    public PreparedBatch Prepare(IReadOnlyList<StoredEvent> events, RunId run)
    {
        ArgumentNullException.ThrowIfNull(events);
        using var work = new Workspace(_extractor, run, events.Count, events.Sum(e => e.Payload.Length));
        for (var i = 0; i < events.Count; i++)
        {
            try
            {
                work.Add(i, events[i].Type, events[i].Payload.Span);
            }
            catch (JsonException e)
            {
                throw new StorageException($"Event {events[i].Id} of run {run} is not valid JSON: {e.Message}", e);
            }
        }

        return work.Finish(run, seq: 0);
    }

    /// <summary>The state of one call.</summary>
    private sealed class Workspace : IDisposable
    {
        private static readonly int TypeCounts = byte.MaxValue + 1;

        private readonly FingerprintExtractor _extractor;
        private readonly Dictionary<Fingerprint, FingerprintTally> _tallies = [];
        private readonly byte[] _runIdText = new byte[(4 * RunId.Size) + 1];
        private readonly int _runIdLength;
        private readonly int[] _counts = ArrayPool<int>.Shared.Rent(TypeCounts);
        private byte[]? _payloads;
        private PreparedEvent[]? _events;
        private byte[] _repaired = [];
        private char[] _text = [];
        private int _length;
        private int _eventCount;
        private bool _sawExec;

        internal Workspace(FingerprintExtractor extractor, RunId run, int events, int bytes)
        {
            _extractor = extractor;
            _runIdLength = WriteArray(run, _runIdText);
            _payloads = ArrayPool<byte>.Shared.Rent(Math.Max(1, bytes));
            _events = ArrayPool<PreparedEvent>.Shared.Rent(Math.Max(1, events));
            _counts.AsSpan(0, TypeCounts).Clear();
        }

        internal void Add(int index, byte type, ReadOnlySpan<byte> payload)
        {
            if (payload.Contains((byte)0) || !Utf8.IsValid(payload)) payload = Repair(payload);
            Reserve(payload.Length);
            var droppable = type is >= EventType.FileAccess and <= EventType.TlsSni ? RawBuffers.All : RawBuffers.None;
            var length = Run(payload, droppable, out var values, out var dropped);
            // Whether a sibling says the same is only known at the end. It nearly always does; if not, once more.
            if ((dropped & ~values.Redundant) is not RawBuffers.None and var missed) length = Run(payload, droppable & ~missed, out values, out _);

            var ktime = values.TsNs is { } ts and < FingerprintTally.UnknownKtime ? (long?)ts : null;
            _events![_eventCount++] = new PreparedEvent(type, _length, length, ktime);
            _length += length;
            _counts[type]++;
            Tally(index, type, payload, values, ktime);
        }

        internal PreparedBatch Finish(RunId run, ulong seq)
        {
            var fingerprints = new PreparedFingerprint[_tallies.Count];
            var next = 0;
            foreach (var (fingerprint, tally) in _tallies) fingerprints[next++] = new PreparedFingerprint(fingerprint, tally);
            var prepared = new PreparedBatch(run, seq, _payloads!, _length, _events!, _eventCount)
            {
                Fingerprints = fingerprints,
                TypeCounts = CountTypes(),
                SawExec = _sawExec,
            };
            (_payloads, _events) = (null, null);
            return prepared;
        }

        public void Dispose()
        {
            ArrayPool<int>.Shared.Return(_counts);
            if (_payloads is not null) ArrayPool<byte>.Shared.Return(_payloads);
            if (_events is not null) ArrayPool<PreparedEvent>.Shared.Return(_events);
            if (_repaired.Length != 0) ArrayPool<byte>.Shared.Return(_repaired);
            if (_text.Length != 0) ArrayPool<char>.Shared.Return(_text);
        }

        private static int WriteArray(RunId run, Span<byte> text)
        {
            if (run.IsEmpty) return 0;
            Span<byte> bytes = stackalloc byte[RunId.Size];
            run.CopyTo(bytes);
            var length = 0;
            foreach (var b in bytes)
            {
                text[length++] = length == 1 ? (byte)'[' : (byte)',';
                _ = b.TryFormat(text[length..], out var digits);
                length += digits;
            }

            text[length++] = (byte)']';
            return length;
        }

        private int Run(ReadOnlySpan<byte> payload, RawBuffers droppable, out PayloadValues values, out RawBuffers dropped)
        {
            var pass = new PayloadPass(payload, droppable, _runIdText.AsSpan(0, _runIdLength), _payloads.AsSpan(_length));
            var length = pass.Run();
            (values, dropped) = (pass.Values, pass.Dropped);
            return length;
        }

        private void Tally(int index, byte type, ReadOnlySpan<byte> payload, in PayloadValues values, long? ktime)
        {
            if (type is < EventType.FileAccess or > EventType.TlsSni) return;
            if (_text.Length < payload.Length) Replace(ref _text, payload.Length);
            var room = _text.AsSpan(); // all texts together are shorter than the payload
            var role = _extractor.Share(Decode(payload, values.Role, ref room));
            var facts = new EventFacts
            {
                Type = type,
                Tags = values.Tags,
                Role = role,
                Phase = _extractor.Share(Decode(payload, values.Phase, ref room)),
                Ret = values.Ret,
                Op = Decode(payload, values.Op, ref room),
                Flags = values.Flags,
                Path = Decode(payload, values.PathName, ref room),
                NewPath = Decode(payload, values.NewPathName, ref room),
                Binary = Decode(payload, values.BinaryPathStr, ref room),
                DestIP = Decode(payload, values.DestIP, ref room),
                DestPort = values.DestPort,
                Name = Decode(payload, type == EventType.TlsSni ? values.Sni : values.QName, ref room),
            };
            _sawExec |= type == EventType.Exec && values.Ret >= 0 && role != EventRole.Harness;
            if (!_extractor.TryExtract(facts, out var fingerprint)) return;
            var tally = new FingerprintTally(1, index, ktime ?? FingerprintTally.UnknownKtime, values.Tags);
            _tallies[fingerprint] = _tallies.TryGetValue(fingerprint, out var known) ? known.Merge(tally) : tally;
        }

        private static ReadOnlySpan<char> Decode(ReadOnlySpan<byte> payload, StringSlice slice, ref Span<char> room)
        {
            if (slice.Length == 0) return [];
            var bytes = payload.Slice(slice.Start, slice.Length);
            int length;
            if (slice.IsEscaped)
            {
                var rented = ArrayPool<byte>.Shared.Rent(slice.Length);
                length = Encoding.UTF8.GetChars(rented.AsSpan(0, JsonText.Unescape(bytes, rented)), room);
                ArrayPool<byte>.Shared.Return(rented);
            }
            else
            {
                length = Encoding.UTF8.GetChars(bytes, room);
            }

            var text = room[..length];
            room = room[length..];
            return text;
        }

        private ReadOnlySpan<byte> Repair(ReadOnlySpan<byte> payload)
        {
            if (_repaired.Length < 3 * payload.Length) Replace(ref _repaired, 3 * payload.Length);
            return _repaired.AsSpan(0, JsonText.WriteRepaired(payload, _repaired));
        }

        // Repaired payloads may be longer than what was received.
        private void Reserve(int bytes)
        {
            if (_payloads!.Length - _length >= bytes) return;
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + bytes, 2 * _payloads.Length));
            _payloads.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_payloads);
            _payloads = larger;
        }

        private static void Replace<T>(ref T[] array, int length)
        {
            if (array.Length != 0) ArrayPool<T>.Shared.Return(array);
            array = ArrayPool<T>.Shared.Rent(length);
        }

        private TypeCount[] CountTypes()
        {
            var counts = new Dictionary<string, int>();
            for (var type = 0; type < TypeCounts; type++)
            {
                if (_counts[type] == 0) continue;
                var name = EventType.NameOf(type);
                counts[name] = counts.GetValueOrDefault(name) + _counts[type];
            }

            return [.. counts.Select(static pair => new TypeCount(pair.Key, pair.Value))];
        }
    }
}
