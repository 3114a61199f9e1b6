using System.Globalization;
using System.Text;
using System.Text.Json;
using Fangs.Benchmarks.Load;

namespace Fangs.Chaos;

/// <summary>A client that behaves like a runner, as far as the orchestrator can see: registers, polls, sends batches until they are acknowledged and a result, or disappears in the middle.</summary>
internal sealed class SyntheticRunner(string name, int port, int seed, Observations seen, Func<TimeSpan> now)
{
    private const int EventsPerBatch = 8;
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(10), PollLimit = TimeSpan.FromSeconds(30), Pause = TimeSpan.FromMilliseconds(300), HeartbeatEvery = TimeSpan.FromSeconds(5);

    private readonly Random _chance = new(seed);
    private string _instance = "";

    private enum Conduct
    {
        Posts,
        Stream,
        Vanishes,
        LeavesGap,
        LosesEvents,
        Fails,
    }

    public string Name => name;

    /// <summary>Works until it is told to stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                // A new life: what the one before was working on is forgotten.
                using var life = CancellationTokenSource.CreateLinkedTokenSource(stop);
                await LiveAsync(life.Token);
                await life.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As wanted.
        }
    }

    private async Task LiveAsync(CancellationToken stop)
    {
        using var line = new PartyLine(port);
        _instance = _chance.Next(2) == 0 ? "" : _chance.NextInt64().ToString("x16", CultureInfo.InvariantCulture); // the original's runners send none
        var register = Registration();
        await TakenAsync(line, register, stop);
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            switch (await line.AskAsync(HttpLine.Get($"/v1/runners/{name}/jobs"), PollLimit, stop))
            {
                case { Status: 200 } answer:
                    var run = RunIn(answer.Body);
                    var began = now();
                    var vanished = await WorkAsync(run, line, stop);
                    seen.Works.Add(new Work(run, name, began, now()));
                    if (vanished) return;
                    break;
                case { Status: 404 }:
                    await TakenAsync(line, register, stop);
                    break;
                case { Status: 204 }:
                    await Task.Delay(Pause, TimeProvider.System, stop); // it drains, or a poll of ours that we had given up was in the way
                    break;
                case { Status: var status } answer when status != 204:
                    if (status < 500) seen.Complain("the protocol is kept", $"{name} got {status} to a poll: {answer.Text}");
                    await Task.Delay(Pause, TimeProvider.System, stop);
                    break;
                default:
                    await Task.Delay(Pause, TimeProvider.System, stop);
                    break;
            }
        }
    }

    private async Task<bool> WorkAsync(string run, PartyLine line, CancellationToken stop)
    {
        using var working = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var beating = BeatAsync(run, working.Token);
        try
        {
            var load = new EventLoad(run, PayloadKind.Slim, _chance.Next(4), EventsPerBatch);
            var (conduct, batches) = (Draw(), 2 + _chance.Next(15));
            var pace = TimeSpan.FromMilliseconds(_chance.Next(10) == 0 ? 2500 : _chance.Next(50, 500));
            switch (conduct)
            {
                case Conduct.Vanishes:
                    await PostAsync(run, load, Enumerable.Range(1, _chance.Next(batches)), pace, line, stop);
                    seen.Disturbances.Add(new Disturbance(name, IsDeath: true, now(), now()));
                    return true;
                case Conduct.Stream:
                    await StreamAsync(run, load, batches, pace, line, stop);
                    break;
                case Conduct.LeavesGap:
                    var missing = 1 + _chance.Next(batches - 1);
                    await PostAsync(run, load, Enumerable.Range(1, batches).Where(seq => seq != missing), pace, line, stop);
                    break;
                default:
                    await PostAsync(run, load, Enumerable.Range(1, batches), pace, line, stop);
                    break;
            }

            var failure = conduct == Conduct.Fails ? $"synthetic failure of {name}" : "";
            await ReportAsync(run, failure, conduct == Conduct.LeavesGap ? batches - 1 : batches, conduct == Conduct.LosesEvents ? 3 : 0, line, stop);
            return false;
        }
        finally
        {
            await working.CancelAsync();
            await beating;
        }
    }

    private async Task PostAsync(string run, EventLoad load, IEnumerable<int> seqs, TimeSpan pace, PartyLine line, CancellationToken stop)
    {
        foreach (var seq in seqs)
        {
            await Task.Delay(pace, TimeProvider.System, stop);
            byte[] request = [.. HttpLine.Head($"/v1/runs/{run}/events", string.Create(CultureInfo.InvariantCulture, $"Content-Length: {load.Body(seq).Length}\r\n")), .. load.Body(seq).Span];
            if (_chance.Next(12) == 0)
            {
                // Breaks off in the middle of the batch: nothing of it may count.
                await line.SendOnlyAsync(request.AsMemory(0, request.Length - _chance.Next(1, load.Body(seq).Length)), CallLimit, stop);
                line.Drop();
            }

            var times = _chance.Next(6) == 0 ? 2 : 1;
            for (var time = 0; time < times; time++)
                if (await TakenAsync(line, request, stop, run)) seen.Batches.Add(new AcknowledgedBatch(run, seq, EventsPerBatch));
        }
    }

    // One long request. Whenever it breaks, everything is sent again from the start.
    private async Task StreamAsync(string run, EventLoad load, int batches, TimeSpan pace, PartyLine line, CancellationToken stop)
    {
        while (true)
        {
            line.Drop();
            await line.SendOnlyAsync(HttpLine.Head($"/v1/runs/{run}/events", "Transfer-Encoding: chunked\r\n"), CallLimit, stop);
            for (var seq = 1; seq <= batches && line.IsOpen; seq++)
            {
                await Task.Delay(pace, TimeProvider.System, stop);
                await line.SendOnlyAsync(load.Chunk(seq), CallLimit, stop);
            }

            if (line.IsOpen && await line.AskAsync("0\r\n\r\n"u8.ToArray(), CallLimit, stop) is { Status: 200 } answer && Count(answer.Body) == batches)
            {
                for (var seq = 1; seq <= batches; seq++) seen.Batches.Add(new AcknowledgedBatch(run, seq, EventsPerBatch));
                return;
            }

            await Task.Delay(Pause, TimeProvider.System, stop);
        }
    }

    private async Task ReportAsync(string run, string failure, int batches, int dropped, PartyLine line, CancellationToken stop)
    {
        var status = failure.Length > 0 ? "failed" : "ok";
        var request = HttpLine.Post($"/v1/runs/{run}/result", string.Create(CultureInfo.InvariantCulture,
            $$"""{"run_id":{{EventLoad.Numbers(Convert.FromHexString(run))}},"status":"{{status}}","reason":"{{failure}}","events_emitted":{{batches * EventsPerBatch}},"events_dropped":{{dropped}},"duration":1000000000}"""));
        seen.Results.Add(new SentResult(run, status, failure, IsAcknowledged: false));
        while (true)
        {
            var answer = await line.AskAsync(request, CallLimit, stop);
            if (answer is { Status: 200 })
            {
                seen.Results.Add(new SentResult(run, status, failure, IsAcknowledged: true));
                return;
            }

            if (answer is { Status: 400 }) return; // it was given up meanwhile, and has ended otherwise
            if (answer is { Status: < 500 } refusal) seen.Complain("the protocol is kept", $"{name} got {refusal.Status} to the result of run {run}: {refusal.Text}");
            await Task.Delay(Pause, TimeProvider.System, stop);
        }
    }

    private async Task BeatAsync(string run, CancellationToken stop)
    {
        using var line = new PartyLine(port);
        var beat = HttpLine.Post($"/v1/runners/{name}/heartbeat", $$"""{"active_run_id":"{{run}}","status":"running"}""");
        while (!stop.IsCancellationRequested)
        {
            if (await line.AskAsync(beat, CallLimit, stop) is { Status: 200 } answer && answer.Text.Contains("unknown_runner", StringComparison.Ordinal))
                await line.AskAsync(Registration(), CallLimit, stop);
            await Task.Delay(HeartbeatEvery, TimeProvider.System, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TakenAsync(PartyLine line, byte[] request, CancellationToken stop, string run = "")
    {
        while (true)
        {
            var answer = await line.AskAsync(request, CallLimit, stop);
            if (answer is { Status: 200 }) return true;
            if (answer is { Status: < 500 } refusal)
            {
                // Said once: what was accepted or registered and is refused now will be refused for ever.
                seen.Complain("the protocol is kept", $"{name} got {refusal.Status}{(run.Length > 0 ? " to a batch of run " + run : "")}: {refusal.Text}");
                return false;
            }

            stop.ThrowIfCancellationRequested();
            await Task.Delay(Pause, TimeProvider.System, stop);
        }
    }

    private Conduct Draw() => _chance.Next(20) switch
    {
        < 7 => Conduct.Posts,
        < 13 => Conduct.Stream,
        < 15 => Conduct.Vanishes,
        15 => Conduct.LeavesGap,
        16 => Conduct.LosesEvents,
        _ => Conduct.Fails,
    };

    private byte[] Registration() => HttpLine.Post("/v1/runners/register",
        $$"""{"runner_id":"{{name}}","hostname":"chaos","capabilities":["sensor","drops.per-run"],"kernel_version":"6.1","proto_version":1{{(_instance.Length > 0 ? $",\"instance\":\"{_instance}\"" : "")}}}""");

    private static string RunIn(byte[] body)
    {
        using var json = JsonDocument.Parse(body);
        return Convert.ToHexStringLower([.. json.RootElement.GetProperty("run_id").EnumerateArray().Select(n => n.GetByte())]);
    }

    private static int Count(byte[] body)
    {
        using var json = JsonDocument.Parse(Encoding.UTF8.GetString(body));
        return json.RootElement.GetProperty("received_batches").GetInt32();
    }
}
