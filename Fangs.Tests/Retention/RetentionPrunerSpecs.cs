using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Retention;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Tests.Retention;

public sealed class RetentionPrunerSpecs() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"")
{
    private readonly ShelfStore _store = new();

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task The_first_pass_begins_30_seconds_after_the_start_and_the_next_one_interval_later()
    {
        var pruner = Start(new RetentionSettings { Horizon = TimeSpan.FromDays(90), Interval = TimeSpan.FromHours(24) });
        Time.Advance(TimeSpan.FromSeconds(29));
        await StateAsync(pruner);
        Assert.Empty(_store.Cutoffs);
        Time.Advance(TimeSpan.FromSeconds(1));
        await UntilIdleAsync(pruner, passes: 1);
        Assert.Equal(Time.Now - TimeSpan.FromDays(90), _store.Cutoffs.First(), TimeSpan.FromSeconds(10));

        Time.Advance(TimeSpan.FromHours(23));
        await StateAsync(pruner);
        Assert.Single(_store.Cutoffs.Distinct());
        Time.Advance(TimeSpan.FromHours(1));
        await UntilIdleAsync(pruner, passes: 2);
        Assert.Equal(2, _store.Cutoffs.Distinct().Count());
    }

    [Fact]
    public async Task A_horizon_of_zero_keeps_everything()
    {
        var pruner = Start(new RetentionSettings { Horizon = TimeSpan.Zero });
        Time.Advance(TimeSpan.FromDays(3));
        Assert.Contains("off", await StateAsync(pruner));
        Assert.Empty(_store.Cutoffs);
    }

    [Fact]
    public async Task A_pass_goes_through_all_runs_then_the_delivery_log_then_the_free_pages()
    {
        for (var i = 0; i < 250; i++) _store.Add(events: 3);
        (_store.Deliveries, _store.FreePages) = (7, 40);
        var pruner = Start(new RetentionSettings());
        Time.Advance(TimeSpan.FromSeconds(30));
        await UntilIdleAsync(pruner, passes: 1);
        Assert.Equal((0, 0, 0), (_store.Events, _store.Deliveries, _store.FreePages));
        Assert.Contains("completed: 750 events of 250 runs", await StateAsync(pruner));
    }

    [Fact]
    public async Task Steps_that_take_long_become_small_and_so_do_not_hold_the_writer_up()
    {
        _store.Add(events: 20_000);
        _store.TimePerRow = TimeSpan.FromMilliseconds(0.1); // 200 rows in 20 ms
        var pruner = Start(new RetentionSettings());
        Time.Advance(TimeSpan.FromSeconds(30));
        await UntilIdleAsync(pruner, passes: 1);
        var sizes = _store.Steps.ToArray();
        Assert.Equal(20_000, sizes.Sum());
        Assert.Equal(500, sizes[0]);
        Assert.All(sizes.Skip(1), rows => Assert.InRange(rows, 1, 201));
    }

    [Fact]
    public async Task Quick_steps_grow_to_5000_rows_and_no_further()
    {
        _store.Add(events: 60_000);
        var pruner = Start(new RetentionSettings());
        Time.Advance(TimeSpan.FromSeconds(30));
        await UntilIdleAsync(pruner, passes: 1);
        Assert.Equal(5000, _store.Steps.Max());
    }

    [Fact]
    public async Task A_pass_that_takes_too_long_stops_and_goes_on_later_where_it_was()
    {
        _store.Add(events: 100_000);
        _store.TimePerRow = TimeSpan.FromMilliseconds(10);
        var pruner = Start(new RetentionSettings { PassLimit = TimeSpan.FromSeconds(20) });
        Time.Advance(TimeSpan.FromSeconds(30));
        await UntilIdleAsync(pruner, passes: 1);
        Assert.Contains("interrupted", await StateAsync(pruner));
        var left = _store.Events;
        Assert.InRange(left, 1, 99_999);
        Time.Advance(TimeSpan.FromMinutes(10));
        await UntilIdleAsync(pruner, passes: 2);
        Assert.InRange(_store.Events, 0, left - 1);
    }

    [Fact]
    public async Task A_store_that_fails_ends_the_pass_and_the_next_one_does_the_work()
    {
        _store.Add(events: 10);
        _store.Fault = new StorageException("disk I/O error");
        var pruner = Start(new RetentionSettings { Interval = TimeSpan.FromHours(1) });
        Time.Advance(TimeSpan.FromSeconds(30));
        await UntilIdleAsync(pruner, passes: 1);
        Assert.Contains("failed", await StateAsync(pruner));
        _store.Fault = null;
        Time.Advance(TimeSpan.FromHours(1));
        await UntilIdleAsync(pruner, passes: 2);
        Assert.Equal(0, _store.Events);
    }

    private IActorRef Start(RetentionSettings settings)
    {
        _store.Clock = Time;
        var log = CreateTestProbe();
        Sys.EventStream.Subscribe(log, typeof(Info));
        return Sys.ActorOf(RetentionPruner.Props(settings, _store, new SchedulerTime(Time)));
    }

    private async Task<string> StateAsync(IActorRef pruner)
    {
        pruner.Tell(GetStateLine.Instance, TestActor);
        return (await ExpectMsgAsync<StateLine>(TimeSpan.FromSeconds(30))).Text;
    }

    // The pauses between two steps are the scheduler's, which only moves when it is told to.
    private async Task UntilIdleAsync(IActorRef pruner, int passes)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var state = await StateAsync(pruner);
            if (state.Contains("last pass", StringComparison.Ordinal) && _store.Passes >= passes) return;
            Assert.False(limit.IsCancellationRequested, state);
            if (!state.Contains("last pass", StringComparison.Ordinal)) Time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Yield();
        }
    }

    private sealed class SchedulerTime(TestScheduler scheduler) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => scheduler.Now;

        public override long GetTimestamp() => scheduler.Now.Ticks;
    }

    /// <summary>Keeps counts instead of rows.</summary>
    private sealed class ShelfStore : IRetentionStore
    {
        private readonly ConcurrentDictionary<RunId, int> _runs = new();

        public TestScheduler Clock { get; set; } = null!;

        public ConcurrentQueue<DateTimeOffset> Cutoffs { get; } = new();

        public ConcurrentQueue<int> Steps { get; } = new();

        public int Passes { get; private set; }

        public int Deliveries { get; set; }

        public int FreePages { get; set; }

        public TimeSpan TimePerRow { get; set; }

        public StorageException? Fault { get; set; }

        public int Events => _runs.Values.Sum();

        public void Add(int events) => _runs[RunId.New(TimeProvider.System)] = events;

        public Task<IReadOnlyList<PrunableRun>> FindRunsAsync(DateTimeOffset cutoff, PrunableRun? after, int limit)
        {
            if (after is null) Passes++;
            Cutoffs.Enqueue(cutoff);
            return Task.FromResult<IReadOnlyList<PrunableRun>>([.. _runs.Where(r => r.Value > 0).OrderBy(r => r.Key.ToString(), StringComparer.Ordinal)
                .Select(r => new PrunableRun(r.Key, r.Key.ToString()))
                .Where(r => after is null || string.CompareOrdinal(r.FinishedAt, after.FinishedAt) > 0).Take(limit)]);
        }

        public Task<PruneStep<PrunePosition>> PruneRunAsync(RunId run, PrunePosition from, int maxRows, TimeSpan stopAfter)
        {
            if (Fault is { } fault) return Task.FromException<PruneStep<PrunePosition>>(fault);
            var rows = Math.Min(maxRows, _runs[run]);
            _runs[run] -= rows;
            Steps.Enqueue(rows);
            return Task.FromResult(new PruneStep<PrunePosition>(rows, 0, TimePerRow * rows, _runs[run] > 0 ? new PrunePosition(from.Seq + 1, 0) : null));
        }

        public Task<PruneStep<object>> PruneDeliveriesAsync(DateTimeOffset cutoff, object? after, int maxRows)
        {
            var rows = Math.Min(2, Deliveries);
            Deliveries -= rows;
            return Task.FromResult(new PruneStep<object>(rows, 0, TimeSpan.Zero, rows > 0 ? this : null));
        }

        public Task<PruneStep<object>> ReclaimAsync(int maxPages)
        {
            var pages = Math.Min(maxPages, FreePages);
            FreePages -= pages;
            return Task.FromResult(new PruneStep<object>(pages, 0, TimeSpan.Zero, FreePages > 0 ? this : null));
        }
    }
}
