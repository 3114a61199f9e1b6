using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Tests.Retention;

public sealed class RetentionStoreSpecs : IAsyncDisposable
{
    private readonly RetentionDatabase _database = new();

    private DateTimeOffset Now => _database.Clock.GetUtcNow();

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Events_of_old_runs_go_and_what_was_learned_from_them_stays()
    {
        var old = await _database.RunAsync(batches: 3, perBatch: 10);
        Pass(days: 2);
        var young = await _database.RunAsync(batches: 3, perBatch: 10);
        var (fingerprints, baseline) = (_database.Number("SELECT count(*) FROM run_fingerprints"), _database.Number("SELECT count(*) FROM baseline_fingerprints"));

        await _database.PruneAllAsync(Now - TimeSpan.FromDays(1));

        Assert.Equal((0, 0), (_database.EventsOf(old), _database.BatchesOf(old)));
        Assert.Equal((31, 4), (_database.EventsOf(young), _database.BatchesOf(young)));
        Assert.Equal((fingerprints, baseline), (_database.Number("SELECT count(*) FROM run_fingerprints"), _database.Number("SELECT count(*) FROM baseline_fingerprints")));
        Assert.Equal(2, _database.Number("SELECT count(*) FROM runs"));
        Assert.Equal(30, _database.Number($"SELECT count FROM run_event_counts WHERE run_id = '{old}' AND type = 'file_access'"));
        Assert.Equal(1, _database.Number($"SELECT count(*) FROM runs WHERE id = '{old}' AND pruned_at IS NOT NULL AND pruned_batches = 4 AND pruned_seq = 4"));
        Assert.Empty(await _database.Retention.FindRunsAsync(Now - TimeSpan.FromDays(1), null, 10));
    }

    [Fact]
    public async Task Evidence_stays_with_its_batch_and_the_next_pass_has_nothing_to_do()
    {
        await _database.RunAsync();
        var deviant = await _database.RunAsync(batches: 5, perBatch: 4, file: "/opt/strange");
        var evidence = _database.Number($"SELECT evidence_event_id FROM deviations WHERE run_id = '{deviant}'");
        Pass(days: 2);

        await _database.PruneAllAsync(Now, maxRows: 3);

        Assert.Equal(evidence, _database.Number("SELECT id FROM events"));
        Assert.Equal(1, _database.Number("SELECT count(*) FROM events"));
        Assert.Equal(1, _database.BatchesOf(deviant));
        Assert.Equal(1, _database.Number($"SELECT count(*) FROM event_batches WHERE {evidence} BETWEEN first_event_id AND first_event_id + events - 1"));
        Assert.Equal(1, _database.Number("SELECT count(*) FROM deviations"));
        Assert.Empty(await _database.Retention.FindRunsAsync(Now, null, 10));
    }

    [Fact]
    public async Task Runs_that_have_not_ended_or_wait_to_be_judged_keep_their_events()
    {
        var running = await _database.QueueAsync();
        await _database.AppendAsync(running, 1, RetentionDatabase.Exec);
        var unjudged = await _database.QueueAsync();
        await _database.AppendAsync(unjudged, 1, RetentionDatabase.Exec);
        await _database.EndAsync(unjudged, judged: false);
        Pass(days: 400);

        Assert.Empty(await _database.PruneAllAsync(Now));
        foreach (var run in new[] { running, unjudged })
        {
            // Also when somebody asks for it: what a reader saw may have changed.
            Assert.Equal((0, null), (await _database.Retention.PruneRunAsync(run, PrunePosition.Start, 100, TimeSpan.FromSeconds(1))) is var step ? (step.Rows, step.Next) : default);
            Assert.Equal((1, 1), (_database.EventsOf(run), _database.BatchesOf(run)));
            Assert.True((await _database.AppendAsync(run, 1, RetentionDatabase.Exec)).IsDuplicate);
        }
    }

    [Fact]
    public async Task No_step_is_larger_than_it_may_be_and_together_they_leave_nothing()
    {
        await _database.RunAsync(batches: 4, perBatch: 100);
        await _database.RunAsync(batches: 40, perBatch: 1);
        Pass(days: 2);
        var steps = await _database.PruneAllAsync(Now, maxRows: 32);
        Assert.All(steps, rows => Assert.InRange(rows, 0, 32));
        Assert.Equal(401 + 41, steps.Sum());
        Assert.Equal((0, 0), (_database.Number("SELECT count(*) FROM events"), _database.Number("SELECT count(*) FROM event_batches")));
    }

    [Fact]
    public async Task A_step_whose_time_is_up_ends_and_the_next_one_goes_on_there()
    {
        var run = await _database.RunAsync(batches: 2, perBatch: 1000);
        Pass(days: 2);
        _database.Clock.AutoAdvanceAmount = TimeSpan.FromMilliseconds(10); // every look at the clock takes that long
        var (steps, next) = (new List<int>(), PrunePosition.Start);
        while (next is not null)
        {
            var step = await _database.Retention.PruneRunAsync(run, next, 5000, TimeSpan.FromMilliseconds(15));
            steps.Add(step.Rows);
            Assert.True(steps.Count < 1000, "a step without progress");
            next = step.Next;
        }

        Assert.Equal(2001, steps.Sum());
        Assert.All(steps, rows => Assert.InRange(rows, 0, 600));
        Assert.Equal(0, _database.BatchesOf(run));
    }

    [Fact]
    public async Task A_batch_that_retention_has_deleted_is_still_a_repeat_and_no_gap()
    {
        var run = await _database.RunAsync(batches: 3);
        Pass(days: 2);
        await _database.PruneAllAsync(Now);

        Assert.Equal(new AppendOutcome(true, 0, null), await _database.AppendAsync(run, 2, RetentionDatabase.FileOf("/opt/x")));
        Assert.Equal(0, (await _database.Store.Runs.ReassessAsync(run)).SeqGaps);
        // One that had never been there is stored, and only the gap before it is one.
        Assert.False((await _database.AppendAsync(run, 6, RetentionDatabase.FileOf("/opt/x"))).IsDuplicate);
        var row = await _database.Store.Runs.ReassessAsync(run);
        Assert.Equal((1, "1 batches are missing"), (row.SeqGaps, row.InconclusiveReason));
        Assert.Equal(1, _database.EventsOf(run));
    }

    [Fact]
    public async Task A_gap_of_the_time_before_is_the_same_gap_afterwards_also_when_evidence_has_stayed()
    {
        await _database.RunAsync();
        var run = await _database.QueueAsync();
        await _database.AppendAsync(run, 1, RetentionDatabase.Exec);
        await _database.AppendAsync(run, 2, RetentionDatabase.FileOf("/opt/strange"));
        await _database.AppendAsync(run, 7, RetentionDatabase.FileOf("/opt/x"));
        await _database.EndAsync(run);
        Assert.Equal(4, _database.Number($"SELECT seq_gaps FROM runs WHERE id = '{run}'"));
        Pass(days: 2);
        await _database.PruneAllAsync(Now);
        Assert.Equal(1, _database.BatchesOf(run));
        Assert.Equal(4, (await _database.Store.Runs.ReassessAsync(run)).SeqGaps);
    }

    [Fact]
    public async Task A_run_whose_events_are_gone_can_be_judged_again_but_claims_nothing_that_it_cannot_show()
    {
        await _database.RunAsync();
        var run = await _database.RunAsync(batches: 2);
        Pass(days: 2);
        await _database.PruneAllAsync(Now);
        var basis = (await _database.Store.Analysis.LoadAsync(run, new BasisScope(1)))!;
        var fingerprint = basis.Run.Fingerprints[0];
        var gone = new Deviation { Id = new string('a', 32), Key = fingerprint.Key, Severity = Severity.Warn, EvidenceEventId = 1 };

        Assert.True(await _database.Store.Analysis.SaveAsync(
            new PackageChange { Basis = basis, Runs = [RunChange.None(basis.Run) with { Added = [gone] }], IsAnalysis = true }, []));

        Assert.Equal(0, _database.Number("SELECT count(*) FROM deviations"));
        Assert.Equal(1, _database.Number($"SELECT count(*) FROM run_history WHERE run_id = '{run}' AND what = 'evidence deleted'"));
        Assert.Null(await _database.Store.Analysis.ReadEventsAsync(run, _ => { }));
    }

    [Fact]
    public async Task The_delivery_log_goes_with_its_age_but_nothing_that_waits_to_be_sent()
    {
        var run = await _database.RunAsync();
        _database.Execute("INSERT INTO notifiers (name, url, template, created_at, updated_at) VALUES ('n', 'https://x', 'generic', '', '')");
        Deliver("old-sent", "sent");
        Deliver("old-queued", "queued");
        Deliver("old-failed", "failed");
        Pass(days: 2);
        Deliver("young-sent", "sent");

        var (deleted, next) = (0, (object?)null);
        do
        {
            var step = await _database.Retention.PruneDeliveriesAsync(Now - TimeSpan.FromDays(1), next, 1);
            deleted += step.Rows;
            next = step.Next;
        }
        while (next is not null);

        Assert.Equal(2, deleted);
        Assert.Equal(2, _database.Number("SELECT count(*) FROM notifications WHERE id IN ('old-queued', 'young-sent')"));

        void Deliver(string id, string status) => _database.Execute(
            $"INSERT INTO notifications (id, run_id, notifier_name, attempt, status, created_at) VALUES ('{id}', '{run}', 'n', 1, '{status}', '{StorageText.Time(Now)}')");
    }

    [Fact]
    public async Task Free_pages_go_back_to_the_file_system_a_few_at_a_time()
    {
        await _database.RunAsync(batches: 40, perBatch: 200);
        Pass(days: 2);
        await _database.PruneAllAsync(Now);
        var (pages, free) = (_database.Number("PRAGMA page_count"), _database.Number("PRAGMA freelist_count"));
        Assert.True(free > 10);

        var first = await _database.Retention.ReclaimAsync(4);
        Assert.Equal((4, true), (first.Rows, first.Next is not null));
        Assert.Equal(free - 4, _database.Number("PRAGMA freelist_count"));
        var steps = 0;
        for (var step = first; step.Next is not null; steps++)
        {
            Assert.True(steps < 10_000);
            step = await _database.Retention.ReclaimAsync(4);
        }

        Assert.Equal(0, _database.Number("PRAGMA freelist_count"));
        Assert.True(_database.Number("PRAGMA page_count") < pages);
        Assert.Equal((0, true), (await _database.Retention.ReclaimAsync(4)) is var last ? (last.Rows, last.Next is null) : default);
    }

    [Fact]
    public async Task Events_that_upstream_has_stored_without_batches_go_too()
    {
        _database.Execute("CREATE INDEX idx_events_run_ts ON events (run_id, ts_ns)");
        var run = await _database.QueueAsync();
        _database.Execute($"INSERT INTO events (run_id, ts_ns, type, data) SELECT '{run}', value, 'exec', '{{}}' FROM generate_series(1, 25)".Replace("generate_series(1, 25)", "json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]')", StringComparison.Ordinal));
        _database.Execute($"UPDATE runs SET state = 'done', finished_at = '{StorageText.Time(Now)}', analyzed_at = '{StorageText.Time(Now)}' WHERE id = '{run}'");
        _database.Execute($"INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) SELECT 'd', '{run}', 'exec', 'x', max(id), 'warn', '' FROM events");
        var young = await _database.RunAsync();
        Pass(days: 2);
        _database.Execute($"UPDATE runs SET finished_at = '{StorageText.Time(Now)}' WHERE id = '{young}'");

        var steps = await _database.PruneAllAsync(Now - TimeSpan.FromDays(1), maxRows: 10);

        Assert.Equal(24, steps.Sum());
        Assert.All(steps, rows => Assert.InRange(rows, 0, 10));
        Assert.Equal((1, 2), (_database.EventsOf(run), _database.EventsOf(young)));
        Assert.Empty(await _database.Retention.FindRunsAsync(Now - TimeSpan.FromDays(1), null, 10));
    }

    [Fact]
    public async Task Events_that_arrive_meanwhile_are_stored_once_and_all_of_them()
    {
        for (var i = 0; i < 20; i++) await _database.RunAsync(batches: 10, perBatch: 50);
        Pass(days: 2);
        var cutoff = Now - TimeSpan.FromDays(1);
        var runs = new List<RunId>();
        for (var i = 0; i < 4; i++) runs.Add(await _database.QueueAsync());

        var ingest = runs.Select(run => Task.Run(async () =>
        {
            for (var seq = 1; seq <= 50; seq++)
            {
                var outcome = await _database.AppendAsync(run, seq, [.. Enumerable.Repeat(RetentionDatabase.FileOf("/opt/x"), 20)]);
                Assert.Equal(20, outcome.Persisted);
            }
        })).ToArray();
        var pruned = await Task.Run(() => _database.PruneAllAsync(cutoff, maxRows: 100)).WaitAsync(TimeSpan.FromSeconds(120));
        await Task.WhenAll(ingest).WaitAsync(TimeSpan.FromSeconds(120));

        Assert.Equal(20 * 501, pruned.Sum());
        foreach (var run in runs) Assert.Equal((1000, 50), (_database.EventsOf(run), _database.BatchesOf(run)));
        Assert.Equal(4000, _database.Number("SELECT count(*) FROM events"));
        Assert.Equal(4000, _database.Number("SELECT count(*) FROM events e JOIN event_batches b ON e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1 AND e.run_id = b.run_id"));
    }

    private void Pass(int days) => _database.Clock.Advance(TimeSpan.FromDays(days));
}
