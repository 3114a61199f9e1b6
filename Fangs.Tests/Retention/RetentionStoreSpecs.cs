using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Retention;

public abstract class RetentionStoreSpecs(Backend backend) : IAsyncLifetime
{
    private protected RetentionDatabase Database { get; } = new(backend);

    protected DateTimeOffset Now => Database.Clock.GetUtcNow();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => Database.DisposeAsync().AsTask().Soon();

    [Fact]
    public async Task Events_of_old_runs_go_and_what_was_learned_from_them_stays()
    {
        var old = await Database.RunAsync(batches: 3, perBatch: 10);
        Pass(days: 2);
        var young = await Database.RunAsync(batches: 3, perBatch: 10);
        var (fingerprints, baseline) = (Database.Number("SELECT count(*) FROM run_fingerprints"), Database.Number("SELECT count(*) FROM baseline_fingerprints"));

        await Database.PruneAllAsync(Now - TimeSpan.FromDays(1));

        Assert.Equal((0, 0), (Database.EventsOf(old), Database.BatchesOf(old)));
        Assert.Equal((31, 4), (Database.EventsOf(young), Database.BatchesOf(young)));
        Assert.Equal((fingerprints, baseline), (Database.Number("SELECT count(*) FROM run_fingerprints"), Database.Number("SELECT count(*) FROM baseline_fingerprints")));
        Assert.Equal(2, Database.Number("SELECT count(*) FROM runs"));
        Assert.Equal(30, Database.Number($"SELECT count FROM run_event_counts WHERE run_id = '{old}' AND type = 'file_access'"));
        Assert.Equal(1, Database.Number($"SELECT count(*) FROM runs WHERE id = '{old}' AND pruned_at IS NOT NULL AND pruned_batches = 4 AND pruned_seq = 4"));
        Assert.Empty(await Database.Retention.FindRunsAsync(Now - TimeSpan.FromDays(1), null, 10));
    }

    [Fact]
    public async Task Evidence_stays_with_its_batch_and_the_next_pass_has_nothing_to_do()
    {
        await Database.RunAsync();
        var deviant = await Database.RunAsync(batches: 5, perBatch: 4, file: "/opt/strange");
        var evidence = Database.Number($"SELECT evidence_event_id FROM deviations WHERE run_id = '{deviant}'");
        Pass(days: 2);

        await Database.PruneAllAsync(Now, maxRows: 3);

        Assert.Equal(evidence, Database.Number("SELECT id FROM events"));
        Assert.Equal(1, Database.Number("SELECT count(*) FROM events"));
        Assert.Equal(1, Database.BatchesOf(deviant));
        Assert.Equal(1, Database.Number($"SELECT count(*) FROM event_batches WHERE {evidence} BETWEEN first_event_id AND first_event_id + events - 1"));
        Assert.Equal(1, Database.Number("SELECT count(*) FROM deviations"));
        Assert.Empty(await Database.Retention.FindRunsAsync(Now, null, 10));
    }

    [Fact]
    public async Task Runs_that_have_not_ended_or_wait_to_be_judged_keep_their_events()
    {
        var running = await Database.QueueAsync();
        await Database.AppendAsync(running, 1, RetentionDatabase.Exec);
        var unjudged = await Database.QueueAsync();
        await Database.AppendAsync(unjudged, 1, RetentionDatabase.Exec);
        await Database.EndAsync(unjudged, judged: false);
        Pass(days: 400);

        Assert.Empty(await Database.PruneAllAsync(Now));
        foreach (var run in new[] { running, unjudged })
        {
            // Also when somebody asks for it: what a reader saw may have changed.
            Assert.Equal((0, null), (await Database.Retention.PruneRunAsync(run, PrunePosition.Start, 100, TimeSpan.FromSeconds(1))) is var step ? (step.Rows, step.Next) : default);
            Assert.Equal((1, 1), (Database.EventsOf(run), Database.BatchesOf(run)));
            Assert.True((await Database.AppendAsync(run, 1, RetentionDatabase.Exec)).IsDuplicate);
        }
    }

    [Fact]
    public async Task No_step_is_larger_than_it_may_be_and_together_they_leave_nothing()
    {
        await Database.RunAsync(batches: 4, perBatch: 100);
        await Database.RunAsync(batches: 40, perBatch: 1);
        Pass(days: 2);
        var steps = await Database.PruneAllAsync(Now, maxRows: 32);
        Assert.All(steps, rows => Assert.InRange(rows, 0, 32));
        Assert.Equal(401 + 41, steps.Sum());
        Assert.Equal((0, 0), (Database.Number("SELECT count(*) FROM events"), Database.Number("SELECT count(*) FROM event_batches")));
    }

    [Fact]
    public async Task A_step_whose_time_is_up_ends_and_the_next_one_goes_on_there()
    {
        var run = await Database.RunAsync(batches: 2, perBatch: 1000);
        Pass(days: 2);
        Database.Clock.AutoAdvanceAmount = TimeSpan.FromMilliseconds(10); // every look at the clock takes that long
        var (steps, next) = (new List<int>(), PrunePosition.Start);
        while (next is not null)
        {
            var step = await Database.Retention.PruneRunAsync(run, next, 5000, TimeSpan.FromMilliseconds(15));
            steps.Add(step.Rows);
            Assert.True(steps.Count < 1000, "a step without progress");
            next = step.Next;
        }

        Assert.Equal(2001, steps.Sum());
        Assert.All(steps, rows => Assert.InRange(rows, 0, 600));
        Assert.Equal(0, Database.BatchesOf(run));
    }

    [Fact]
    public async Task A_batch_that_retention_has_deleted_is_still_a_repeat_and_no_gap()
    {
        var run = await Database.RunAsync(batches: 3);
        Pass(days: 2);
        await Database.PruneAllAsync(Now);

        Assert.Equal(new AppendOutcome(true, 0, null), await Database.AppendAsync(run, 2, RetentionDatabase.FileOf("/opt/x")));
        Assert.Equal(0, (await Database.Store.Runs.ReassessAsync(run)).SeqGaps);
        // One that had never been there is stored, and only the gap before it is one.
        Assert.False((await Database.AppendAsync(run, 6, RetentionDatabase.FileOf("/opt/x"))).IsDuplicate);
        var row = await Database.Store.Runs.ReassessAsync(run);
        Assert.Equal((1, "1 batches are missing"), (row.SeqGaps, row.InconclusiveReason));
        Assert.Equal(1, Database.EventsOf(run));
    }

    [Fact]
    public async Task A_gap_of_the_time_before_is_the_same_gap_afterwards_also_when_evidence_has_stayed()
    {
        await Database.RunAsync();
        var run = await Database.QueueAsync();
        await Database.AppendAsync(run, 1, RetentionDatabase.Exec);
        await Database.AppendAsync(run, 2, RetentionDatabase.FileOf("/opt/strange"));
        await Database.AppendAsync(run, 7, RetentionDatabase.FileOf("/opt/x"));
        await Database.EndAsync(run);
        Assert.Equal(4, Database.Number($"SELECT seq_gaps FROM runs WHERE id = '{run}'"));
        Pass(days: 2);
        await Database.PruneAllAsync(Now);
        Assert.Equal(1, Database.BatchesOf(run));
        Assert.Equal(4, (await Database.Store.Runs.ReassessAsync(run)).SeqGaps);
    }

    [Fact]
    public async Task A_run_whose_events_are_gone_can_be_judged_again_but_claims_nothing_that_it_cannot_show()
    {
        await Database.RunAsync();
        var run = await Database.RunAsync(batches: 2);
        Pass(days: 2);
        await Database.PruneAllAsync(Now);
        var basis = (await Database.Store.Analysis.LoadAsync(run, new BasisScope(1)))!;
        var fingerprint = basis.Run.Fingerprints[0];
        var gone = new Deviation { Id = new string('a', 32), Key = fingerprint.Key, Severity = Severity.Warn, EvidenceEventId = 1 };

        Assert.True(await Database.Store.Analysis.SaveAsync(
            new PackageChange { Basis = basis, Runs = [RunChange.None(basis.Run) with { Added = [gone] }], IsAnalysis = true }, []));

        Assert.Equal(0, Database.Number("SELECT count(*) FROM deviations"));
        Assert.Equal(1, Database.Number($"SELECT count(*) FROM run_history WHERE run_id = '{run}' AND what = 'evidence deleted'"));
        Assert.Null(await Database.Store.Analysis.ReadEventsAsync(run, _ => { }));
    }

    [Fact]
    public async Task The_delivery_log_goes_with_its_age_but_nothing_that_waits_to_be_sent()
    {
        var run = await Database.RunAsync();
        Database.Execute("INSERT INTO notifiers (name, url, template, created_at, updated_at) VALUES ('n', 'https://x', 'generic', '2026-01-01T00:00:00.000000000Z', '2026-01-01T00:00:00.000000000Z')");
        Deliver("old-sent", "sent");
        Deliver("old-queued", "queued");
        Deliver("old-failed", "failed");
        Pass(days: 2);
        Deliver("young-sent", "sent");

        var (deleted, next) = (0, (object?)null);
        do
        {
            var step = await Database.Retention.PruneDeliveriesAsync(Now - TimeSpan.FromDays(1), next, 1);
            deleted += step.Rows;
            next = step.Next;
        }
        while (next is not null);

        Assert.Equal(2, deleted);
        Assert.Equal(2, Database.Number("SELECT count(*) FROM notifications WHERE id IN ('old-queued', 'young-sent')"));

        void Deliver(string id, string status) => Database.Execute(
            $"INSERT INTO notifications (id, run_id, notifier_name, attempt, status, created_at) VALUES ('{id}', '{run}', 'n', 1, '{status}', '{StorageText.Time(Now)}')");
    }

    [Fact]
    public async Task Events_that_upstream_has_stored_without_batches_go_too()
    {
        Database.Execute("CREATE INDEX idx_events_run_ts ON events (run_id, ts_ns)");
        var run = await Database.QueueAsync();
        Database.Execute($"INSERT INTO events (run_id, ts_ns, type, data) VALUES {string.Join(", ", Enumerable.Range(1, 25).Select(i => $"('{run}', {i}, 'exec', '{{}}')"))}");
        Database.Execute($"UPDATE runs SET state = 'done', finished_at = '{StorageText.Time(Now)}', analyzed_at = '{StorageText.Time(Now)}' WHERE id = '{run}'");
        Database.Execute($"INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) SELECT 'd', '{run}', 'exec', 'x', max(id), 'warn', '2026-01-01T00:00:00.000000000Z' FROM events");
        var young = await Database.RunAsync();
        Pass(days: 2);
        Database.Execute($"UPDATE runs SET finished_at = '{StorageText.Time(Now)}' WHERE id = '{young}'");

        var steps = await Database.PruneAllAsync(Now - TimeSpan.FromDays(1), maxRows: 10);

        Assert.Equal(24, steps.Sum());
        Assert.All(steps, rows => Assert.InRange(rows, 0, 10));
        Assert.Equal((1, 2), (Database.EventsOf(run), Database.EventsOf(young)));
        Assert.Empty(await Database.Retention.FindRunsAsync(Now - TimeSpan.FromDays(1), null, 10));
    }

    [Fact]
    public async Task Events_that_arrive_meanwhile_are_stored_once_and_all_of_them()
    {
        for (var i = 0; i < 20; i++) await Database.RunAsync(batches: 10, perBatch: 50);
        Pass(days: 2);
        var cutoff = Now - TimeSpan.FromDays(1);
        var runs = new List<RunId>();
        for (var i = 0; i < 4; i++) runs.Add(await Database.QueueAsync());

        var ingest = runs.Select(run => Task.Run(async () =>
        {
            for (var seq = 1; seq <= 50; seq++)
            {
                var outcome = await Database.AppendAsync(run, seq, [.. Enumerable.Repeat(RetentionDatabase.FileOf("/opt/x"), 20)]);
                Assert.Equal(20, outcome.Persisted);
            }
        })).ToArray();
        var pruned = await Task.Run(() => Database.PruneAllAsync(cutoff, maxRows: 100)).WaitAsync(TimeSpan.FromSeconds(120));
        await Task.WhenAll(ingest).WaitAsync(TimeSpan.FromSeconds(120));

        Assert.Equal(20 * 501, pruned.Sum());
        foreach (var run in runs) Assert.Equal((1000, 50), (Database.EventsOf(run), Database.BatchesOf(run)));
        Assert.Equal(4000, Database.Number("SELECT count(*) FROM events"));
        Assert.Equal(4000, Database.Number("SELECT count(*) FROM events e JOIN event_batches b ON e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1 AND e.run_id = b.run_id"));
    }

    protected void Pass(int days) => Database.Clock.Advance(TimeSpan.FromDays(days));
}

public sealed class SqliteRetentionStoreSpecs() : RetentionStoreSpecs(Backend.Sqlite)
{
    [Fact]
    public async Task Free_pages_go_back_to_the_file_system_a_few_at_a_time()
    {
        await Database.RunAsync(batches: 40, perBatch: 200);
        Pass(days: 2);
        await Database.PruneAllAsync(Now);
        var (pages, free) = (Database.Number("PRAGMA page_count"), Database.Number("PRAGMA freelist_count"));
        Assert.True(free > 10);

        var first = await Database.Retention.ReclaimAsync(4);
        Assert.Equal((4, true), (first.Rows, first.Next is not null));
        Assert.Equal(free - 4, Database.Number("PRAGMA freelist_count"));
        var steps = 0;
        for (var step = first; step.Next is not null; steps++)
        {
            Assert.True(steps < 10_000);
            step = await Database.Retention.ReclaimAsync(4);
        }

        Assert.Equal(0, Database.Number("PRAGMA freelist_count"));
        Assert.True(Database.Number("PRAGMA page_count") < pages);
        Assert.Equal((0, true), (await Database.Retention.ReclaimAsync(4)) is var last ? (last.Rows, last.Next is null) : default);
    }
}

public sealed class PostgresRetentionStoreSpecs() : RetentionStoreSpecs(Backend.Postgres);
