using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Fangs.Actors.Ingest;
using Fangs.Protocol;
using Fangs.Protocol.Events;

namespace Fangs.Tests.Ingest;

/// <summary>What a batch held, in values that outlive its buffers.</summary>
internal sealed record BatchText(RunId RunId, ulong? Seq, string Events)
{
    internal static BatchText Of(EventBatch batch)
    {
        var events = new StringBuilder();
        foreach (var slice in batch.Events) events.Append(slice.Type).Append(' ').AppendLine(Encoding.UTF8.GetString(batch.PayloadOf(slice)));
        return new BatchText(batch.RunId, batch.HasSeq ? batch.Seq : null, events.ToString());
    }
}

/// <summary>Streams of batches for tests.</summary>
internal static class Batches
{
    internal static readonly RunId Run = RunId.FromBytes([1, 154, 12, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 16]);

    internal const string RunJson = "[1,154,12,0,9,8,7,6,5,4,3,2,1,0,255,16]";

    internal static string Json(ulong seq, params string[] events) =>
        $$"""{"run_id":{{RunJson}},"seq":{{seq}},"events":[{{string.Join(',', events)}}]}""";

    internal static string Event(int type, string payload) => $$"""{"type":{{type}},"payload":{{payload}}}""";

    /// <summary>A pipe that delivers the bytes in pieces that end at the given positions.</summary>
    internal static PipeReader Pipe(ReadOnlyMemory<byte> bytes, params int[] cuts)
    {
        Segment? first = null, last = null;
        var start = 0;
        foreach (var end in cuts.Order().Append(bytes.Length))
        {
            last = new Segment(bytes[start..end], last);
            first ??= last;
            start = end;
        }

        return PipeReader.Create(new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length));
    }

    internal static Task<List<BatchText>> ReadAll(string stream) => ReadAll(Pipe(Encoding.UTF8.GetBytes(stream)));

    internal static async Task<List<BatchText>> ReadAll(PipeReader pipe, EventBatchLimits? limits = null)
    {
        using var reader = new EventBatchReader(pipe, limits);
        var all = new List<BatchText>();
        while (await reader.ReadAsync(CancellationToken.None).Soon() is { } batch)
        {
            all.Add(BatchText.Of(batch));
            batch.Dispose();
        }

        return all;
    }

    internal static async Task<EventBatch> ReadOne(ReadOnlyMemory<byte> json)
    {
        using var reader = new EventBatchReader(Pipe(json));
        return (await reader.ReadAsync(CancellationToken.None).Soon())!;
    }

    internal static async Task<PreparedBatch> Prepare(BatchPreparer preparer, params string[] events)
    {
        using var batch = await ReadOne(Encoding.UTF8.GetBytes(Json(1, events)));
        return preparer.Prepare(batch, Run);
    }

    /// <summary>A batch of a run as the event store takes it.</summary>
    internal static async Task<PreparedBatch> Prepare(RunId run, ulong seq, params string[] events)
    {
        using var batch = await ReadOne(Encoding.UTF8.GetBytes($$"""{"seq":{{seq}},"events":[{{string.Join(',', events)}}]}"""));
        return new BatchPreparer().Prepare(batch, run);
    }

    internal static async Task<string> Stored(int type, string payload)
    {
        using var prepared = await Prepare(new BatchPreparer(), Event(type, payload));
        return Encoding.UTF8.GetString(prepared.PayloadOf(prepared.Events[0]).Span);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        internal Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null) return;
            previous.Next = this;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
        }
    }
}
