using System.Collections.Concurrent;

namespace Fangs.Benchmarks.Load;

/// <summary>Very many parked polls: their memory, how soon one is woken, and when the others are sent away.</summary>
internal static class ParkingLoad
{
    private const int Wakes = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    public static async Task<Figures> MeasureAsync(LoadSettings settings, int polls, CancellationToken cancellationToken)
    {
        var figures = new Figures($"parking/{polls}");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        var lines = new HttpLine[polls];
        try
        {
            for (var i = 0; i < polls; i++)
            {
                lines[i] = await orchestrator.ConnectAsync(limit.Token);
                await Orchestrator.RegisterAsync(lines[i], RunnerFleet.NameOf(i), limit.Token);
            }

            var registered = orchestrator.Memory;
            var woken = new ConcurrentDictionary<string, long>();
            var waited = new ConcurrentQueue<TimeSpan>();
            var cpu = orchestrator.Cpu;
            var all = Task.WhenAll(lines.Select((line, i) => PollAsync(line, i, woken, waited, limit.Token)));
            await RunnerFleet.ParkedAsync(orchestrator, polls, limit.Token);
            figures["parked_mib"] = orchestrator.Memory;
            figures["poll_kib"] = (orchestrator.Memory - registered) * 1024 / polls;
            var latencies = await WakeAsync(orchestrator, polls, woken, limit.Token);
            figures.AddLatencies("wake_", latencies);
            await all;
            if (waited.Count != polls - Wakes) throw new LoadException($"{polls - Wakes} polls had to end without a job, {waited.Count} did.");
            figures["first_204_s"] = waited.Min().TotalSeconds;
            figures["last_204_s"] = waited.Max().TotalSeconds;
            figures["cpu_us_per_poll"] = (orchestrator.Cpu - cpu).TotalMicroseconds / polls;
            figures["peak_mib"] = orchestrator.PeakMemory;
            await orchestrator.StopAsync();
        }
        finally
        {
            foreach (var line in lines) line?.Dispose();
        }

        return figures;
    }

    private static async Task PollAsync(
        HttpLine line, int number, ConcurrentDictionary<string, long> woken, ConcurrentQueue<TimeSpan> waited, CancellationToken cancellationToken)
    {
        var sent = TimeProvider.System.GetTimestamp();
        var answer = await line.AskAsync(HttpLine.Get($"/v1/runners/{RunnerFleet.NameOf(number)}/jobs"), cancellationToken);
        var at = TimeProvider.System.GetTimestamp();
        if (answer.Status == 204) waited.Enqueue(TimeProvider.System.GetElapsedTime(sent, at));
        else if (!woken.TryAdd(RunnerFleet.RunOf(Orchestrator.Expect(200, answer).Body), at)) throw new LoadException("A job was delivered twice.");
    }

    private static async Task<List<TimeSpan>> WakeAsync(Orchestrator orchestrator, int polls, ConcurrentDictionary<string, long> woken, CancellationToken cancellationToken)
    {
        var latencies = new List<TimeSpan>();
        using var line = await orchestrator.ConnectAsync(cancellationToken);
        for (var i = 0; i < Wakes; i++)
        {
            var target = RunnerFleet.NameOf(i * (polls / Wakes));
            var request = Orchestrator.ScanRequest("left-thing", "1.0.0", target);
            var sent = TimeProvider.System.GetTimestamp();
            var run = await Orchestrator.ScanAsync(line, request, cancellationToken);
            long at;
            while (!woken.TryGetValue(run, out at)) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, cancellationToken);
            latencies.Add(TimeProvider.System.GetElapsedTime(sent, at));
        }

        return latencies;
    }
}
