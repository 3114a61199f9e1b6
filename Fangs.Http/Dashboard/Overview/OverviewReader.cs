using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Actors.Reports;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using RunRow = Fangs.Actors.Storage.Queries.RunRow;

namespace Fangs.Http.Dashboard.Overview;

/// <summary>Finds out what the first page shows.</summary>
public sealed class OverviewReader(DashboardDatabase database, CoreActors actors, TimeProvider clock)
{
    /// <summary>Rows of the two lists.</summary>
    public const int Latest = 10;

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(60);

    private readonly Cached<OverviewCards> _cards = new(TimeSpan.FromSeconds(2), clock);
    private readonly Cached<Activity> _activity = new(TimeSpan.FromSeconds(5), clock);
    private readonly Cached<IReadOnlyList<CoverageRow>> _coverage = new(TimeSpan.FromSeconds(15), clock);

    /// <summary>All of it.</summary>
    public async Task<OverviewModel> ReadAsync()
    {
        var (cards, activity, pool, lists) = (CardsAsync(), ActivityAsync(), PoolAsync(), ListsAsync());
        var (runs, deviations) = await lists;
        return new OverviewModel(await cards, await pool, await activity, runs, deviations);
    }

    /// <summary>Its figures, a moment old at most.</summary>
    public Task<OverviewCards> CardsAsync() => _cards.GetAsync(async () =>
    {
        var coverage = CoverageCountsJson.Of("", await CoverageAsync());
        return await database.ReadAsync(d => new OverviewCards(OverviewQueries.Read(d), OverviewQueries.OpenBySeverity(d), coverage), CancellationToken.None);
    });

    /// <summary>What happened in the last 24 hours, a moment old at most.</summary>
    public Task<Activity> ActivityAsync() => _activity.GetAsync(async () =>
    {
        var now = clock.GetUtcNow();
        var runs = await database.ReadAsync(d => OverviewQueries.TimesSince(d, StorageText.Time(Activity.Since(now))), CancellationToken.None);
        return Activity.Of(runs, now);
    });

    /// <summary>What became of the releases of watched packages, some seconds old at most.</summary>
    public Task<IReadOnlyList<CoverageRow>> CoverageAsync() =>
        _coverage.GetAsync(() => database.ReadAsync(d => CoverageQueries.Read(d, ""), CancellationToken.None));

    /// <summary>The newest runs and deviations.</summary>
    public Task<(IReadOnlyList<RunRow> Runs, IReadOnlyList<FoundDeviationRow> Deviations)> ListsAsync() => database.ReadAsync(d => (
        RunPageQueries.Read(d, new RunFilter(), PagePosition.First(Latest)).Items,
        DeviationPageQueries.Read(d, new DeviationFilter { Status = "open" }, "", PagePosition.First(Latest)).Items), CancellationToken.None);

    /// <summary>The runners and the queue. Asks actors; whoever does not answer in time is shown as unknown.</summary>
    public async Task<RunnerPool> PoolAsync()
    {
        var (runners, queue) = (AskAsync<RunnerList>(actors.Runners, GetRunners.Instance), AskAsync<QueueFigures>(actors.Dispatcher, GetQueueFigures.Instance));
        var (list, figures) = (await runners, await queue);
        return new RunnerPool(
            list?.Runners.OrderBy(r => r.Runner.Value, StringComparer.Ordinal).Select(LineOf).ToList(),
            figures?.Depths.GetValueOrDefault(JobStage.Queued),
            (long)(figures?.OldestQueued.TotalSeconds ?? 0) / 10 * 10);
    }

    private RunnerLine LineOf(RunnerState state) => new(
        state.Runner.Value,
        clock.GetUtcNow() - state.LastSeenAt > StaleAfter ? "stale" : state.ActiveRuns.Count > 0 && state.Status == "idle" ? "running" : state.Status,
        [.. state.ActiveRuns.Select(run => run.ToString())], state.Slots, state.Hostname, state.KernelVersion,
        StorageText.Time(state.RegisteredAt), StorageText.Time(state.LastSeenAt));

    private static async Task<T?> AskAsync<T>(IActorRef actor, object question) where T : class
    {
        try
        {
            return await actor.Ask<object>(question, AnswerWithin) as T;
        }
        catch (AskTimeoutException)
        {
            return null;
        }
    }
}
