using System.Diagnostics;

namespace Fangs.Benchmarks.Load;

/// <summary>What operators wait for: the start on a database with a history, and commands on it. And what an orchestrator takes that does nothing.</summary>
internal static class StartLoad
{
    private const int Runs = 1000, EventsPerRun = 200, Packages = 50, Clients = 8, Repetitions = 5;
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(5), Limit = TimeSpan.FromMinutes(2);

    /// <summary>Start on a database of 200,000 events, then commands on it.</summary>
    public static async Task<IReadOnlyList<Figures>> MeasureAsync(LoadSettings settings, CancellationToken cancellationToken)
    {
        var (start, cli) = (new Figures("start/200k"), new Figures("cli/1000-runs"));
        var directory = Directory.CreateTempSubdirectory("fangs-load-").FullName;
        try
        {
            await using (var orchestrator = await Orchestrator.StartAsync(settings, directory))
            {
                await FillAsync(orchestrator, cancellationToken);
                await orchestrator.StopAsync();
            }

            var starts = new List<TimeSpan>();
            for (var i = 0; i < Repetitions; i++)
            {
                await using var orchestrator = await Orchestrator.StartAsync(settings, directory);
                starts.Add(orchestrator.StartedIn);
                if (i == Repetitions - 1) await CommandsAsync(settings, orchestrator.Database, cli, cancellationToken);
                await orchestrator.StopAsync();
            }

            starts.Sort();
            start["healthy_ms"] = starts[Repetitions / 2].TotalMilliseconds;
            start["slowest_ms"] = starts[^1].TotalMilliseconds;
            return [start, cli];
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Memory of an orchestrator to which nobody has spoken.</summary>
    public static async Task<Figures> IdleAsync(LoadSettings settings, CancellationToken cancellationToken)
    {
        var figures = new Figures("idle");
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        await Task.Delay(Settled, TimeProvider.System, cancellationToken);
        figures["idle_mib"] = orchestrator.Memory;
        figures["peak_mib"] = orchestrator.PeakMemory;
        var cpu = orchestrator.Cpu;
        await Task.Delay(Settled, TimeProvider.System, cancellationToken);
        figures["idle_cpu_percent"] = (orchestrator.Cpu - cpu) / Settled * 100;
        await orchestrator.StopAsync();
        return figures;
    }

    private static async Task FillAsync(Orchestrator orchestrator, CancellationToken cancellationToken)
    {
        // Package by package, so that every first run seeds a baseline and the others are compared with it.
        await Parallel.ForEachAsync(Enumerable.Range(0, Packages), new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = cancellationToken },
            async (package, stop) =>
            {
                using var line = await orchestrator.ConnectAsync(stop);
                for (var i = 0; i < Runs / Packages; i++)
                {
                    var run = await Orchestrator.ScanAsync(line, Orchestrator.ScanRequest($"left-thing-{package}", $"1.0.{i}"), stop);
                    await IngestLoad.SendAsync(orchestrator, run, new EventLoad(run, PayloadKind.Slim, i, EventsPerRun / 4), 4, stop);
                    await Orchestrator.FinishAsync(line, run, EventsPerRun, stop);
                }
            });
        using var database = Ledger.Open(orchestrator.Database);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        while (Ledger.Number(database, "SELECT count(*) FROM runs WHERE analyzed_at IS NOT NULL") < Runs)
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, limit.Token);
        if (Ledger.Number(database, "SELECT count(*) FROM events") != Runs * EventsPerRun) throw new LoadException("The database does not hold what was sent.");
        if (Ledger.Number(database, "SELECT count(*) FROM deviations") == 0) throw new LoadException("No deviations were found.");
    }

    private static async Task CommandsAsync(LoadSettings settings, string database, Figures figures, CancellationToken cancellationToken)
    {
        foreach (var (name, shows, arguments) in new (string, string, string[])[] { ("run_list", "left-thing", ["run", "list"]), ("deviation_list", "fs_new_path_read", ["deviation", "list"]), ("pending", "left-thing", ["pending"]) })
        {
            var times = new List<TimeSpan>();
            for (var i = 0; i < Repetitions; i++)
            {
                var began = TimeProvider.System.GetTimestamp();
                using var process = Process.Start(new ProcessStartInfo(settings.Fangs, [.. arguments, "-sqlite-path", database])
                {
                    RedirectStandardOutput = true,
                })!;
                var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
                await process.WaitForExitAsync(cancellationToken);
                times.Add(TimeProvider.System.GetElapsedTime(began));
                if (process.ExitCode != 0 || !output.Contains(shows, StringComparison.Ordinal)) throw new LoadException($"fangs {string.Join(' ', arguments)} ended with {process.ExitCode}: {output}");
            }

            times.Sort();
            figures[name + "_ms"] = times[Repetitions / 2].TotalMilliseconds;
        }
    }
}
