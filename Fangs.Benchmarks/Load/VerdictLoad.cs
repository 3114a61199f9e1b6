using Microsoft.Data.Sqlite;

namespace Fangs.Benchmarks.Load;

/// <summary>From the result of a run to its verdict, for runs of different sizes.</summary>
internal static class VerdictLoad
{
    private const int Repetitions = 3;
    private const int WarmUpBatches = 32; // all that the larger runs do, or they would deviate by more than their own paths
    private const string StateSql = "SELECT state FROM runs WHERE id = $run AND analyzed_at IS NOT NULL";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task<Figures> MeasureAsync(LoadSettings settings, int events, CancellationToken cancellationToken)
    {
        var figures = new Figures($"verdict/{events}");
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        using var line = await orchestrator.ConnectAsync(cancellationToken);
        // The first two only warm up: one becomes the baseline, one is compared with it.
        for (var i = 0; i < 2; i++) await JudgeAsync(orchestrator, line, i, WarmUpBatches, cancellationToken);
        var times = new List<TimeSpan>();
        for (var i = 0; i < Repetitions; i++) times.Add(await JudgeAsync(orchestrator, line, i + 2, events / EventLoad.EventsPerBatch, cancellationToken));
        times.Sort();
        figures["verdict_ms"] = times[Repetitions / 2].TotalMilliseconds;
        figures["slowest_ms"] = times[^1].TotalMilliseconds;
        figures["peak_mib"] = orchestrator.PeakMemory;
        using (var database = Ledger.Open(orchestrator.Database))
        {
            // Three new paths per run must have been found, or it was no verdict.
            var deviations = Ledger.Number(database, "SELECT count(*) FROM deviations");
            if (deviations != (Repetitions + 1) * 3) throw new LoadException($"{(Repetitions + 1) * 3} deviations were to be found, {deviations} were.");
        }

        await orchestrator.StopAsync();
        return figures;
    }

    private static async Task<TimeSpan> JudgeAsync(Orchestrator orchestrator, HttpLine line, int variant, int batches, CancellationToken cancellationToken)
    {
        var run = await Orchestrator.ScanAsync(line, Orchestrator.ScanRequest("left-thing", $"1.0.{variant}"), cancellationToken);
        await IngestLoad.SendAsync(orchestrator, run, new EventLoad(run, PayloadKind.Slim, variant), batches, cancellationToken);
        using var database = Ledger.Open(orchestrator.Database);
        using var state = database.CreateCommand();
        state.CommandText = StateSql;
        state.Parameters.AddWithValue("$run", run);
        var sent = TimeProvider.System.GetTimestamp();
        await Orchestrator.FinishAsync(line, run, batches * (long)EventLoad.EventsPerBatch, cancellationToken);
        return await UntilJudgedAsync(state, sent, cancellationToken);
    }

    private static async Task<TimeSpan> UntilJudgedAsync(SqliteCommand state, long sent, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        while (true)
        {
            if (state.ExecuteScalar() is string reached)
            {
                var took = TimeProvider.System.GetElapsedTime(sent);
                return reached == "done" ? took : throw new LoadException($"The run ended as {reached}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, limit.Token);
        }
    }
}
