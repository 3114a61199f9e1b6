using System.Globalization;
using CsCheck;
using Fangs.Actors.Ingest;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Ingest;

namespace Fangs.Tests.Storage;

/// <summary>What every store of events does.</summary>
public abstract class EventStoreSpecs : StoreSpecs
{
    private static readonly string[] Roles = ["", "script", "import"];

    private const string Exec = """{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}""";

    [Fact]
    public async Task Events_are_stored_in_their_order_with_all_that_is_kept_of_them()
    {
        var run = await NewRunAsync();
        Clock.Advance(TimeSpan.FromTicks(5_000_001));
        var outcome = Assert.Single(await AppendAsync(
            (run, 1, [File("/etc/hosts", ts: 77), """{"type":200,"payload":{"a":"\u0000"}}""", File("/etc/passwd", ts: ulong.MaxValue)])));
        Assert.Equal(new AppendOutcome(false, 3, null), outcome);
        Assert.Equal(
            [
                $"{run}|file_access|77|1|1767323045500000100|{Payload("/etc/hosts", 77)}",
                $"{run}|unknown||1|1767323045500000100|{{\"a\":\"\u2400\"}}",
                $"{run}|file_access||1|1767323045500000100|{Payload("/etc/passwd", ulong.MaxValue)}",
            ],
            await RowsAsync($"SELECT run_id, type, ktime_ns, seq, ts_ns, data FROM events WHERE run_id = '{run}' ORDER BY id"));
        Assert.Equal(["1|2026-01-02T03:04:05.500000000Z|3"], await RowsAsync($"SELECT seq, received_at, events FROM event_batches WHERE run_id = '{run}'"));
        Assert.Equal(["file_access|2", "unknown|1"], await RowsAsync($"SELECT type, count FROM run_event_counts WHERE run_id = '{run}' ORDER BY type"));
    }

    [Fact]
    public async Task The_events_of_a_batch_have_neighbouring_ids_that_its_row_leads_to()
    {
        var (a, b) = (await NewRunAsync(), await NewRunAsync());
        await AppendAsync((a, 1, [Exec, Exec]), (b, 1, [Exec]), (a, 2, [Exec, Exec, Exec]));
        await ReopenAsync();
        await AppendAsync((b, 2, [Exec, Exec]), (a, 3, [Exec]));
        Assert.Equal(
            await RowsAsync("SELECT run_id, seq, min(id), count(*), max(id) - min(id) + 1 FROM events GROUP BY run_id, seq ORDER BY run_id, seq"),
            await RowsAsync("SELECT run_id, seq, first_event_id, events, events FROM event_batches ORDER BY run_id, seq"));
        Assert.Equal(["9|9"], await RowsAsync("SELECT count(*), count(DISTINCT id) FROM events"));
    }

    [Fact]
    public async Task A_batch_is_stored_once_however_often_it_is_sent()
    {
        var run = await NewRunAsync();
        (RunId, ulong, string[]) first = (run, 1, [File("/etc/hosts"), Exec]), second = (run, 2, [Exec]);
        var outcomes = await AppendAsync(first, first, second);
        Assert.Equal([(false, 2), (true, 2), (false, 1)], outcomes.Select(o => (o.IsDuplicate, o.Persisted)));
        var before = await EverythingAsync();
        Assert.Equal([(true, 2), (true, 1)], (await AppendAsync(first, second)).Select(o => (o.IsDuplicate, o.Persisted)));
        await ReopenAsync();
        Assert.Equal([(true, 1), (true, 2)], (await AppendAsync(second, first)).Select(o => (o.IsDuplicate, o.Persisted)));
        Assert.Equal(before, await EverythingAsync());
    }

    [Fact]
    public async Task The_first_batch_under_a_number_wins()
    {
        var run = await NewRunAsync();
        await AppendAsync((run, 1, [Exec]));
        var before = await EverythingAsync();
        Assert.Equal(new AppendOutcome(true, 1, null), Assert.Single(await AppendAsync((run, 1, [File("/a"), File("/b")]))));
        Assert.Equal(before, await EverythingAsync());
    }

    [Fact]
    public async Task Batches_of_two_runs_may_have_the_same_number()
    {
        var (a, b) = (await NewRunAsync(), await NewRunAsync());
        Assert.All(await AppendAsync((a, 1, [Exec]), (b, 1, [Exec])), o => Assert.Equal(new AppendOutcome(false, 1, null), o));
    }

    [Fact]
    public async Task Nothing_to_append_changes_nothing()
    {
        var before = await EverythingAsync();
        Assert.Empty(await AppendAsync());
        Assert.Equal(before, await EverythingAsync());
    }

    [Fact]
    public async Task An_empty_batch_is_known_and_no_gap()
    {
        var run = await NewRunAsync();
        Assert.Equal([(false, 0), (true, 0), (false, 1)], (await AppendAsync((run, 1, []), (run, 1, []), (run, 2, [Exec]))).Select(o => (o.IsDuplicate, o.Persisted)));
        await Runs.FinishAsync(run, Ok()).Soon();
        Assert.Equal(["0"], await RowsAsync($"SELECT seq_gaps FROM runs WHERE id = '{run}'"));
    }

    [Fact]
    public async Task Missing_numbers_are_gaps()
    {
        var run = await NewRunAsync();
        await AppendAsync((run, 9, [Exec]), (run, 2, [Exec]), (run, 5, [Exec]));
        await Runs.FinishAsync(run, Ok()).Soon();
        Assert.Equal(["6"], await RowsAsync($"SELECT seq_gaps FROM runs WHERE id = '{run}'"));
    }

    [Fact]
    public async Task A_batch_of_a_run_that_is_missing_fails_alone_and_in_words()
    {
        var (run, missing) = (await NewRunAsync(), RunId.New(Clock));
        var outcomes = await AppendAsync((run, 1, [Exec]), (missing, 1, [Exec, Exec]), (run, 2, [Exec]));
        Assert.Equal([false, true, false], outcomes.Select(o => o.Error is not null));
        Assert.Contains($"{missing}", outcomes[1].Error!.Message, StringComparison.Ordinal);
        Assert.Equal(0, outcomes[1].Persisted);
        Assert.Equal([$"{run}|1", $"{run}|2"], await RowsAsync("SELECT run_id, seq FROM event_batches ORDER BY seq"));
        Assert.Equal(["2"], await RowsAsync("SELECT count(*) FROM events"));
        await NeighboursAsync();
    }

    [Fact]
    public async Task Events_beyond_the_limit_of_a_run_are_counted_and_not_stored()
    {
        var (run, other) = (await NewRunAsync(), await NewRunAsync());
        var full = Enumerable.Repeat(Exec, MaxEvents).ToArray();
        await AppendAsync((run, 1, full));
        Assert.Equal([(false, 0), (true, 0)], (await AppendAsync((run, 2, [Exec, Exec]), (run, 2, [Exec, Exec]))).Select(o => (o.IsDuplicate, o.Persisted)));
        await ReopenAsync();
        Assert.Equal([(false, 0), (false, MaxEvents)], (await AppendAsync((run, 3, [Exec]), (other, 1, full))).Select(o => (o.IsDuplicate, o.Persisted)));
        await Runs.FinishAsync(run, Ok()).Soon();
        Assert.Equal(
            ["3|0|3 events beyond the limit of a run were not stored"],
            await RowsAsync($"SELECT events_over_cap, seq_gaps, inconclusive_reason FROM runs WHERE id = '{run}'"));
        Assert.Equal([$"{MaxEvents}"], await RowsAsync($"SELECT count(*) FROM events WHERE run_id = '{run}'"));
        await NeighboursAsync();
    }

    [Fact]
    public async Task Only_a_program_of_the_package_shows_that_somebody_looked()
    {
        var (harness, package) = (await NewRunAsync(), await NewRunAsync());
        await AppendAsync(
            (harness, 1, ["""{"type":2,"payload":{"BinaryPathStr":"/bin/sh","Role":"harness"}}""", """{"type":2,"payload":{"BinaryPathStr":"/bin/x","Ret":-2}}"""]),
            (package, 1, [Exec]));
        foreach (var run in new[] { harness, package }) await Runs.FinishAsync(run, Ok()).Soon();
        Assert.Equal(["no program was seen to start"], await RowsAsync($"SELECT inconclusive_reason FROM runs WHERE id = '{harness}'"));
        Assert.Equal([""], await RowsAsync($"SELECT inconclusive_reason FROM runs WHERE id = '{package}'"));
    }

    [Fact]
    public async Task The_evidence_of_a_fingerprint_is_its_earliest_event_by_kernel_time()
    {
        var run = await NewRunAsync();
        await AppendAsync((run, 3, [File("/a", ts: 30), File("/a", ts: 25, tags: 2)]));
        await AppendAsync((run, 1, [File("/a", ts: 40), File("/a", ts: 10)]), (run, 2, [File("/a", ts: 20)]));
        await AppendAsync((run, 4, ["""{"type":1,"payload":{"PathName":"/a"}}"""]));
        Assert.Equal(["fs_new_path_read|/a|6|10|2"], await RowsAsync($"SELECT category, value, count, first_ktime_ns, tags FROM run_fingerprints WHERE run_id = '{run}'"));
        Assert.Equal([Payload("/a", 10)], await RowsAsync($"SELECT data FROM events WHERE id = (SELECT first_event_id FROM run_fingerprints WHERE run_id = '{run}')"));
    }

    [Fact]
    public async Task Without_kernel_times_the_event_that_came_first_is_the_evidence()
    {
        var run = await NewRunAsync();
        for (ulong seq = 1; seq <= 3; seq++) await AppendAsync((run, seq, [$$"""{"type":1,"payload":{"PathName":"/a","n": {{seq}} } }"""]));
        Assert.Equal(["""{"PathName":"/a","n": 1 }"""], await RowsAsync($"SELECT data FROM events WHERE id = (SELECT first_event_id FROM run_fingerprints WHERE run_id = '{run}')"));
    }

    [Fact]
    public Task Fingerprints_are_those_of_all_events_whatever_the_order_and_grouping_of_the_batches()
    {
        var happening = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.UInt[1, 50], Gen.Int[0, 3], (path, role, ts, tags) =>
            $$"""{"type":1,"payload":{"Header":{"TsNs":{{ts}},"Tags":{{tags}} },"PathName":"/p{{path}}","Role":"{{Roles[role]}}"} }""");
        var plan = Gen.Select(happening.Array[0, 4].Array[1, 5], Gen.Int, Gen.Int[1, 3]);
        return plan.SampleAsync(
            async (batches, seed, groupSize) =>
            {
                var run = await NewRunAsync();
                var order = Enumerable.Range(0, batches.Length).ToArray();
                new Random(seed).Shuffle(order);
                foreach (var group in order.Chunk(groupSize)) await AppendAsync([.. group.Select(i => (run, (ulong)i + 1, batches[i]))]);
                var stored = await RowsAsync($"SELECT category, value, role, phase, count, first_ktime_ns, tags FROM run_fingerprints WHERE run_id = '{run}'");
                Assert.Equal((await TalliesAsync(run, batches)).Order(StringComparer.Ordinal), stored.Order(StringComparer.Ordinal));
                // The evidence is an event of that very kernel time and run.
                Assert.Equal(
                    [$"{stored.Count}"],
                    await RowsAsync($"SELECT count(*) FROM run_fingerprints f JOIN events e ON e.id = f.first_event_id AND e.run_id = f.run_id AND e.ktime_ns = f.first_ktime_ns WHERE f.run_id = '{run}'"));
            },
            iter: 60,
            threads: 1);
    }

    [Fact]
    public async Task A_group_that_cannot_be_stored_leaves_no_trace_not_even_in_what_is_remembered()
    {
        var run = await NewRunAsync();
        var full = Enumerable.Repeat(Exec, MaxEvents).ToArray();
        var before = await EverythingAsync();
        using var good = await Batches.Prepare(run, 1, full);
        var broken = await Batches.Prepare(run, 2, Exec);
        broken.Dispose();
        await Assert.ThrowsAsync<StorageException>(() => Events.AppendAsync([good, broken])).Soon();
        Assert.Equal(before, await EverythingAsync());
        Assert.Equal(new AppendOutcome(false, MaxEvents, null), Assert.Single(await AppendAsync((run, 1, full))));
        await NeighboursAsync();
    }

    [Fact]
    public async Task Evidence_cannot_be_deleted_under_a_deviation()
    {
        var run = await NewRunAsync();
        await AppendAsync((run, 1, [Exec]));
        await RowsAsync($"INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) SELECT 'd', run_id, 'proc_new_exec', '/bin/sh', id, 'warn', '2026-01-02T03:04:05.000000000Z' FROM events");
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => RowsAsync("DELETE FROM events"));
        Assert.Equal(["1"], await RowsAsync("SELECT count(*) FROM events"));
    }

    /// <summary>Appends batches as one group.</summary>
    protected async Task<IReadOnlyList<AppendOutcome>> AppendAsync(params (RunId Run, ulong Seq, string[] Events)[] batches)
    {
        var prepared = new List<PreparedBatch>();
        foreach (var (run, seq, events) in batches) prepared.Add(await Batches.Prepare(run, seq, events));
        var outcomes = await Events.AppendAsync(prepared).Soon();
        foreach (var batch in prepared) batch.Dispose();
        return outcomes;
    }

    /// <summary>Every row of the tables that the store writes.</summary>
    protected async Task<IReadOnlyList<string>> EverythingAsync() =>
    [
        .. await RowsAsync("SELECT * FROM events ORDER BY id"), .. await RowsAsync("SELECT * FROM event_batches ORDER BY run_id, seq"),
        .. await RowsAsync("SELECT * FROM run_fingerprints ORDER BY run_id, category, value, role, phase"), .. await RowsAsync("SELECT * FROM run_event_counts ORDER BY run_id, type"),
        .. await RowsAsync("SELECT * FROM runs ORDER BY id"),
    ];

    /// <summary>Ids of a batch are still contiguous, whatever was taken back.</summary>
    protected async Task NeighboursAsync() => Assert.Empty(await RowsAsync("""
        SELECT b.run_id, b.seq FROM event_batches b
        WHERE b.events <> (SELECT count(*) FROM events e WHERE e.run_id = b.run_id AND e.seq = b.seq AND e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1)
        """));

    // The same counts made in memory from all events at once.
    private static async Task<IEnumerable<string>> TalliesAsync(RunId run, string[][] batches)
    {
        using var all = await Batches.Prepare(run, 1, [.. batches.SelectMany(b => b)]);
        return all.Fingerprints.Select(f => string.Create(
            CultureInfo.InvariantCulture, $"{f.Fingerprint.Category}|{f.Fingerprint.Value}|{f.Fingerprint.Role}|{f.Fingerprint.Phase}|{f.Tally.Count}|{f.Tally.FirstKtimeNs}|{(int)f.Tally.Tags}"));
    }

    private static string File(string path, ulong ts = 5, int tags = 0) =>
        Batches.Event(1, tags == 0 ? Payload(path, ts) : Payload(path, ts).Replace("\"TsNs\"", $"\"Tags\":{tags},\"TsNs\"", StringComparison.Ordinal));

    private static string Payload(string path, ulong ts) => $$"""{"Header":{"TsNs":{{ts}} },"PathName":"{{path}}"}""";
}
