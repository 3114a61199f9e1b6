using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Fangs.Actors.Ingest;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Http.Dashboard.Runs.Lineage;
using Fangs.Protocol;
using Fangs.Protocol.Events;

namespace Fangs.Fuzz.Targets;

/// <summary>A stream of event batches: from the socket to what is stored, judged and shown.</summary>
internal static class NdjsonTarget
{
    private static readonly RunId Run = RunId.Parse("0102030405060708090a0b0c0d0e0f10");
    private static readonly PayloadJsonConverter Converter = new();

    internal static FuzzTarget Target { get; } = new("ndjson", "event streams: batches in any pieces, payloads, fingerprints, the stored form and its readers", RunAsync);

    private static async Task RunAsync(ReadOnlyMemory<byte> input)
    {
        // One read, several pieces in one read, one piece per read: the same must come out.
        var whole = await ReadAsync(PipeReader.Create(new ReadOnlySequence<byte>(input)), isFirst: true);
        var pieces = await ReadAsync(PipeReader.Create(Pieces.Sequence(input)), isFirst: false);
        FindingException.Unless(whole == pieces, $"in pieces at once it reads otherwise:\n{whole}\n{pieces}");
        var reads = await ReadAsync(PipeReader.Create(Pieces.Stream(input)), isFirst: false);
        FindingException.Unless(whole == reads, $"piece by piece it reads otherwise:\n{whole}\n{reads}");
    }

    private static async Task<string> ReadAsync(PipeReader pipe, bool isFirst)
    {
        var seen = new StringBuilder();
        var preparer = new BatchPreparer();
        using var reader = new EventBatchReader(pipe);
        try
        {
            while (await reader.ReadAsync(CancellationToken.None) is { } batch)
            {
                using (batch)
                {
                    Describe(seen, batch);
                    if (isFirst) Prepare(preparer, batch);
                }
            }

            FindingException.Unless(!reader.IsInsideBatch, "the stream ended inside a batch and nobody said so");
        }
        catch (EventBatchFormatException e)
        {
            seen.Append(e.Message);
        }

        await pipe.CompleteAsync();
        return seen.ToString();
    }

    private static void Describe(StringBuilder seen, EventBatch batch)
    {
        seen.Append(CultureInfo.InvariantCulture, $"{batch.Number} {batch.RunId} {batch.Seq} {batch.HasSeq} {batch.ByteCount}\n");
        foreach (var slice in batch.Events)
            seen.Append(CultureInfo.InvariantCulture, $"{slice.Type} {slice.Offset} {slice.Length} ").Append(Convert.ToHexString(batch.PayloadOf(slice))).Append('\n');
    }

    private static void Prepare(BatchPreparer preparer, EventBatch batch)
    {
        PreparedBatch prepared;
        try
        {
            prepared = preparer.Prepare(batch, Run);
        }
        catch (EventBatchFormatException)
        {
            foreach (var slice in batch.Events) Show(EventType.NameOf(slice.Type), Encoding.UTF8.GetString(batch.PayloadOf(slice)));
            return;
        }

        using (prepared)
        {
            FindingException.Unless(prepared.Events.Length == batch.Events.Length, "an event was lost");
            FindingException.Unless(prepared.TypeCounts.Sum(count => count.Count) == batch.Events.Length, "the types do not add up to the events");
            foreach (var slice in batch.Events) Show(EventType.NameOf(slice.Type), Encoding.UTF8.GetString(batch.PayloadOf(slice)));
            CheckStored(prepared);
            // What is stored is read again by later judgements, and must mean the same then.
            var stored = prepared.Events.ToArray().Select((e, i) => new StoredEvent(i, e.Type, prepared.PayloadOf(e))).ToList();
            using var again = preparer.Prepare(stored, Run);
            for (var i = 0; i < stored.Count; i++)
                FindingException.Unless(stored[i].Payload.Span.SequenceEqual(again.PayloadOf(again.Events[i]).Span), "what is stored is stored otherwise the second time");
            FindingException.Unless(Text(prepared) == Text(again), $"what is stored means something else:\n{Text(prepared)}\n{Text(again)}");
        }
    }

    private static void CheckStored(PreparedBatch prepared)
    {
        var rows = new List<EventRow>();
        foreach (var e in prepared.Events)
        {
            var payload = prepared.PayloadOf(e);
            FindingException.Unless(Utf8.IsValid(payload.Span) && !payload.Span.Contains((byte)0), "a database would refuse the payload");
            using var document = JsonDocument.Parse(payload);
            FindingException.Unless(document.RootElement.ValueKind == JsonValueKind.Object, "a stored payload is no object");
            foreach (var text in Texts(document.RootElement)) FindingException.Unless(!text.Contains('\0', StringComparison.Ordinal), "a database would refuse a text");
            rows.Add(new EventRow { Id = rows.Count + 1, Type = e.TypeName, Data = Encoding.UTF8.GetString(payload.Span) });
        }

        foreach (var row in rows) Show(row.Type, row.Data);
        var tree = ProcessTree.Of(rows, 1000);
        FindingException.Unless(tree.Roots.Count <= tree.Count && tree.Roots.Sum(root => root.Size) <= 1000 * 1000, "the tree has more roots than nodes");
    }

    private static IEnumerable<string> Texts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => Texts(member.Value).Prepend(member.Name)),
        _ => [],
    };

    // As reports, pages and commands do. Also with what was sent: a database of the original holds that.
    private static void Show(string type, string json)
    {
        var payload = EventPayload.Parse(json);
        _ = (payload.Comm, payload.Pid, payload.KernelNs, payload.IsCredential, payload.Role, payload.Phase, payload.Op, payload.Errno, payload.IsWrite);
        _ = (payload.Text("PathName"), payload.Texts("ArgvStrs"), payload.Whole("DestPort"));
        _ = EventWords.Describe(type, payload);
        using var stream = new MemoryStream();
        using var writer = new Utf8JsonWriter(stream);
        Converter.Write(writer, payload.Root, JsonSerializerOptions.Default);
    }

    private static string Text(PreparedBatch batch) =>
        string.Join('\n', batch.Fingerprints.Select(f => f.ToString()).Order(StringComparer.Ordinal)) + batch.SawExec + string.Join(',', batch.Events.ToArray().Select(e => e.KtimeNs));
}
