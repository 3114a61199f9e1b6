using System.IO.Pipelines;
using System.Text;
using Fangs.Protocol.Events;

namespace Fangs.Tests.Ingest;

public sealed class EventBatchReaderSpecs
{
    private static readonly string First = Batches.Json(1, Batches.Event(1, """{"PathName":"/etc/hosts"}"""));
    private static readonly string Second = Batches.Json(2);

    public static TheoryData<string, ulong?, string> GoodBatches() => new()
    {
        { """{"seq":7}""", 7, "" },
        { """{}""", null, "" },
        { """{"seq":null,"run_id":null,"events":null}""", null, "" },
        { """{"seq":18446744073709551615}""", ulong.MaxValue, "" },
        { """{"SEQ":7,"Events":[{"TYPE":255,"PayLoad":{"a":1}}]}""", 7, "255 {\"a\":1}\n" },
        { """{"\u0073eq":7}""", 7, "" },
        { """{"seq":1,"seq":2}""", 2, "" },
        { """{"seq":1,"seq":null}""", null, "" },
        { """{"events":[{"type":1}],"seq":3}""", 3, "1 {}\n" },
        { """{"events":[{"payload":null,"type":2}]}""", null, "2 {}\n" },
        { """{"events":[{"type":null}]}""", null, "0 {}\n" },
        { """{"events":[{}]}""", null, "0 {}\n" },
        { """{"events":[{"type":1}],"events":[{"type":2}]}""", null, "2 {}\n" },
        { """{"events":[{"type":1}],"events":null}""", null, "" },
        { """{"events":[{"payload":{"a":1},"type":1,"payload":{"b":2}}]}""", null, "1 {\"b\":2}\n" },
        { """{"events":[{"payload":{"a":1},"payload":null}]}""", null, "0 {}\n" },
        { """{"x":{"events":[{"payload":{}}],"y":"}{]["},"seq":1,"events":[{"z":[{"payload":{"q":1}}],"payload":{"a":"\"}"},"w":{"v":{}}}]}""", 1, "0 {\"a\":\"\\\"}\"}\n" },
        { """{"x":[{"y":{"z":1}}],"events":[{"payload":{"z":2}}]}""", null, "0 {\"z\":2}\n" },
        { " { \"events\" : [ { \"payload\" : { \"a\" : [ ] } } ] } ", null, "0 { \"a\" : [ ] }\n" },
    };

    [Theory]
    [MemberData(nameof(GoodBatches))]
    public async Task A_batch_is_read_as_its_sender_meant_it(string json, ulong? seq, string events)
    {
        var batch = Assert.Single(await Batches.ReadAll(json));
        Assert.Equal((seq, events), (batch.Seq, batch.Events));
    }

    public static TheoryData<string, string> BadStreams() => new()
    {
        { """{"seq":-1}""", "batch 1: field \"seq\": expected an integer from 0 to 18446744073709551615" },
        { """{"seq":18446744073709551616}""", "field \"seq\"" },
        { """{"seq":1.5}""", "field \"seq\"" },
        { """{"seq":"1"}""", "field \"seq\"" },
        { """{"seq":{}}""", "field \"seq\"" },
        { """{"run_id":[1]}""", "field \"run_id\": expected an array of 16 integers from 0 to 255, found 1" },
        { """{"run_id":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}""", "field \"run_id\": expected an array of 16 integers" },
        { """{"run_id":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,256]}""", "field \"run_id\"" },
        { """{"run_id":"00112233445566778899aabbccddeeff"}""", "field \"run_id\"" },
        { """{"events":{}}""", "field \"events\"" },
        { """{"events":[null]}""", "field \"events[0]\"" },
        { """{"events":[{"type":1},{"type":256}]}""", "field \"events[1].type\": expected an integer from 0 to 255" },
        { """{"events":[{"type":"1"}]}""", "field \"events[0].type\"" },
        { """{"events":[{"payload":[]}]}""", "field \"events[0].payload\": expected an object or null" },
        { """{"events":[{"payload":"x"}]}""", "field \"events[0].payload\"" },
        { """[]""", "expected a JSON object" },
        { """null""", "expected a JSON object" },
        { """hello""", "expected a JSON object" },
        { """{"seq":1} x""", "batch 2: expected a JSON object" },
        { """{"seq":1""", "the stream ends inside the object" },
        { """{"seq":1,"events":[{"payload":{"a":"}}]}""", "the stream ends inside the object" },
        { """{"seq":1]""", "closes the wrong bracket" },
        { """{"events":[{"payload":{"a":[}]}}]}""", "closes the wrong bracket" },
        { """{"seq":1,}""", "not valid JSON near byte" },
        { """{"seq" 1}""", "not valid JSON near byte" },
        { """{"seq":01}""", "not valid JSON near byte" },
        { """{seq:1}""", "not valid JSON near byte" },
        { """{"events":[{"payload":{}} {"payload":{}}]}""", "not valid JSON near byte" },
        { """{"events":[{"payload":{},}]}""", "not valid JSON near byte" },
        { """{"x":tru}""", "not valid JSON near byte" },
    };

    [Theory]
    [MemberData(nameof(BadStreams))]
    public async Task A_mistake_is_named_with_its_batch_and_field(string json, string message)
    {
        var e = await Assert.ThrowsAsync<EventBatchFormatException>(() => Batches.ReadAll(json));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.StartsWith("batch ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(" \r\n\t\n ")]
    public async Task Batches_are_separated_by_white_space_or_nothing(string separator)
    {
        var batches = await Batches.ReadAll(separator + First + separator + Second + separator);
        Assert.Equal([1UL, 2UL], batches.Select(b => b.Seq!.Value));
        Assert.All(batches, b => Assert.Equal(Batches.Run, b.RunId));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n ")]
    public async Task An_empty_stream_has_no_batches(string stream) => Assert.Empty(await Batches.ReadAll(stream));

    [Fact]
    public async Task What_came_before_a_mistake_is_delivered()
    {
        using var reader = new EventBatchReader(Batches.Pipe(Encoding.UTF8.GetBytes(First + "oops")));
        using var batch = await reader.ReadAsync(default).Soon();
        Assert.NotNull(batch);
        await Assert.ThrowsAsync<EventBatchFormatException>(async () => await reader.ReadAsync(default).Soon());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await reader.ReadAsync(default).Soon());
        Assert.Equal(1, reader.BatchesRead);
    }

    [Fact]
    public async Task An_empty_run_id_means_that_none_was_supplied()
    {
        var batches = await Batches.ReadAll("""{"run_id":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}{}""");
        Assert.All(batches, b => Assert.True(b.RunId.IsEmpty));
    }

    [Fact]
    public async Task A_batch_is_delivered_before_the_stream_ends()
    {
        var pipe = new Pipe();
        using var reader = new EventBatchReader(pipe.Reader);
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(First + "{\"se"));
        using var first = await reader.ReadAsync(default).Soon();
        Assert.Equal(1UL, first!.Seq);

        var second = reader.ReadAsync(default);
        Assert.False(second.IsCompleted);
        await pipe.Writer.WriteAsync("q\":9}"u8.ToArray());
        using var batch = await second.Soon();
        Assert.Equal(9UL, batch!.Seq);
    }

    [Fact]
    public async Task An_abandoned_read_goes_on_where_it_stopped()
    {
        var pipe = new Pipe();
        using var reader = new EventBatchReader(pipe.Reader);
        await pipe.Writer.WriteAsync("{\"seq\""u8.ToArray());
        using var idle = new CancellationTokenSource();
        var abandoned = reader.ReadAsync(idle.Token);
        await idle.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await abandoned.Soon());
        Assert.True(reader.IsInsideBatch);

        await pipe.Writer.WriteAsync(":4}"u8.ToArray());
        using var batch = await reader.ReadAsync(default).Soon();
        Assert.Equal(4UL, batch!.Seq);
    }

    [Fact]
    public async Task The_reader_takes_no_more_than_it_was_asked_for()
    {
        var bytes = Encoding.UTF8.GetBytes(First + Second);
        var pipe = Batches.Pipe(bytes);
        using var reader = new EventBatchReader(pipe);
        using var batch = await reader.ReadAsync(default).Soon();
        Assert.True(pipe.TryRead(out var rest));
        Assert.Equal(Second.Length, rest.Buffer.Length);
    }

    [Fact]
    public async Task More_events_than_allowed_are_refused()
    {
        var one = new EventBatchLimits { MaxEvents = 2 };
        var fits = Batches.Json(1, Batches.Event(1, "{}"), Batches.Event(1, "{}"));
        var tooMany = Batches.Json(1, Batches.Event(1, "{}"), Batches.Event(1, "{}"), Batches.Event(1, "{}"));
        Assert.Single(await Batches.ReadAll(Batches.Pipe(Encoding.UTF8.GetBytes(fits)), one));
        var e = await Assert.ThrowsAsync<EventBatchFormatException>(() => Batches.ReadAll(Batches.Pipe(Encoding.UTF8.GetBytes(tooMany)), one));
        Assert.Contains("more than 2 events", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nesting_is_bounded()
    {
        static string Nested(int depth) => "{\"x\":" + new string('[', depth - 1) + new string(']', depth - 1) + "}";
        Assert.Single(await Batches.ReadAll(Nested(64)));
        var e = await Assert.ThrowsAsync<EventBatchFormatException>(() => Batches.ReadAll(Nested(65)));
        Assert.Contains("deeper than 64", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_size_of_a_batch_is_bounded_to_the_byte()
    {
        var json = Encoding.UTF8.GetBytes(First);
        Assert.Single(await Batches.ReadAll(Batches.Pipe(json), new EventBatchLimits { MaxBatchBytes = json.Length }));
        var e = await Assert.ThrowsAsync<EventBatchFormatException>(
            () => Batches.ReadAll(Batches.Pipe(json, json.Length - 1), new EventBatchLimits { MaxBatchBytes = json.Length - 1 }));
        Assert.Contains($"larger than {json.Length - 1} bytes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endless_batch_is_refused_at_the_limit_and_not_buffered_further()
    {
        const int Limit = 1 << 20;
        var pipe = new Pipe();
        using var reader = new EventBatchReader(pipe.Reader, new EventBatchLimits { MaxBatchBytes = Limit });
        var reading = reader.ReadAsync(default).AsTask();
        var sent = 0L;
        await pipe.Writer.WriteAsync("{\"x\":\""u8.ToArray());
        var junk = Enumerable.Repeat((byte)'x', 64 * 1024).ToArray();
        while (!reading.IsCompleted && sent < 100L * Limit)
        {
            // Once the reader has refused, nobody drains the pipe: a write that is not raced against it would wait for ever.
            await Task.WhenAny(pipe.Writer.WriteAsync(junk).AsTask(), reading).WaitAsync(TimeSpan.FromSeconds(30));
            sent += junk.Length;
        }

        await Assert.ThrowsAsync<EventBatchFormatException>(() => reading.Soon());
        Assert.InRange(sent, Limit - junk.Length, Limit + (8 * junk.Length));
    }

    [Fact]
    public async Task A_returned_batch_cannot_be_looked_at()
    {
        var batch = await Batches.ReadOne(Encoding.UTF8.GetBytes(First));
        var slice = batch.Events[0];
        batch.Dispose();
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => batch.Events.Length);
        Assert.Throws<ObjectDisposedException>(() => batch.PayloadOf(slice).Length);
    }

    [Fact]
    public async Task Reading_allocates_next_to_nothing()
    {
        const int Count = 1000;
        var batch = Batches.Json(1, [.. Enumerable.Repeat(Batches.Event(1, Payloads.UpstreamFile()), 16)]);
        var stream = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(batch, Count)));
        await Batches.ReadAll(Batches.Pipe(stream)); // warms the pools up
        using var reader = new EventBatchReader(Batches.Pipe(stream));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Count; i++)
        {
            // The whole stream is there, so this never leaves the thread whose allocations are counted.
            var read = reader.ReadAsync(default);
            Assert.True(read.IsCompletedSuccessfully);
            (await read)!.Dispose();
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Count, 0, 512); // the batch object and the pipe's own book-keeping, no payload
    }
}
