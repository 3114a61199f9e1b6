using Fangs.Actors.Storage.Queries;

namespace Fangs.Cli.Scans;

/// <summary>A finished run.</summary>
/// <param name="Run">Its row.</param>
/// <param name="Counts">Its events by type.</param>
public sealed record FinishedRun(RunRow Run, IReadOnlyList<EventCountRow> Counts);

/// <summary>Follows a run by looking into the database until it is finished.</summary>
public static class RunFollower
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(150);

    /// <summary>Follows a run.</summary>
    /// <param name="database">The database, read-only.</param>
    /// <param name="runId">Full id.</param>
    /// <param name="view">Where progress is shown.</param>
    /// <param name="clock">Times the looks.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="CliException">The database does not have the run.</exception>
    public static async Task<FinishedRun> FollowAsync(
        ReadOnlyDatabase database, string runId, IProgressView view, TimeProvider clock, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(view);
        var stages = new RunStages();
        while (true)
        {
            var run = RunQueries.ById(database, runId)
                ?? throw new CliException($"run {runId} is not in the database: is it the orchestrator's? (-sqlite-path, or -storage postgres and -postgres-dsn)", ExitCode.NotFound);
            var counts = EventQueries.CountsByType(database, runId);
            foreach (var line in stages.Advance(run)) view.Say(line);
            if (run.IsFinished) return new FinishedRun(run, counts);
            view.Now(RunStages.Now(run, counts));
            await Task.Delay(Interval, clock, cancellationToken);
        }
    }
}
