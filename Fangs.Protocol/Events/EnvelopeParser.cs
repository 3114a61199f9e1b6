using System.Buffers;
using System.Text.Json;

namespace Fangs.Protocol.Events;

/// <summary>Reads the fields of a complete batch object and notes where the payloads lie, without reading them.</summary>
internal ref struct EnvelopeParser
{
    private const string RunIdRemedy = "expected an array of 16 integers from 0 to 255";

    private static readonly JsonReaderState BehindPayload = StateBehindPayload();

    private readonly ReadOnlySpan<byte> _json;
    private readonly ReadOnlySpan<int> _objects;
    private readonly EventBatchLimits _limits;
    private readonly int _batch;
    private Utf8JsonReader _reader;
    private int _origin; // position in the batch of the reader's first byte
    private int _nextObject;
    private RunId _runId;
    private ulong _seq;
    private bool _hasSeq;
    private EventSlice[] _events = [];
    private int _count;

    private EnvelopeParser(ReadOnlySpan<byte> json, ReadOnlySpan<int> objects, EventBatchLimits limits, int batch)
    {
        _json = json;
        _objects = objects;
        (_limits, _batch) = (limits, batch);
        _reader = new Utf8JsonReader(json); // the depth has been checked with the brackets
    }

    /// <summary>Reads a batch object.</summary>
    /// <param name="json">The object, whose brackets are known to be balanced.</param>
    /// <param name="objects">Start and end of each object at the depth of payloads, in order; may be incomplete.</param>
    /// <param name="limits">Limits.</param>
    /// <param name="batch">Position of the batch in the stream, for messages.</param>
    /// <exception cref="EventBatchFormatException">The object is not a batch.</exception>
    internal static EnvelopeFields Parse(ReadOnlySpan<byte> json, ReadOnlySpan<int> objects, EventBatchLimits limits, int batch)
    {
        var parser = new EnvelopeParser(json, objects, limits, batch);
        var done = false;
        try
        {
            parser.ReadBatch();
            done = true;
            return new EnvelopeFields(parser._runId, parser._seq, parser._hasSeq, parser._events, parser._count);
        }
        catch (JsonException e)
        {
            throw new EventBatchFormatException(
                $"batch {batch}: not valid JSON near byte {parser._origin + parser._reader.BytesConsumed}; send batches as JSON objects", e);
        }
        finally
        {
            if (!done && parser._events.Length != 0) ArrayPool<EventSlice>.Shared.Return(parser._events);
        }
    }

    // A reader cannot be told to jump. But one that continues behind a payload is in the same state after any payload, so this state,
    // taken once behind a short stand-in with the same brackets around it, lets a new reader start there.
    private static JsonReaderState StateBehindPayload()
    {
        var reader = new Utf8JsonReader("{\"e\":[{\"p\":null"u8, isFinalBlock: false, default);
        while (reader.TokenType != JsonTokenType.Null && reader.Read())
        {
        }

        return reader.CurrentState;
    }

    private void ReadBatch()
    {
        _reader.Read();
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            if (IsKey("run_id"u8)) ReadRunId();
            else if (IsKey("seq"u8)) ReadSeq();
            else if (IsKey("events"u8)) ReadEvents();
            else _reader.Skip();
        }
    }

    private readonly bool IsKey(ReadOnlySpan<byte> name) => JsonText.IsKey(_reader.ValueSpan, _reader.ValueIsEscaped, name);

    private void ReadRunId()
    {
        _runId = default;
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return;
        if (_reader.TokenType != JsonTokenType.StartArray) throw Wrong("run_id", RunIdRemedy);
        Span<byte> bytes = stackalloc byte[RunId.Size];
        var count = 0;
        for (_reader.Read(); _reader.TokenType != JsonTokenType.EndArray; _reader.Read(), count++)
        {
            if (count == RunId.Size) throw Wrong("run_id", RunIdRemedy + ", found more");
            if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetByte(out bytes[count])) throw Wrong("run_id", RunIdRemedy);
        }

        if (count != RunId.Size) throw Wrong("run_id", $"{RunIdRemedy}, found {count}");
        _runId = RunId.FromBytes(bytes);
    }

    private void ReadSeq()
    {
        (_seq, _hasSeq) = (0, false);
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return;
        if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetUInt64(out _seq))
            throw Wrong("seq", $"expected an integer from 0 to {ulong.MaxValue}");
        _hasSeq = true;
    }

    private void ReadEvents()
    {
        _count = 0;
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return;
        if (_reader.TokenType != JsonTokenType.StartArray) throw Wrong("events", "expected an array of objects with \"type\" and \"payload\"");
        for (_reader.Read(); _reader.TokenType != JsonTokenType.EndArray; _reader.Read())
        {
            if (_count == _limits.MaxEvents) throw Wrong("events", $"more than {_limits.MaxEvents} events; send several batches");
            if (_reader.TokenType != JsonTokenType.StartObject)
                throw Wrong($"events[{_count}]", "expected an object with \"type\" and \"payload\"");
            var slice = ReadEvent();
            if (_count == _events.Length) Grow();
            _events[_count++] = slice;
        }
    }

    private EventSlice ReadEvent()
    {
        byte type = 0;
        var (offset, length) = (0, 0);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            if (IsKey("type"u8)) type = ReadType();
            else if (IsKey("payload"u8)) (offset, length) = ReadPayload();
            else _reader.Skip();
        }

        return new EventSlice(type, offset, length);
    }

    private byte ReadType()
    {
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return 0;
        return _reader.TokenType == JsonTokenType.Number && _reader.TryGetByte(out var type)
            ? type
            : throw Wrong($"events[{_count}].type", "expected an integer from 0 to 255");
    }

    private (int Offset, int Length) ReadPayload()
    {
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return (0, 0);
        if (_reader.TokenType != JsonTokenType.StartObject) throw Wrong($"events[{_count}].payload", "expected an object or null");
        var start = _origin + (int)_reader.TokenStartIndex;
        while (_nextObject + 1 < _objects.Length && _objects[_nextObject] < start) _nextObject += 2;
        if (_nextObject + 1 >= _objects.Length || _objects[_nextObject] != start)
        {
            _reader.Skip();
            return (start, _origin + (int)_reader.BytesConsumed - start);
        }

        _origin = _objects[_nextObject + 1];
        _reader = new Utf8JsonReader(_json[_origin..], isFinalBlock: true, BehindPayload);
        return (start, _origin - start);
    }

    private void Grow()
    {
        var larger = ArrayPool<EventSlice>.Shared.Rent(Math.Max(64, 2 * _count));
        _events.AsSpan(0, _count).CopyTo(larger);
        if (_events.Length != 0) ArrayPool<EventSlice>.Shared.Return(_events);
        _events = larger;
    }

    private readonly EventBatchFormatException Wrong(string field, string remedy) => new($"batch {_batch}: field \"{field}\": {remedy}");
}
