namespace Fangs.Benchmarks.Load;

/// <summary>Small requests on connections that stay: heartbeats and registrations.</summary>
internal static class RequestLoad
{
    private const int RunnersPerConnection = 16;

    /// <summary>Heartbeats of one runner per connection.</summary>
    public static Task<Figures> HeartbeatsAsync(LoadSettings settings, int connections, CancellationToken cancellationToken) => MeasureAsync(
        settings, $"heartbeats/{connections}", connections,
        i => [HttpLine.Post($"/v1/runners/{RunnerFleet.NameOf(i)}/heartbeat", """{"status":"idle","events_queued":0}""")], """{"ok":true}""", cancellationToken);

    /// <summary>Registrations, again and again, of some runners per connection.</summary>
    public static Task<Figures> RegistrationsAsync(LoadSettings settings, int connections, CancellationToken cancellationToken) => MeasureAsync(
        settings, $"registrations/{connections}", connections,
        i => [.. Enumerable.Range(0, RunnersPerConnection).Select(n => Orchestrator.RegisterRequest($"{RunnerFleet.NameOf(i)}-{n}"))], null, cancellationToken);

    private static async Task<Figures> MeasureAsync(
        LoadSettings settings, string name, int connections, Func<int, byte[][]> requests, string? answer, CancellationToken cancellationToken)
    {
        var figures = new Figures(name);
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        var lines = new HttpLine[connections];
        for (var i = 0; i < connections; i++)
        {
            lines[i] = await orchestrator.ConnectAsync(cancellationToken);
            await Orchestrator.RegisterAsync(lines[i], RunnerFleet.NameOf(i), cancellationToken);
        }

        Task<List<TimeSpan>[]> AllAsync(TimeSpan time) => Task.WhenAll(lines.Select((line, i) =>
            Task.Run(() => RepeatAsync(line, requests(i), answer, time, cancellationToken), cancellationToken)));

        await AllAsync(settings.WarmUp);
        var (began, cpu, own) = (TimeProvider.System.GetTimestamp(), orchestrator.Cpu, Environment.CpuUsage.TotalTime);
        var latencies = await AllAsync(settings.Window);
        var took = TimeProvider.System.GetElapsedTime(began);
        var count = latencies.Sum(l => l.Count);
        figures["requests_per_s"] = count / took.TotalSeconds;
        figures.AddLatencies("", latencies.SelectMany(l => l));
        figures["cpu_us_per_request"] = (orchestrator.Cpu - cpu).TotalMicroseconds / count;
        figures["client_cpu_us_per_request"] = (Environment.CpuUsage.TotalTime - own).TotalMicroseconds / count;
        figures["peak_mib"] = orchestrator.PeakMemory;
        foreach (var line in lines) line.Dispose();
        await orchestrator.StopAsync();
        return figures;
    }

    private static async Task<List<TimeSpan>> RepeatAsync(HttpLine line, byte[][] requests, string? expected, TimeSpan time, CancellationToken cancellationToken)
    {
        var latencies = new List<TimeSpan>(100_000);
        var began = TimeProvider.System.GetTimestamp();
        for (var sent = began; TimeProvider.System.GetElapsedTime(began, sent) < time;)
        {
            var answer = Orchestrator.Expect(200, await line.AskAsync(requests[latencies.Count % requests.Length], cancellationToken));
            if (expected is not null && answer.Text != expected) throw new LoadException($"Expected {expected}, got {answer.Text}");
            var now = TimeProvider.System.GetTimestamp();
            latencies.Add(TimeProvider.System.GetElapsedTime(sent, now));
            sent = now;
        }

        return latencies;
    }
}
