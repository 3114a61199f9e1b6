using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Ingest;

namespace Fangs.Tests.Storage;

/// <summary>What every store of runs does.</summary>
public abstract class RunStoreSpecs : StoreSpecs
{
    private const string Exec = """{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}""";

    [Fact]
    public async Task A_run_is_found_as_it_was_made()
    {
        var id = RunId.New(Clock);
        var (row, created) = await Runs.EnsureAsync(
            new Job { RunId = id, Kind = JobKind.SandboxScan, PackageName = "@scope/left-thing", Version = "2.0.1" }, Clock.GetUtcNow().AddSeconds(-1.5), null).Soon();
        Assert.True(created);
        Assert.Equal(new RunRow(id, "pending", "", "", "", false) { Package = "@scope/left-thing", IsComplete = true }, row);
        Assert.Equal(row, await Runs.FindAsync(id).Soon());
        Assert.Equal(
            ["@scope/left-thing|2.0.1|pending|1|2026-01-02T03:04:03.500000000Z|2026-01-02T03:04:03.500000000Z|sandbox_scan||"],
            await RowsAsync($"SELECT package_name, version, state, attempt, started_at, queued_at, job_kind, retry_of, finished_at FROM runs WHERE id = '{id}'"));
        Assert.Equal(["pending|queued|2026-01-02T03:04:05.000000000Z"], await HistoryAsync(id));
    }

    [Fact]
    public async Task A_run_without_a_package_goes_by_its_image()
    {
        var id = RunId.New(Clock);
        await Runs.EnsureAsync(new Job { RunId = id, Kind = JobKind.SandboxScan, Sandbox = new SandboxSpec { Image = "node:20-slim" } }, Clock.GetUtcNow(), null).Soon();
        Assert.Equal(["node:20-slim|"], await RowsAsync($"SELECT package_name, version FROM runs WHERE id = '{id}'"));
    }

    [Fact]
    public async Task A_run_that_exists_is_not_made_again()
    {
        var id = await NewRunAsync();
        await Runs.SetStateAsync(id, RunStates.Building, "lab-1", 1, "handed to lab-1").Soon();
        var (row, created) = await Runs.EnsureAsync(new Job { RunId = id, PackageName = "other" }, Clock.GetUtcNow(), RunId.New(Clock)).Soon();
        Assert.False(created);
        Assert.Equal(("building", "lab-1"), (row.State, row.RunnerId));
        Assert.Equal(["left-thing|"], await RowsAsync($"SELECT package_name, retry_of FROM runs WHERE id = '{id}'"));
        Assert.Equal(2, (await HistoryAsync(id)).Count);
    }

    [Fact]
    public async Task A_run_that_repeats_another_names_it()
    {
        var (lost, id) = (await NewRunAsync(), RunId.New(Clock));
        await Runs.EnsureAsync(new Job { RunId = id }, Clock.GetUtcNow(), lost).Soon();
        Assert.Equal([$"{lost}"], await RowsAsync($"SELECT retry_of FROM runs WHERE id = '{id}'"));
        Assert.StartsWith($"pending|queued, repeats run {lost}|", Assert.Single(await HistoryAsync(id)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_is_missing_is_not_found_and_cannot_end()
    {
        var id = RunId.New(Clock);
        Assert.Null(await Runs.FindAsync(id).Soon());
        await Runs.SetStateAsync(id, RunStates.Building, "lab-1", 1, "").Soon();
        Assert.Contains($"{id}", (await Assert.ThrowsAsync<StorageException>(() => Runs.FinishAsync(id, Ok())).Soon()).Message, StringComparison.Ordinal);
        Assert.Null(await Runs.FindAsync(id).Soon());
        Assert.Empty(await HistoryAsync(id));
    }

    [Fact]
    public async Task Every_state_is_stamped_in_the_history()
    {
        var id = await NewRunAsync();
        foreach (var (state, runner, attempt) in new (string, string?, int?)[] { ("building", "lab-1", 1), ("pending", null, null), ("building", "lab-2", 2), ("sandboxed", null, null) })
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            await Runs.SetStateAsync(id, state, runner, attempt, $"to {state}").Soon();
        }

        Clock.Advance(TimeSpan.FromSeconds(0.25));
        await Runs.FinishAsync(id, Ok()).Soon();
        Assert.Equal(
            [
                "pending|queued|2026-01-02T03:04:05.000000000Z", "building|to building|2026-01-02T03:04:06.000000000Z", "pending|to pending|2026-01-02T03:04:07.000000000Z",
                "building|to building|2026-01-02T03:04:08.000000000Z", "sandboxed|to sandboxed|2026-01-02T03:04:09.000000000Z", "done||2026-01-02T03:04:09.250000000Z",
            ],
            await HistoryAsync(id));
        Assert.Equal(["done|lab-2|2|2026-01-02T03:04:09.250000000Z"], await RowsAsync($"SELECT state, runner_id, attempt, finished_at FROM runs WHERE id = '{id}'"));
    }

    [Fact]
    public async Task A_result_is_stored_with_all_that_it_tells()
    {
        var id = await NewRunAsync();
        var details = new ResultDetails
        {
            NpmExit = 7,
            OutputTail = "npm ERR!\0",
            NodeVersion = "v20.1.0",
            NpmVersion = "11.19.0",
            ImageDigest = "sha256:12",
            Interrupted = true,
        };
        var result = new ResultRequest { Status = ResultStatus.Failed, EventsEmitted = 12, Duration = new Nanoseconds(1_500_000_000), Details = details };
        var row = await Runs.FinishAsync(id, new RunEnd(RunStates.Failed, "npm install\0 failed", result, 3, "digest")).Soon();
        Assert.Equal(new RunRow(id, "failed", "", "npm install\u2400 failed", "digest", true) { Package = "left-thing", InconclusiveReason = "the scan failed: npm install\u2400 failed" }, row);
        Assert.Equal(row, await Runs.FindAsync(id).Soon());
        Assert.Equal(
            ["12|3|1500000000|7|npm ERR!\u2400|v20.1.0|11.19.0|sha256:12|1"],
            await RowsAsync("SELECT events_emitted, events_dropped, duration_ns, npm_exit, output_tail, node_version, npm_version, image_digest, "
                + $"CASE WHEN interrupted THEN 1 ELSE 0 END FROM runs WHERE id = '{id}'"));
    }

    [Fact]
    public async Task A_count_that_no_column_holds_is_cut_to_the_largest()
    {
        var id = await NewRunAsync();
        await Runs.FinishAsync(id, Ok(dropped: ulong.MaxValue)).Soon();
        Assert.Equal([$"{long.MaxValue}"], await RowsAsync($"SELECT events_dropped FROM runs WHERE id = '{id}'"));
    }

    [Theory]
    [InlineData(RunStates.Done)]
    [InlineData(RunStates.Failed)]
    public async Task A_run_that_has_ended_stays_as_it_ended(string state)
    {
        var id = await NewRunAsync();
        var ended = await Runs.FinishAsync(id, Ok() with { State = state, Reason = state == RunStates.Failed ? "first" : "" }).Soon();
        Clock.Advance(TimeSpan.FromSeconds(1));
        await Runs.SetStateAsync(id, RunStates.Building, "lab-9", 9, "too late").Soon();
        Assert.Equal(ended, await Runs.FinishAsync(id, new RunEnd(RunStates.Failed, "second", null, 9, "other")).Soon());
        Assert.Equal(ended, await Runs.FindAsync(id).Soon());
        Assert.Equal(["0|1|2026-01-02T03:04:05.000000000Z"], await RowsAsync($"SELECT events_dropped, attempt, finished_at FROM runs WHERE id = '{id}'"));
        Assert.Equal(2, (await HistoryAsync(id)).Count);
    }

    [Fact]
    public async Task A_run_that_ended_well_after_somebody_looked_is_conclusive()
    {
        var id = await RunWithAsync(1, 2, 3);
        await Runs.FinishAsync(id, Ok()).Soon();
        Assert.Equal("1|", await VerdictAsync(id));
    }

    [Fact]
    public async Task Each_thing_that_was_not_seen_makes_a_run_inconclusive()
    {
        var lost = await RunWithAsync(1);
        await Runs.FinishAsync(lost, Ok(dropped: 4)).Soon();
        Assert.Equal("0|4 events were lost", await VerdictAsync(lost));

        var gaps = await RunWithAsync(1, 2, 5);
        await Runs.FinishAsync(gaps, Ok()).Soon();
        Assert.Equal("0|2 batches are missing", await VerdictAsync(gaps));

        var beginning = await RunWithAsync(3);
        await Runs.FinishAsync(beginning, Ok()).Soon();
        Assert.Equal("0|2 batches are missing", await VerdictAsync(beginning));

        var unread = await RunWithAsync(1);
        await Runs.NoteBadBatchAsync(unread, "batch 2: oops").Soon();
        await Runs.FinishAsync(unread, Ok()).Soon();
        Assert.Equal("0|1 batches could not be read", await VerdictAsync(unread));
        Assert.Contains((await HistoryAsync(unread)), h => h.StartsWith("bad batch|batch 2: oops|", StringComparison.Ordinal));

        var blind = await NewRunAsync();
        await Runs.FinishAsync(blind, Ok()).Soon();
        Assert.Equal("0|no program was seen to start", await VerdictAsync(blind));

        var failed = await RunWithAsync(1);
        await Runs.FinishAsync(failed, Ok() with { State = RunStates.Failed, Reason = "npm install ended with status 7" }).Soon();
        Assert.Equal("0|the scan failed: npm install ended with status 7", await VerdictAsync(failed));

        var silent = await RunWithAsync(1);
        await Runs.FinishAsync(silent, new RunEnd(RunStates.Failed, "runner lost", null, 0, "")).Soon();
        Assert.Equal("0|no result: runner lost", await VerdictAsync(silent));
    }

    [Fact]
    public async Task A_run_that_goes_on_is_neither()
    {
        var id = await RunWithAsync(1, 3);
        await Runs.ReassessAsync(id).Soon();
        await Runs.NoteBadBatchAsync(id, "oops").Soon();
        Assert.Equal("|", await VerdictAsync(id));
    }

    [Fact]
    public async Task A_late_batch_fills_its_gap()
    {
        var id = await RunWithAsync(1, 3);
        await Runs.FinishAsync(id, Ok()).Soon();
        Assert.Equal("0|1 batches are missing", await VerdictAsync(id));
        await AppendAsync(id, 2);
        await Runs.ReassessAsync(id).Soon();
        Assert.Equal("1|", await VerdictAsync(id));
    }

    [Fact]
    public async Task What_was_written_is_there_after_a_restart()
    {
        var id = await NewRunAsync();
        var row = await Runs.FinishAsync(id, Ok()).Soon();
        await ReopenAsync();
        Assert.Equal(row, await Runs.FindAsync(id).Soon());
    }

    private async Task<RunId> RunWithAsync(params ulong[] seqs)
    {
        var id = await NewRunAsync();
        foreach (var seq in seqs) await AppendAsync(id, seq);
        return id;
    }

    private async Task AppendAsync(RunId id, ulong seq)
    {
        using var batch = await Batches.Prepare(id, seq, Exec);
        Assert.Null(Assert.Single(await Events.AppendAsync([batch]).Soon()).Error);
    }

    private async Task<string> VerdictAsync(RunId id) =>
        Assert.Single(await RowsAsync($"SELECT CASE WHEN conclusive IS NULL THEN '' WHEN conclusive THEN '1' ELSE '0' END, inconclusive_reason FROM runs WHERE id = '{id}'"));

    private Task<IReadOnlyList<string>> HistoryAsync(RunId id) => RowsAsync($"SELECT what, detail, at FROM run_history WHERE run_id = '{id}' ORDER BY id");
}
