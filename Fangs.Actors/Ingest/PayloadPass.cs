using System.Text.Json;
using Fangs.Protocol;
using Fangs.Protocol.Events;

namespace Fangs.Actors.Ingest;

/// <summary>One pass over a payload: checks it, lifts the fields that analysis needs, and copies it without the raw buffers.</summary>
/// <remarks>Copies stretches between what is left out, so numbers and texts stay as they were, byte for byte.</remarks>
internal ref struct PayloadPass
{
    private static readonly JsonReaderState[] BehindValue =
    [
        StateBehind("{\"p\":null"u8), // in PayloadScope.Root
        StateBehind("{\"h\":{\"p\":null"u8), // in PayloadScope.Header
        StateBehind("{\"a\":[{\"p\":null"u8), // in PayloadScope.Ancestor
    ];

    private readonly ReadOnlySpan<byte> _json;
    private readonly ReadOnlySpan<byte> _runId;
    private readonly RawBuffers _droppable;
    private readonly Span<byte> _output;
    private Utf8JsonReader _reader;
    private int _origin; // position in the payload of the reader's first byte
    private int _copied; // what is before has been copied or left out
    private int _written;

    /// <summary>Prepares a pass.</summary>
    /// <param name="json">Valid UTF-8 with balanced brackets that begins with a brace.</param>
    /// <param name="droppable">Raw buffers to leave out.</param>
    /// <param name="runId">A <c>Header.RunID</c> of exactly this text is left out.</param>
    /// <param name="output">At least as long as the payload.</param>
    internal PayloadPass(ReadOnlySpan<byte> json, RawBuffers droppable, ReadOnlySpan<byte> runId, Span<byte> output)
    {
        _json = json;
        _droppable = droppable;
        _runId = runId;
        _output = output;
        _reader = new Utf8JsonReader(json);
        Values = new PayloadValues();
    }

    /// <summary>What has been lifted.</summary>
    internal PayloadValues Values;

    /// <summary>The raw buffers that have been left out.</summary>
    internal RawBuffers Dropped { get; private set; }

    /// <summary>Runs the pass.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="JsonException">The payload is not valid JSON.</exception>
    internal int Run()
    {
        _reader.Read();
        ReadMembers(PayloadScope.Root);
        if (End != _json.Length) throw new JsonException("data behind the payload");
        CopyUpTo(_json.Length);
        return _written;
    }

    private readonly int Start => _origin + (int)_reader.TokenStartIndex;

    private readonly int End => _origin + (int)_reader.BytesConsumed;

    // See EnvelopeParser: behind the same brackets every reader is in the same state, so a new one can start there.
    private static JsonReaderState StateBehind(ReadOnlySpan<byte> standIn)
    {
        var reader = new Utf8JsonReader(standIn, isFinalBlock: false, default);
        while (reader.TokenType != JsonTokenType.Null && reader.Read())
        {
        }

        return reader.CurrentState;
    }

    // From the opening to the closing brace of an object.
    private void ReadMembers(PayloadScope scope)
    {
        var keptEnd = End; // behind the brace, or behind the last member that stays
        var keptAny = false;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = Start;
            var field = PayloadFields.Find(scope, _reader.ValueSpan, _reader.ValueIsEscaped);
            if (IsRedundant(field, out var end))
            {
                // Together with the comma before it; when it is the first, with the one behind it, see below.
                CopyUpTo(keptEnd);
                _copied = end;
                _reader = new Utf8JsonReader(_json[end..], isFinalBlock: true, BehindValue[(int)scope]);
                _origin = end;
                continue;
            }

            if (!keptAny && _copied > keptEnd) _copied = start;
            if (field == PayloadField.Other) CleanString();
            _reader.Read();
            ReadValue(field);
            (keptAny, keptEnd) = (true, End);
        }
    }

    private bool IsRedundant(PayloadField field, out int end)
    {
        end = 0;
        var buffer = PayloadFields.BufferOf(field);
        if ((buffer & _droppable) == 0 && field != PayloadField.HeaderRunId) return false;
        var value = End;
        while (value < _json.Length && _json[value] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') value++;
        if (field == PayloadField.HeaderRunId)
        {
            end = value + _runId.Length;
            return !_runId.IsEmpty && _json[value..].StartsWith(_runId);
        }

        var length = NumberArray.Measure(_json[value..]);
        if (length == 0) return false;
        Dropped |= buffer;
        end = value + length;
        return true;
    }

    private void ReadValue(PayloadField field)
    {
        switch (field)
        {
            case PayloadField.Header when _reader.TokenType == JsonTokenType.StartObject:
                ReadMembers(PayloadScope.Header);
                return;
            case PayloadField.Ancestors when _reader.TokenType == JsonTokenType.StartArray:
                ReadAncestors();
                return;
            case PayloadField.ArgvStrs:
                Values.ArgvStrs = CopyElements();
                return;
            case PayloadField.AncestorComms:
                Values.AncestorComms = CopyElements();
                return;
            default:
                Lift(field);
                CopyValue();
                return;
        }
    }

    private void ReadAncestors()
    {
        Values.Ancestors = 0;
        for (_reader.Read(); _reader.TokenType != JsonTokenType.EndArray; _reader.Read())
        {
            if (_reader.TokenType == JsonTokenType.StartObject) ReadMembers(PayloadScope.Ancestor);
            else CopyValue();
        }
    }

    // The number of elements; -1 when the value is no array.
    private int CopyElements()
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            CopyValue();
            return -1;
        }

        var count = 0;
        for (_reader.Read(); _reader.TokenType != JsonTokenType.EndArray; _reader.Read(), count++) CopyValue();
        return count;
    }

    private void Lift(PayloadField field)
    {
        // The last of several equal keys wins, whatever its value.
        switch (field)
        {
            case PayloadField.HeaderTsNs: Values.TsNs = _reader.TokenType == JsonTokenType.Number && _reader.TryGetUInt64(out var ts) ? ts : null; break;
            case PayloadField.HeaderTags: Values.Tags = (EventTags)(Integer() & byte.MaxValue); break;
            case PayloadField.AncestorPid: Values.Ancestors += Integer() != 0 ? 1 : 0; break;
            case PayloadField.Ret: Values.Ret = Integer(); break;
            case PayloadField.Flags: Values.Flags = Integer(); break;
            case PayloadField.Argc: Values.Argc = Integer(); break;
            case PayloadField.DestPort: Values.DestPort = (int)(Integer() & ushort.MaxValue); break;
            case PayloadField.ParseErr: Values.ParseFailed = _reader.TokenType != JsonTokenType.Null; break;
            case PayloadField.CommStr: Values.CommStr = Text(); break;
            case PayloadField.PathName: Values.PathName = Text(); break;
            case PayloadField.NewPathName: Values.NewPathName = Text(); break;
            case PayloadField.Op: Values.Op = Text(); break;
            case PayloadField.Role: Values.Role = Text(); break;
            case PayloadField.Phase: Values.Phase = Text(); break;
            case PayloadField.BinaryPathStr: Values.BinaryPathStr = Text(); break;
            case PayloadField.DestIP: Values.DestIP = Text(); break;
            case PayloadField.QName: Values.QName = Text(); break;
            case PayloadField.Sni: Values.Sni = Text(); break;
            default: break;
        }
    }

    private readonly long Integer() => _reader.TokenType == JsonTokenType.Number && _reader.TryGetInt64(out var value) ? value : 0;

    private readonly StringSlice Text() =>
        _reader.TokenType == JsonTokenType.String ? new StringSlice(Start + 1, _reader.ValueSpan.Length, _reader.ValueIsEscaped) : default;

    // Walks to the end of the value at hand. Copying happens later, except where a string has to be cleaned.
    private void CopyValue()
    {
        var depth = _reader.CurrentDepth;
        CleanString();
        if (_reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray)) return;
        while (_reader.Read() && _reader.CurrentDepth > depth) CleanString();
    }

    // Keys are strings, too.
    private void CleanString()
    {
        if (_reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) return;
        if (!_reader.ValueIsEscaped || !JsonText.NeedsCleaning(_reader.ValueSpan)) return;
        var content = Start + 1;
        CopyUpTo(content);
        _written += JsonText.WriteStorable(_reader.ValueSpan, _output[_written..]);
        _copied = content + _reader.ValueSpan.Length;
    }

    private void CopyUpTo(int position)
    {
        if (position <= _copied) return;
        _json[_copied..position].CopyTo(_output[_written..]);
        _written += position - _copied;
        _copied = position;
    }
}
