using Fangs.Chaos;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Chaos;

/// <summary>The check behind the chaos test: it accepts a sound ledger, and finds each way in which one can be unsound.</summary>
public sealed class LedgerCheckSpecs : IDisposable
{
    private const string Good = "00000000000000000000000000000001", Lost = "00000000000000000000000000000002", Repeat = "00000000000000000000000000000003", Bad = "00000000000000000000000000000004";

    private readonly TemporaryDatabase _file = new();
    private readonly Observations _seen = new();

    public LedgerCheckSpecs()
    {
        _ = _file.Database;
        _file.Close();
        _file.Execute($"""
            INSERT INTO runs (id, package_name, version, state, failure_reason, runner_id, retry_of, result_digest, conclusive, is_baseline, events_emitted, analyzed_at, saw_exec) VALUES
              ('{Good}', 'left-thing', '1.0.0', 'done', '', 'lab-1', NULL, 'aa', 1, 1, 4, 'T', 1),
              ('{Lost}', 'left-thing', '1.0.1', 'failed', 'runner lost: lab-1, its process was restarted', 'lab-1', NULL, '', 0, 0, 0, 'T', 0),
              ('{Repeat}', 'left-thing', '1.0.1', 'done', '', 'lab-2', '{Lost}', 'bb', 0, 0, 0, 'T', 0),
              ('{Bad}', 'left-thing', '1.0.2', 'failed', 'as told', 'lab-2', NULL, 'cc', 0, 0, 0, 'T', 0);
            INSERT INTO run_history (run_id, at, what) VALUES ('{Good}', 'T', 'analyzed'), ('{Lost}', 'T', 'failed'), ('{Repeat}', 'T', 'analyzed'), ('{Bad}', 'T', 'failed');
            INSERT INTO events (id, run_id, ts_ns, type, data, seq) VALUES (1, '{Good}', 1, 'exec', '{"{}"}', 1), (2, '{Good}', 1, 'exec', '{"{}"}', 1), (3, '{Good}', 1, 'exec', '{"{}"}', 2), (4, '{Good}', 1, 'exec', '{"{}"}', 2);
            INSERT INTO event_batches (run_id, seq, received_at, first_event_id, events) VALUES ('{Good}', 1, 'T', 1, 2), ('{Good}', 2, 'T', 3, 2);
            INSERT INTO baseline_runs (package_name, run_id) VALUES ('left-thing', '{Good}');
            INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count) VALUES ('left-thing', 'exec', 'node', '{Good}', '{Good}', 1);
            """);
        _seen.Accepted.Add(new AcceptedScan(Good, "left-thing", "1.0.0", At(1)));
        _seen.Accepted.Add(new AcceptedScan(Lost, "left-thing", "1.0.1", At(2)));
        _seen.Accepted.Add(new AcceptedScan(Bad, "left-thing", "1.0.2", At(3)));
        _seen.Batches.Add(new AcknowledgedBatch(Good, 1, 2));
        _seen.Batches.Add(new AcknowledgedBatch(Good, 2, 2));
        _seen.Results.Add(new SentResult(Good, "ok", "", IsAcknowledged: true));
        _seen.Results.Add(new SentResult(Repeat, "ok", "", IsAcknowledged: false));
        _seen.Results.Add(new SentResult(Bad, "failed", "as told", IsAcknowledged: true));
        _seen.Works.Add(new Work(Good, "lab-1", At(2), At(5)));
        _seen.Works.Add(new Work(Lost, "lab-1", At(6), At(10)));
        _seen.Disturbances.Add(new Disturbance("lab-1", IsDeath: true, At(10), At(10)));
        _seen.FailedAt[Lost] = At(12);
        _seen.FailedAt[Bad] = At(20);
    }

    [Fact]
    public void A_sound_ledger_is_accepted() => Assert.Empty(Check());

    [Theory]
    [InlineData("an accepted scan is durable", $"PRAGMA foreign_keys = OFF; DELETE FROM runs WHERE id = '{Bad}'")]
    [InlineData("an accepted scan is durable", $"UPDATE runs SET version = '9.9.9' WHERE id = '{Good}'")]
    [InlineData("an accepted scan is durable", "INSERT INTO runs (id, state, analyzed_at, result_digest) VALUES ('00000000000000000000000000000009', 'done', 'T', 'x')")]
    [InlineData("every run ends in exactly one way", $"UPDATE runs SET state = 'sandboxed' WHERE id = '{Repeat}'")]
    [InlineData("every run ends in exactly one way", $"UPDATE runs SET analyzed_at = NULL WHERE id = '{Lost}'")]
    [InlineData("every run ends in exactly one way", $"INSERT INTO run_history (run_id, at, what) VALUES ('{Good}', 'T', 'failed')")]
    [InlineData("every run ends in exactly one way", $"UPDATE runs SET result_digest = '' WHERE id = '{Repeat}'")]
    [InlineData("an acknowledged result is durable", $"UPDATE runs SET state = 'failed', failure_reason = 'as told' WHERE id = '{Good}'")]
    [InlineData("an acknowledged result is durable", $"UPDATE runs SET result_digest = '' WHERE id = '{Bad}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = '' WHERE id = '{Bad}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = 'as nobody told' WHERE id = '{Bad}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = 'no result within 180 s' WHERE id = '{Bad}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = 'runner lost: lab-2, its process was restarted' WHERE id = '{Lost}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = 'runner lost: no sign of life from lab-2 for more than 90 s' WHERE id = '{Lost}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = 'not picked up: handed out 3 times without a sign of life (x)' WHERE id = '{Bad}'")]
    [InlineData("a failed run says a true reason", $"UPDATE runs SET failure_reason = 'did not finish within 60 s (install)' WHERE id = '{Bad}'")]
    [InlineData("a lost run is repeated as a linked run", $"UPDATE runs SET retry_of = NULL WHERE id = '{Repeat}'")]
    [InlineData("a lost run is repeated as a linked run", $"UPDATE runs SET retry_of = '{Good}' WHERE id = '{Repeat}'")]
    [InlineData("a lost run is repeated as a linked run", $"UPDATE runs SET version = '2.0.0' WHERE id = '{Repeat}'")]
    [InlineData("an acknowledged batch is stored once", $"DELETE FROM event_batches WHERE run_id = '{Good}' AND seq = 2; DELETE FROM events WHERE seq = 2; UPDATE runs SET events_emitted = 2, conclusive = 0, is_baseline = 0")]
    [InlineData("an acknowledged batch is stored once", "DELETE FROM events WHERE id = 4")]
    [InlineData("an acknowledged batch is stored once", $"INSERT INTO events (run_id, ts_ns, type, data, seq) VALUES ('{Good}', 1, 'exec', '{"{}"}', 2)")]
    [InlineData("an acknowledged batch is stored once", "UPDATE event_batches SET events = 1 WHERE seq = 2")]
    [InlineData("an acknowledged batch is stored once", $"UPDATE runs SET events_emitted = 5 WHERE id = '{Good}'")]
    [InlineData("nothing is learned from a run that is inconclusive", $"UPDATE runs SET conclusive = 0 WHERE id = '{Good}'")]
    [InlineData("nothing is learned from a run that is inconclusive", $"UPDATE runs SET events_dropped = 1 WHERE id = '{Good}'")]
    [InlineData("nothing is learned from a run that is inconclusive", $"UPDATE runs SET saw_exec = 0 WHERE id = '{Good}'")]
    [InlineData("nothing is learned from a run that is inconclusive", $"UPDATE event_batches SET seq = 3 WHERE seq = 2; UPDATE events SET seq = 3 WHERE seq = 2")]
    [InlineData("nothing is learned from a run that is inconclusive", $"INSERT INTO baseline_runs (package_name, run_id) VALUES ('left-thing', '{Bad}')")]
    [InlineData("nothing is learned from a run that is inconclusive", $"UPDATE baseline_fingerprints SET last_seen_run_id = '{Lost}'")]
    [InlineData("the database is sound", $"PRAGMA foreign_keys = OFF; INSERT INTO event_batches (run_id, seq, received_at, first_event_id, events) VALUES ('nobody', 1, 'T', 1, 0)")]
    public void A_ledger_that_breaks_a_promise_is_rejected(string promise, string sql)
    {
        _file.Execute(sql);
        Assert.Contains(Check(), v => v.Promise == promise);
    }

    [Fact]
    public void A_job_on_two_runners_at_a_time_is_found_and_one_after_the_other_is_none()
    {
        _seen.Works.Add(new Work(Good, "lab-2", At(5), At(7)));
        Assert.Empty(Check());
        _seen.Works.Add(new Work(Good, "lab-3", At(6.9), At(8)));
        Assert.Contains(Check(), v => v.Promise == "a job runs on one runner at a time" && v.What.Contains(Good, StringComparison.Ordinal));
    }

    [Fact]
    public void A_silence_that_was_caused_is_a_true_reason_and_a_short_one_is_none()
    {
        _file.Execute($"UPDATE runs SET failure_reason = 'runner lost: no sign of life from lab-2 for more than 90 s' WHERE id = '{Lost}'");
        _seen.FailedAt[Lost] = At(200);
        _seen.Disturbances.Add(new Disturbance("lab-2", IsDeath: false, At(100), At(130)));
        Assert.Single(Check());
        _seen.Disturbances.Add(new Disturbance(Observations.Orchestrator, IsDeath: false, At(120), At(150)));
        Assert.Empty(Check());
    }

    [Fact]
    public void Work_of_a_real_runner_is_read_from_its_log_and_ends_with_its_process()
    {
        var began = new DateTimeOffset(2026, 1, 2, 3, 4, 0, TimeSpan.Zero);
        string[] log =
        [
            Line("03:04:01", Good, "Job starts: sandbox_scan left-thing@1.0.0"), Line("03:04:05", Good, "Job ends: ok (), 4 events sent, 0 lost"),
            Line("03:04:06", Lost, "Job starts: sandbox_scan left-thing@1.0.1"), "{\"time\":\"cut o",
            Line("03:04:20", Repeat, "Job starts: sandbox_scan left-thing@1.0.1"),
        ];
        Assert.Equal(
            [new Work(Good, "lab-1", At(1), At(5)), new Work(Lost, "lab-1", At(6), At(10)), new Work(Repeat, "lab-1", At(20), At(60))],
            RunnerLog.Works(log, "lab-1", began, [At(10)], At(60)).OrderBy(w => w.From));
    }

    public void Dispose() => _file.Dispose();

    private static string Line(string time, string run, string message) => $$"""{"time":"2026-01-02T{{time}}Z","level":"info","run_id":"{{run}}","message":"{{message}}"}""";

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private IReadOnlyList<Violation> Check() => LedgerCheck.Run(_file.File, _seen);
}
