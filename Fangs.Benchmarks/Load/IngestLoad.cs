using System.Globalization;

namespace Fangs.Benchmarks.Load;

/// <summary>Events as fast as they are taken: one long stream per run, or one request per batch on a connection of its own as upstream's runner does it.</summary>
internal static class IngestLoad
{
    // Below the limit of a run, beyond which events are counted only.
    private const int MaxEventsPerRun = 480_000;

    /// <summary>Streams.</summary>
    public static async Task<Figures> StreamsAsync(LoadSettings settings, int streams, PayloadKind kind, CancellationToken cancellationToken)
    {
        var figures = new Figures(string.Create(CultureInfo.InvariantCulture, $"ingest-streams/{streams}/{NameOf(kind)}"));
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        var warm = await MakeRunsAsync(orchestrator, streams, kind, cancellationToken);
        await Task.WhenAll(warm.Select(r => StreamAsync(orchestrator, r, settings.WarmUp, cancellationToken)));
        var runs = await MakeRunsAsync(orchestrator, streams, kind, cancellationToken);
        await MeasureAsync(figures, orchestrator, runs, () => Task.WhenAll(runs.Select(r => StreamAsync(orchestrator, r, settings.Window, cancellationToken))));
        await orchestrator.StopAsync();
        Ledger.Check(orchestrator.Database, warm.Concat(runs).Select(r => (r.Id, r.Batches, r.Acknowledged)));
        return figures;
    }

    /// <summary>One POST per batch.</summary>
    public static async Task<Figures> PostsAsync(LoadSettings settings, int clients, PayloadKind kind, CancellationToken cancellationToken)
    {
        var figures = new Figures(string.Create(CultureInfo.InvariantCulture, $"ingest-posts/{clients}/{NameOf(kind)}"));
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        var warm = await MakeRunsAsync(orchestrator, clients, kind, cancellationToken);
        await Task.WhenAll(warm.Select(r => PostAsync(orchestrator, r, settings.WarmUp, cancellationToken)));
        var runs = await MakeRunsAsync(orchestrator, clients, kind, cancellationToken);
        IReadOnlyList<TimeSpan>[] latencies = [];
        await MeasureAsync(figures, orchestrator, runs, async () =>
            latencies = await Task.WhenAll(runs.Select(r => PostAsync(orchestrator, r, settings.Window, cancellationToken))));
        figures.AddLatencies("", latencies.SelectMany(l => l));
        await orchestrator.StopAsync();
        Ledger.Check(orchestrator.Database, warm.Concat(runs).Select(r => (r.Id, r.Batches, r.Acknowledged)));
        return figures;
    }

    /// <summary>Sends a number of events in one stream.</summary>
    /// <param name="orchestrator">Where to.</param>
    /// <param name="run">The run.</param>
    /// <param name="load">Its batches.</param>
    /// <param name="batches">How many.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task SendAsync(Orchestrator orchestrator, string run, EventLoad load, int batches, CancellationToken cancellationToken)
    {
        var measured = new MeasuredRun(run, load);
        await StreamAsync(orchestrator, measured, seq => seq <= batches, cancellationToken);
    }

    private static async Task MeasureAsync(Figures figures, Orchestrator orchestrator, IReadOnlyList<MeasuredRun> runs, Func<Task> work)
    {
        var (began, cpu, own) = (TimeProvider.System.GetTimestamp(), orchestrator.Cpu, Environment.CpuUsage.TotalTime);
        await work();
        var took = TimeProvider.System.GetElapsedTime(began);
        var events = runs.Sum(r => r.Acknowledged);
        figures["events_per_s"] = events / took.TotalSeconds;
        figures["cpu_us_per_event"] = (orchestrator.Cpu - cpu).TotalMicroseconds / events;
        figures["client_cpu_us_per_event"] = (Environment.CpuUsage.TotalTime - own).TotalMicroseconds / events;
        figures["bytes_per_event"] = runs[0].Load.BytesPerEvent;
        figures["peak_mib"] = orchestrator.PeakMemory;
        figures["stored_bytes_per_event"] = new FileInfo(orchestrator.Database).Length / (double)Math.Max(1, events);
    }

    private static async Task<MeasuredRun[]> MakeRunsAsync(Orchestrator orchestrator, int count, PayloadKind kind, CancellationToken cancellationToken)
    {
        using var line = await orchestrator.ConnectAsync(cancellationToken);
        var runs = new MeasuredRun[count];
        for (var i = 0; i < count; i++)
        {
            var id = await Orchestrator.ScanAsync(line, Orchestrator.ScanRequest($"left-thing-{i}", "1.0.0"), cancellationToken);
            runs[i] = new MeasuredRun(id, new EventLoad(id, kind));
        }

        return runs;
    }

    private static Task StreamAsync(Orchestrator orchestrator, MeasuredRun run, TimeSpan time, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        return StreamAsync(orchestrator, run, seq => (seq + 1) * run.Load.Events <= MaxEventsPerRun && TimeProvider.System.GetElapsedTime(began) < time, cancellationToken);
    }

    private static async Task StreamAsync(Orchestrator orchestrator, MeasuredRun run, Func<int, bool> goesOn, CancellationToken cancellationToken)
    {
        using var line = await orchestrator.ConnectAsync(cancellationToken);
        await line.SendAsync(HttpLine.Head($"/v1/runs/{run.Id}/events", "Transfer-Encoding: chunked\r\n"), cancellationToken);
        var seq = 0;
        while (goesOn(seq + 1)) await line.SendAsync(run.Load.Chunk(++seq), cancellationToken);
        await line.SendAsync("0\r\n\r\n"u8.ToArray(), cancellationToken);
        run.Acknowledge(Orchestrator.Expect(200, await line.ReceiveAsync(cancellationToken)), seq);
    }

    private static async Task<IReadOnlyList<TimeSpan>> PostAsync(Orchestrator orchestrator, MeasuredRun run, TimeSpan time, CancellationToken cancellationToken)
    {
        var latencies = new List<TimeSpan>();
        var began = TimeProvider.System.GetTimestamp();
        for (var seq = 1; seq * run.Load.Events <= MaxEventsPerRun && TimeProvider.System.GetElapsedTime(began) < time; seq++)
        {
            var sent = TimeProvider.System.GetTimestamp();
            using var line = await orchestrator.ConnectAsync(cancellationToken);
            var body = run.Load.Body(seq);
            byte[] request = [.. HttpLine.Head($"/v1/runs/{run.Id}/events", $"Content-Length: {body.Length}\r\nConnection: close\r\n"), .. body.Span];
            run.Acknowledge(Orchestrator.Expect(200, await line.AskAsync(request, cancellationToken)), 1);
            latencies.Add(TimeProvider.System.GetElapsedTime(sent));
            await line.EndAsync(cancellationToken);
        }

        return latencies;
    }

    /// <summary>Name of a kind in the names of cases.</summary>
    public static string NameOf(PayloadKind kind) => kind == PayloadKind.Full ? "full" : "slim";

    /// <summary>A run, its batches, and what was acknowledged of them.</summary>
    private sealed class MeasuredRun(string id, EventLoad load)
    {
        public string Id => id;

        public EventLoad Load => load;

        public long Batches { get; private set; }

        public long Acknowledged { get; private set; }

        public void Acknowledge(HttpAnswer answer, int batches)
        {
            var expected = $$"""{"received_batches":{{batches}},"received_events":{{batches * load.Events}},"persisted":{{batches * load.Events}}}""";
            if (answer.Text != expected) throw new LoadException($"Expected {expected}, got {answer.Text}");
            Batches += batches;
            Acknowledged += batches * (long)load.Events;
        }
    }
}
