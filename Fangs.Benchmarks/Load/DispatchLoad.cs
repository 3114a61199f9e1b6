using System.Collections.Concurrent;
using System.Globalization;

namespace Fangs.Benchmarks.Load;

/// <summary>Scans against parked polls: how soon one is delivered, and how many per second.</summary>
internal static class DispatchLoad
{
    private const int WarmUpScans = 1500;
    private static readonly TimeSpan DeliveredWithin = TimeSpan.FromSeconds(20);

    /// <summary>One scan at a time.</summary>
    public static async Task<Figures> LatencyAsync(LoadSettings settings, int runners, CancellationToken cancellationToken)
    {
        var figures = new Figures(string.Create(CultureInfo.InvariantCulture, $"dispatch/{runners}/latency"));
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        var accepted = new List<string>();
        await using (var fleet = await RunnerFleet.StartAsync(orchestrator, runners, cancellationToken))
        {
            using var line = await orchestrator.ConnectAsync(cancellationToken);
            for (var i = 0; i < WarmUpScans; i++) await SubmitAsync(fleet, line, accepted, cancellationToken);
            var (sinceSent, sinceAccepted) = (new List<TimeSpan>(), new List<TimeSpan>());
            var (began, cpu) = (TimeProvider.System.GetTimestamp(), orchestrator.Cpu);
            while (TimeProvider.System.GetElapsedTime(began) < settings.Window)
            {
                var (sent, acceptance) = await SubmitAsync(fleet, line, accepted, cancellationToken);
                sinceSent.Add(sent);
                sinceAccepted.Add(acceptance);
            }

            figures["scans"] = sinceSent.Count;
            figures.AddLatencies("", sinceSent);
            figures.AddLatencies("accepted_to_delivered_", sinceAccepted);
            figures["cpu_us_per_scan"] = (orchestrator.Cpu - cpu).TotalMicroseconds / sinceSent.Count;
            figures["peak_mib"] = orchestrator.PeakMemory;
            await orchestrator.StopAsync();
            Ledger.CheckDelivered(orchestrator.Database, accepted, fleet.Runs);
        }

        return figures;
    }

    /// <summary>Several submitters, each as fast as it is served.</summary>
    public static async Task<Figures> RateAsync(LoadSettings settings, int runners, int submitters, CancellationToken cancellationToken)
    {
        var figures = new Figures(string.Create(CultureInfo.InvariantCulture, $"dispatch/{runners}/rate"));
        await using var orchestrator = await Orchestrator.StartAsync(settings);
        await using (var fleet = await RunnerFleet.StartAsync(orchestrator, runners, cancellationToken))
        {
            var accepted = new ConcurrentQueue<(string Run, TimeSpan Took)>();
            await SubmitAllAsync(orchestrator, submitters, settings.WarmUp, accepted, cancellationToken);
            await DeliveredAsync(fleet, accepted.Count, cancellationToken);
            var before = accepted.Count;
            var (began, cpu, own) = (TimeProvider.System.GetTimestamp(), orchestrator.Cpu, Environment.CpuUsage.TotalTime);
            await SubmitAllAsync(orchestrator, submitters, settings.Window, accepted, cancellationToken);
            await DeliveredAsync(fleet, accepted.Count, cancellationToken);
            var took = TimeProvider.System.GetElapsedTime(began);
            var scans = accepted.Count - before;
            figures["scans_per_s"] = scans / took.TotalSeconds;
            figures.AddLatencies("", accepted.Skip(before).Select(a => a.Took));
            figures["cpu_us_per_scan"] = (orchestrator.Cpu - cpu).TotalMicroseconds / scans;
            figures["client_cpu_us_per_scan"] = (Environment.CpuUsage.TotalTime - own).TotalMicroseconds / scans;
            figures["peak_mib"] = orchestrator.PeakMemory;
            await orchestrator.StopAsync();
            Ledger.CheckDelivered(orchestrator.Database, [.. accepted.Select(a => a.Run)], fleet.Runs);
        }

        return figures;
    }

    private static async Task<(TimeSpan SinceSent, TimeSpan SinceAccepted)> SubmitAsync(
        RunnerFleet fleet, HttpLine line, List<string> accepted, CancellationToken cancellationToken)
    {
        var sent = TimeProvider.System.GetTimestamp();
        var run = await Orchestrator.ScanAsync(line, Scan, cancellationToken);
        var acceptedAt = TimeProvider.System.GetTimestamp();
        accepted.Add(run);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(DeliveredWithin);
        var delivery = await fleet.Deliveries.ReadAsync(limit.Token);
        if (delivery.Run != run) throw new LoadException($"Run {run} was accepted, run {delivery.Run} was delivered.");
        // The job and the acceptance are on their way at the same time; a job that is there first did not wait at all.
        return (TimeProvider.System.GetElapsedTime(sent, delivery.At), TimeProvider.System.GetElapsedTime(acceptedAt, Math.Max(acceptedAt, delivery.At)));
    }

    private static byte[] Scan { get; } = Orchestrator.ScanRequest("left-thing", "1.0.0");

    private static Task SubmitAllAsync(
        Orchestrator orchestrator, int submitters, TimeSpan time, ConcurrentQueue<(string Run, TimeSpan Took)> accepted, CancellationToken cancellationToken) =>
        Task.WhenAll(Enumerable.Range(0, submitters).Select(_ => Task.Run(async () =>
        {
            using var line = await orchestrator.ConnectAsync(cancellationToken);
            var began = TimeProvider.System.GetTimestamp();
            while (TimeProvider.System.GetElapsedTime(began) < time)
            {
                var sent = TimeProvider.System.GetTimestamp();
                var run = await Orchestrator.ScanAsync(line, Scan, cancellationToken);
                accepted.Enqueue((run, TimeProvider.System.GetElapsedTime(sent)));
            }
        }, cancellationToken)));

    private static async Task DeliveredAsync(RunnerFleet fleet, int scans, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(DeliveredWithin);
        while (fleet.Runs.Count < scans) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, limit.Token);
    }
}
