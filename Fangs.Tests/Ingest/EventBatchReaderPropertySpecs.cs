using System.Text;
using CsCheck;
using Fangs.Actors.Ingest;
using Fangs.Protocol.Events;

namespace Fangs.Tests.Ingest;

public sealed class EventBatchReaderPropertySpecs
{
    private static readonly byte[] Stream = Encoding.UTF8.GetBytes(
        Batches.Json(1, Batches.Event(1, Payloads.UpstreamFile()), Batches.Event(2, Payloads.UpstreamExec()))
        + "\n " + Batches.Json(2, Batches.Event(4, """{"QName":"a\\\"}{\u0000é","x":[{"y":["]"]}]}"""))
        + Batches.Json(3) + "\r\n" + """{"unknown":{"a":[{"b":{"c":"\\"}}]},"SEQ":4,"events":[{"payload":{"z":"\\\\"}},{"type":7}]}""");

    private static readonly BatchPreparer Preparer = new();

    [Fact]
    public async Task Any_split_into_pieces_gives_the_same_batches()
    {
        var whole = await Batches.ReadAll(Batches.Pipe(Stream));
        Assert.Equal(4, whole.Count);
        await Gen.Int[0, Stream.Length].Array[1, 40].SampleAsync(
            async cuts => Assert.Equal(whole, await Batches.ReadAll(Batches.Pipe(Stream, cuts))), iter: 500);
    }

    [Fact]
    public async Task Single_bytes_give_the_same_batches() =>
        Assert.Equal(await Batches.ReadAll(Batches.Pipe(Stream)), await Batches.ReadAll(Batches.Pipe(Stream, [.. Enumerable.Range(0, Stream.Length)])));

    [Fact]
    public async Task Pieces_that_arrive_one_by_one_give_the_same_batches()
    {
        var whole = await Batches.ReadAll(Batches.Pipe(Stream));
        await Gen.Int[1, 700].SampleAsync(
            async size =>
            {
                var pipe = new System.IO.Pipelines.Pipe();
                var reading = Batches.ReadAll(pipe.Reader);
                foreach (var piece in Stream.Chunk(size)) await pipe.Writer.WriteAsync(piece);
                await pipe.Writer.CompleteAsync();
                Assert.Equal(whole, await reading);
            },
            iter: 30);
    }

    [Fact]
    public async Task Damaged_streams_fail_in_one_way_only()
    {
        var edit = Gen.Select(Gen.Int[0, Stream.Length - 1], Gen.OneOf(Gen.Byte, OneOf("\"\\{}[]:,0-u \n\0"u8.ToArray())), Gen.Int[0, 2]);
        await edit.Array[1, 6].SampleAsync(async edits => await ReadAndPrepare(Damage(edits)), iter: 5000);
    }

    [Fact]
    public async Task Garbage_fails_in_one_way_only() =>
        await OneOf("{", "}", "[", "]", "\"", "\\", ":", ",", "1", "-", "null", "true", " ", "\n", "\"seq\"", "\"events\"", "\"payload\"",
                "\"type\"", "\"run_id\"", "\"Header\"", "\"Path\"", "\"RunID\"", "[0,0,0,0,0]", "\\u0000", "\\ud800", "\0", "é", "{\"events\":[{\"payload\":{")
            .Array[1, 40]
            .SampleAsync(async parts => await ReadAndPrepare(Encoding.UTF8.GetBytes(string.Concat(parts))), iter: 5000);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static byte[] Damage((int At, byte Value, int Kind)[] edits)
    {
        var bytes = Stream.ToList();
        foreach (var (at, value, kind) in edits)
        {
            var i = Math.Min(at, bytes.Count - 1);
            if (kind == 0) bytes[i] = value;
            else if (kind == 1) bytes.Insert(i, value);
            else bytes.RemoveRange(i, Math.Min(value, bytes.Count - i - 1));
        }

        return [.. bytes];
    }

    // Either everything is well-formed, and then the stored payloads are JSON in valid UTF-8, or the one exception comes.
    private static async Task ReadAndPrepare(byte[] bytes)
    {
        using var reader = new EventBatchReader(Batches.Pipe(bytes, bytes.Length / 3, bytes.Length / 2));
        try
        {
            while (await reader.ReadAsync(CancellationToken.None).Soon() is { } batch)
            {
                using (batch)
                {
                    using var prepared = Preparer.Prepare(batch, Batches.Run);
                    foreach (var stored in prepared.Events.ToArray())
                    {
                        using var json = System.Text.Json.JsonDocument.Parse(prepared.PayloadOf(stored));
                        Assert.True(System.Text.Unicode.Utf8.IsValid(prepared.PayloadOf(stored).Span));
                    }
                }
            }
        }
        catch (EventBatchFormatException e)
        {
            Assert.StartsWith("batch ", e.Message, StringComparison.Ordinal);
        }
    }
}
