using System.Text;
using System.Threading.Channels;
using CsCheck;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Runner.Sensor;
using Microsoft.AspNetCore.Http;

namespace Fangs.Tests.Runner.Agent;

public sealed class EventStreamerSpecs
{
    private static readonly RunId Run = RunId.Parse("019a0c0009080706050403020100ff10");
    private readonly Channel<SensorEvent> _events = Channel.CreateUnbounded<SensorEvent>();

    [Fact]
    public async Task A_batch_has_the_bytes_of_the_protocol()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        await using var streamer = Start(server);
        Emit("""{"Header":{"TsNs":18446744073709551615},"PathName":"/etc/<x>&\u0000é"}""", EventType.FileAccess);
        Emit("""{ "a" : 1e400 }""", 18);
        _events.Writer.Complete();
        var totals = await FinishAsync(streamer);
        Assert.Equal(
            """{"run_id":[1,154,12,0,9,8,7,6,5,4,3,2,1,0,255,16],"seq":1,"events":[{"type":1,"payload":{"Header":{"TsNs":18446744073709551615},"PathName":"/etc/<x>&\u0000é"}},{"type":18,"payload":{ "a" : 1e400 }}]}""" + "\n",
            Assert.Single(server.EventBodies));
        Assert.Equal(["POST /v1/runs/019a0c0009080706050403020100ff10/events"], server.Paths);
        Assert.Equal((2, 0), (totals.Acknowledged, totals.Lost));
    }

    [Fact]
    public async Task Sixty_four_events_go_out_at_once_and_fewer_after_a_quarter_of_a_second()
    {
        var time = new SteppedTime();
        await using var server = await FakeOrchestrator.StartAsync();
        await using var streamer = Start(server, time: time);
        for (var i = 0; i < 65; i++) Emit($"{i}");
        await server.UntilAsync(() => server.Stored.Count == 1);
        Assert.Equal(64, server.Stored[(Run, 1)].Count);
        await time.PassAsync(TimeSpan.FromMilliseconds(250));
        await server.UntilAsync(() => server.Stored.Count == 2);
        Assert.Equal(["64"], server.Stored[(Run, 2)]);
        _events.Writer.Complete();
        Assert.Equal(65, (await FinishAsync(streamer)).Acknowledged);
    }

    [Fact]
    public async Task A_failed_request_is_sent_again_byte_for_byte()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = FakeOrchestrator.Status(number => number == 1 ? 500 : null);
        await using var streamer = Start(server);
        Emit("1");
        _events.Writer.Complete();
        Assert.Equal(1, (await FinishAsync(streamer)).Acknowledged);
        Assert.Equal(2, server.EventBodies.Count);
        Assert.Single(server.EventBodies.Distinct());
    }

    [Fact]
    public async Task A_batch_whose_acknowledgement_was_lost_keeps_its_number()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEventsStored = (number, context) =>
        {
            if (number == 1) context.Abort();
            return Task.FromResult(number == 1);
        };
        await using var streamer = Start(server);
        Emit("1");
        _events.Writer.Complete();
        Assert.Equal(1, (await FinishAsync(streamer)).Acknowledged);
        Assert.Equal(2, server.EventBodies.Count);
        Assert.Equal(["1"], server.PayloadsOf(Run));
    }

    [Fact]
    public async Task A_batch_that_was_not_taken_whole_is_not_acknowledged()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = async (number, context) =>
        {
            if (number > 1) return false;
            await context.Response.WriteAsync("""{"received_batches":0}""");
            return true;
        };
        await using var streamer = Start(server);
        Emit("1");
        _events.Writer.Complete();
        Assert.Equal(1, (await FinishAsync(streamer)).Acknowledged);
        Assert.Equal(2, server.EventBodies.Count);
    }

    [Fact]
    public async Task After_five_tries_the_events_are_lost_and_the_next_batch_leaves_a_gap()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = FakeOrchestrator.Status(number => number <= 5 ? 503 : null);
        Emit("1");
        Emit("2"); // both are there before the first can become due alone
        await using var streamer = Start(server, settings => settings with { BatchEvents = 2 });
        await server.UntilAsync(() => server.EventBodies.Count >= 5);
        Emit("3");
        _events.Writer.Complete();
        var totals = await FinishAsync(streamer);
        Assert.Equal((1, 2), (totals.Acknowledged, totals.Lost));
        Assert.Equal([(Run, 2UL)], server.Stored.Keys);
        Assert.Equal(6, server.EventBodies.Count);
    }

    [Fact]
    public async Task A_run_that_is_unknown_is_not_asked_for_again()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = FakeOrchestrator.Status(_ => 404);
        await using var streamer = Start(server);
        Emit("1");
        _events.Writer.Complete();
        Assert.Equal(1, (await FinishAsync(streamer)).Lost);
        Assert.Single(server.EventBodies);
    }

    [Fact]
    public async Task A_refused_batch_does_not_take_its_neighbours_with_it()
    {
        var gate = new TaskCompletionSource();
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = async (number, context) =>
        {
            if (number == 1) await gate.Task.Soon();
            return await FakeOrchestrator.Status(n => server.EventBodies.ElementAt(n - 1).Contains("bad", StringComparison.Ordinal) ? 400 : null)(number, context);
        };
        await using var streamer = Start(server, settings => settings with { BatchEvents = 1 });
        Emit("1");
        await server.UntilAsync(() => server.EventBodies.Count == 1); // the others wait together behind this one
        foreach (var payload in new[] { "2", "\"bad\"", "4" }) Emit(payload);
        await Limits.UntilAsync(() => streamer.Queued >= 4);
        gate.SetResult();
        _events.Writer.Complete();
        var totals = await FinishAsync(streamer);
        Assert.Equal((3, 1), (totals.Acknowledged, totals.Lost));
        Assert.Equal(["1", "2", "4"], server.PayloadsOf(Run));
    }

    [Fact]
    public async Task Batches_keep_within_their_size_and_an_event_that_is_larger_is_lost()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        await using var streamer = Start(server, settings => settings with { BatchBytes = 2048 });
        var large = $"\"{new string('x', 900)}\"";
        Emit(large);
        Emit(large);
        Emit(large);
        Emit($"\"{new string('x', 4000)}\"");
        Emit("5");
        _events.Writer.Complete();
        var totals = await FinishAsync(streamer);
        Assert.Equal((4, 1), (totals.Acknowledged, totals.Lost));
        Assert.All(server.EventBodies.SelectMany(body => body.Split('\n')), batch => Assert.InRange(batch.Length, 0, 2048));
        Assert.Equal([large, large, large, "5"], server.PayloadsOf(Run));
    }

    [Fact]
    public async Task What_does_not_get_through_within_the_budget_is_lost()
    {
        var time = new SteppedTime();
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = FakeOrchestrator.Status(_ => 500);
        await using var streamer = Start(server, settings => settings with { BatchEvents = 1 }, time);
        Emit("1");
        await server.UntilAsync(() => server.EventBodies.Count == 1);
        for (var i = 0; i < 100; i++) Emit($"{i}");
        var finish = streamer.FinishAsync(TimeSpan.FromSeconds(0.25), default); // shorter than the shortest wait between two tries
        await time.PassAsync(TimeSpan.FromSeconds(0.25));
        var totals = await finish.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((0, 101), (totals.Acknowledged, totals.Lost));
    }

    [Fact]
    public async Task An_orchestrator_that_does_not_answer_fills_the_queue_and_no_more()
    {
        var gate = new TaskCompletionSource();
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = async (_, _) =>
        {
            await gate.Task.Soon();
            return false;
        };
        var events = Channel.CreateBounded<SensorEvent>(10);
        using var client = Client(server, out var settings);
        await using var streamer = EventStreamer.Start(
            Run, events.Reader, client, settings with { BatchEvents = 1, QueuedBytes = 1000 }, new LogLines(), TimeProvider.System);
        var payload = new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes("1"));
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 1000; i++) await events.Writer.WriteAsync(new SensorEvent(1, payload, ""));
            events.Writer.Complete();
        });
        await server.UntilAsync(() => server.EventBodies.Count == 1);
        var batch = server.EventBodies.First().IndexOf('\n', StringComparison.Ordinal) + 1; // a request may carry several
        await Limits.UntilAsync(() => streamer.Queued * batch >= 1000 && events.Reader.Count >= 10);
        for (var i = 0; i < 1000; i++) await Task.Yield(); // nothing more is taken once the queue is full
        Assert.InRange(streamer.Queued * batch, 1000, 1000 + batch);
        gate.SetResult();
        await writing.Soon();
        Assert.Equal(1000, (await FinishAsync(streamer)).Acknowledged);
    }

    [Fact]
    public async Task A_sensor_that_breaks_is_told()
    {
        await using var server = await FakeOrchestrator.StartAsync();
        await using var streamer = Start(server);
        Emit("1");
        _events.Writer.Complete(new InvalidOperationException("the ring buffer is gone"));
        var totals = await FinishAsync(streamer);
        Assert.Equal("the ring buffer is gone", totals.Fault);
        Assert.Equal(1, totals.Acknowledged);
    }

    [Fact]
    public Task Nothing_is_lost_or_stored_twice_when_the_orchestrator_fails_at_random()
    {
        // At most four failures in a row, which five tries survive: of every kind, before and after the batches were stored.
        var failures = Gen.Int[0, 5].Array[0, 40].Where(kinds => LongestFailure(kinds) < 5);
        return Gen.Select(failures, Gen.Int[1, 400], Gen.Int[1, 64]).SampleAsync(
            async (script, count, batchEvents) =>
            {
                var (totals, stored) = await FailByScriptAsync(script, count, batchEvents);
                Assert.Equal((count, 0), (totals.Acknowledged, totals.Lost));
                Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}"), stored);
            },
            iter: 40,
            threads: 1);
    }

    [Fact]
    public Task Every_event_is_either_acknowledged_or_counted_as_lost_however_the_orchestrator_fails()
    {
        var failures = Gen.Int[0, 9].Select(kind => Math.Min(kind, 6)).Array[0, 60];
        return Gen.Select(failures, Gen.Int[1, 200], Gen.Int[1, 16]).SampleAsync(
            async (script, count, batchEvents) =>
            {
                var (totals, stored) = await FailByScriptAsync(script, count, batchEvents);
                Assert.Equal(count, totals.Acknowledged + totals.Lost);
                Assert.InRange(stored.Count, totals.Acknowledged, count); // a batch may be stored and its acknowledgement lost five times
                Assert.Equal(stored.Order(Comparer<string>.Create((a, b) => int.Parse(a) - int.Parse(b))).Distinct(), stored);
            },
            iter: 30,
            threads: 1);
    }

    private static async Task<(StreamTotals Totals, IReadOnlyList<string> Stored)> FailByScriptAsync(int[] script, int count, int batchEvents)
    {
        await using var server = await FakeOrchestrator.StartAsync();
        server.OnEvents = (number, context) => MisbehaveAsync(script.ElementAtOrDefault(number - 1), early: true, context);
        server.OnEventsStored = (number, context) => MisbehaveAsync(script.ElementAtOrDefault(number - 1), early: false, context);
        var events = Channel.CreateUnbounded<SensorEvent>();
        using var client = Client(server, out var settings);
        await using var streamer = EventStreamer.Start(
            Run, events.Reader, client, settings with { BatchEvents = batchEvents }, new LogLines(), TimeProvider.System);
        for (var i = 0; i < count; i++)
        {
            events.Writer.TryWrite(new SensorEvent(2, Encoding.UTF8.GetBytes($"{i}"), ""));
            if (i % 50 == 49) await Task.Yield();
        }

        events.Writer.Complete();
        var totals = await FinishAsync(streamer);
        return (totals, server.PayloadsOf(Run));
    }

    private static Task<bool> MisbehaveAsync(int kind, bool early, HttpContext context)
    {
        if (kind is 3 or 4 && early == (kind == 3)) context.Abort();
        else if (kind is 1 or 2 && early == (kind == 1)) context.Response.StatusCode = 500;
        else if (kind == 5 && !early) context.Response.StatusCode = 429;
        else if (kind == 6 && early) context.Response.StatusCode = 400; // a refusal, which is not tried again
        else return Task.FromResult(false);
        return Task.FromResult(true);
    }

    private static int LongestFailure(int[] kinds)
    {
        var (longest, current) = (0, 0);
        foreach (var kind in kinds) longest = Math.Max(longest, current = kind == 0 ? 0 : current + 1);
        return longest;
    }

    private EventStreamer Start(FakeOrchestrator server, Func<RunnerSettings, RunnerSettings>? change = null, TimeProvider? time = null)
    {
        var settings = AgentHarness.SettingsFor(server.Address);
        if (time is null) settings = settings with { Timings = AgentHarness.Hasty };
        settings = change?.Invoke(settings) ?? settings;
        return EventStreamer.Start(
            Run, _events.Reader, new OrchestratorClient(settings, time ?? TimeProvider.System), settings, new LogLines(), time ?? TimeProvider.System);
    }

    private static OrchestratorClient Client(FakeOrchestrator server, out RunnerSettings settings)
    {
        settings = AgentHarness.SettingsFor(server.Address) with { Timings = AgentHarness.Hasty };
        return new OrchestratorClient(settings, TimeProvider.System);
    }

    private static Task<StreamTotals> FinishAsync(EventStreamer streamer) =>
        streamer.FinishAsync(TimeSpan.FromSeconds(15), default).WaitAsync(TimeSpan.FromSeconds(30));

    private void Emit(string payload, byte type = 2) => _events.Writer.TryWrite(new SensorEvent(type, Encoding.UTF8.GetBytes(payload), ""));
}
