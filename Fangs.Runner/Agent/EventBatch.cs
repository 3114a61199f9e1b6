using System.Buffers;
using System.Text.Json;
using Fangs.Protocol;
using Fangs.Runner.Sensor;

namespace Fangs.Runner.Agent;

/// <summary>One batch on its way to the orchestrator, written as JSON while it grows. Payloads are copied as they are.</summary>
internal sealed class EventBatch : IDisposable
{
    // {"run_id":[16 numbers of up to 3 digits],"seq":20 digits,"events":[ ... ]} and a line end.
    private const int FrameBytes = 128;
    private const int EventFrameBytes = 32;
    private const int KeptCapacity = 1 << 20;

    private static readonly JsonWriterOptions Unchecked = new() { SkipValidation = true };
    private readonly ArrayBufferWriter<byte> _buffer = new(16 << 10);
    private readonly Utf8JsonWriter _writer;
    private readonly Dictionary<string, int> _byPhase = [];

    public EventBatch() => _writer = new Utf8JsonWriter(_buffer, Unchecked);

    /// <summary>Number of the batch in its run.</summary>
    public ulong Seq { get; private set; }

    /// <summary>Events in it.</summary>
    public int Count { get; private set; }

    /// <summary>Its events by phase.</summary>
    public IReadOnlyDictionary<string, int> ByPhase => _byPhase;

    /// <summary>The JSON of a closed batch.</summary>
    public ReadOnlyMemory<byte> Json => _buffer.WrittenMemory;

    /// <summary>False for a batch that grew so large that keeping its buffer would waste memory.</summary>
    public bool IsWorthKeeping => _buffer.Capacity <= KeptCapacity;

    /// <summary>Empties the batch and begins it anew.</summary>
    public void Open(RunId run, ulong seq)
    {
        _buffer.ResetWrittenCount();
        _writer.Reset();
        _byPhase.Clear();
        (Seq, Count) = (seq, 0);
        Span<byte> id = stackalloc byte[RunId.Size];
        run.CopyTo(id);
        _writer.WriteStartObject();
        _writer.WriteStartArray("run_id"u8);
        foreach (var number in id) _writer.WriteNumberValue(number);
        _writer.WriteEndArray();
        _writer.WriteNumber("seq"u8, seq);
        _writer.WriteStartArray("events"u8);
    }

    /// <summary>Whether an event of a payload size fits into a batch that is empty.</summary>
    public static bool Fits(int payloadBytes, int maxBytes) => FrameBytes + EventFrameBytes + (long)payloadBytes <= maxBytes;

    /// <summary>Whether one more event of a payload size keeps the batch within a limit.</summary>
    public bool HasRoom(int payloadBytes, int maxBytes) =>
        _writer.BytesCommitted + _writer.BytesPending + FrameBytes + EventFrameBytes + payloadBytes <= maxBytes;

    /// <summary>Adds an event.</summary>
    public void Add(in SensorEvent e)
    {
        _writer.WriteStartObject();
        _writer.WriteNumber("type"u8, e.Type);
        _writer.WritePropertyName("payload"u8);
        _writer.WriteRawValue(e.Payload.Span, skipInputValidation: true);
        _writer.WriteEndObject();
        _byPhase[e.Phase] = _byPhase.GetValueOrDefault(e.Phase) + 1;
        Count++;
    }

    /// <summary>Ends the batch; from then on it is only read.</summary>
    public void Close()
    {
        _writer.WriteEndArray();
        _writer.WriteEndObject();
        _writer.Flush();
        _buffer.Write("\n"u8);
    }

    public void Dispose() => _writer.Dispose();
}
