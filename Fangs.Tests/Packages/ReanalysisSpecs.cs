using System.Globalization;
using Fangs.Protocol;
using Fangs.Tests.Ingest;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Packages;

/// <summary>What is computed again from stored events agrees with what was kept while they arrived.</summary>
public abstract class ReanalysisSpecs(Backend backend) : IAsyncDisposable
{
    private readonly LedgerFixture _db = new(backend: backend);

    public async ValueTask DisposeAsync()
    {
        await _db.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_hundred_thousand_events_say_the_same_the_second_time()
    {
        var random = new Random(20260102);
        var run = await _db.QueuedAsync("left-thing");
        var other = await _db.QueuedAsync("left-thing");
        const int BatchSize = 500;
        // Batches come in any order and between those of another run.
        foreach (var seq in Enumerable.Range(1, 100_000 / BatchSize).OrderBy(_ => random.Next()))
        {
            await _db.AppendAsync(run, (ulong)seq, [.. Enumerable.Range(0, BatchSize).Select(_ => AnyEvent(random))]);
            if (seq % 10 == 0) await _db.AppendAsync(other, (ulong)(seq / 10), Did.Exec("/bin/other"));
        }

        await _db.EndAsync(run, 100_000);
        Assert.Equal(100_000, _db.Number($"SELECT sum(events) FROM event_batches WHERE run_id = '{run}'"));
        await _db.Ledger.AnalyseAsync(run);
        await AgreesAsync(run);
    }

    [Fact]
    public async Task What_counts_for_nothing_counts_for_nothing_the_second_time()
    {
        var run = await _db.EndedAsync("left-thing",
            Did.Exec("/usr/bin/node"),
            Did.Exec("/bin/harness", role: "harness"),
            Did.Exec("/bin/missing", ret: -2),
            Did.Read("/etc/by-npm", role: "npm"),
            Did.Read("/etc/failed", ret: -2),
            Did.Read("/root/.aws/credentials", ret: -2, tags: 3),
            Did.Read("relative/../name"),
            Did.Read("/proc/self/root/etc/passwd", flags: 577),
            Did.Read("/nul\0\u2400 "),
            Did.Exec(" \0 "),
            Did.Connect("::FFFF:1.2.3.4", 443),
            Did.Connect("2001:DB8::0:1", 8080),
            Did.Lookup("Example.ORG."),
            Did.Tls("  Example.ORG "),
            """{"type":1,"payload":null}""",
            """{"type":250,"payload":{"PathName":"/x"}}""",
            """{"type":16,"payload":{"Syscall":"ptrace"}}""",
            """{"type":1,"payload":{"pathname":"/lower","PathName":"/last\ud800"}}""",
            Batches.Event(1, Payloads.OwnFile(newPath: "/opt/to", op: "rename", ts: 18446744073709551615)));
        Assert.Equal("/usr/bin/node", _db.Text($"SELECT value FROM run_fingerprints WHERE run_id = '{run}' AND category = 'proc_new_exec'"));
        Assert.Equal(0, _db.Number($"SELECT count(*) FROM run_fingerprints WHERE run_id = '{run}' AND value IN ('/etc/by-npm', '/etc/failed', '/bin/harness')"));
        await _db.Ledger.AnalyseAsync(run);
        await AgreesAsync(run);
    }

    [Fact]
    public async Task Fingerprints_that_were_lost_or_wrong_come_back_and_the_run_is_judged_by_them()
    {
        await _db.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"));
        var run = await _db.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Tls("exfil.example"));
        _db.Execute($"UPDATE run_fingerprints SET value = 'harmless.example' WHERE run_id = '{run}' AND value = 'exfil.example'; UPDATE runs SET saw_exec = FALSE WHERE id = '{run}'");
        var answer = await _db.DecideAsync(new DecisionRequest { Action = DecisionAction.Reanalyze, By = "op", RunId = run.ToString() });
        Assert.Equal((true, 1, 1), (answer.Changed, answer.DeviationsOpen, answer.FingerprintsMerged));
        Assert.Equal("exfil.example", _db.Text($"SELECT value FROM deviations WHERE run_id = '{run}'"));
        Assert.Equal("1|1|1", _db.Text($"SELECT saw_exec, conclusive, analyzed_at IS NOT NULL FROM runs WHERE id = '{run}'"));
    }

    [Fact]
    public async Task Without_all_of_its_events_a_run_keeps_what_was_kept()
    {
        var run = await _db.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Tls("a.example"));
        _db.Execute($"DELETE FROM events WHERE run_id = '{run}' AND type = 'tls_sni'");
        var before = Fingerprints(run);
        var outcome = await _db.Ledger.DecideAsync(new DecisionRequest { Action = DecisionAction.Reanalyze, By = "op", RunId = run.ToString() });
        Assert.Contains("have been deleted", outcome.Reason, StringComparison.Ordinal);
        Assert.Equal(before, Fingerprints(run));
    }

    [Fact]
    public async Task A_run_of_upstream_gets_its_fingerprints_from_its_events()
    {
        var run = RunId.New(TimeProvider.System);
        _db.Execute($$"""
            INSERT INTO runs (id, package_name, version, state, started_at, conclusive) VALUES ('{{run}}', 'left-thing', '1.0.0', 'done', '2026-01-02T03:04:05.000000000Z', FALSE);
            INSERT INTO events (run_id, ts_ns, type, data) VALUES ('{{run}}', 1, 'exec', '{"BinaryPathStr":"/bin/sh"}'), ('{{run}}', 2, 'tls_sni', '{"SNI":"A.example"}');
            """);
        await _db.DecideAsync(new DecisionRequest { Action = DecisionAction.Reanalyze, By = "op", RunId = run.ToString() });
        Assert.Equal(["net_new_https_host|a.example", "proc_new_exec|/bin/sh"], _db.Rows($"SELECT category, value FROM run_fingerprints WHERE run_id = '{run}' ORDER BY 1"));
    }

    private static string AnyEvent(Random random)
    {
        string Pick(params string[] texts) => texts[random.Next(texts.Length)];
        var (role, phase) = (Pick("script", "npm", "import", "harness", ""), Pick("install", "import"));
        var number = random.Next(400).ToString(CultureInfo.InvariantCulture);
        var ts = (ulong)random.NextInt64(1, 1_000_000);
        return random.Next(6) switch
        {
            0 => Did.Exec("/usr/bin/" + number, role, phase, Pick("0", "-2") == "0" ? 0 : -2),
            1 => Did.Connect("10.0." + random.Next(3).ToString(CultureInfo.InvariantCulture) + ".1", random.Next(1, 300)),
            2 => Did.Lookup(Pick("A", "b") + number + ".example."),
            3 => Did.Tls("Host" + number + ".example"),
            4 => Batches.Event(1, Payloads.OwnFile($"/proc/{number}/maps", Pick("open", "unlink"), random.Next(-3, 3), role, phase, flags: random.Next(3), tags: random.Next(4), ts: ts)),
            _ => Batches.Event(1, Payloads.OwnFile($"/opt/../srv//{number}", "open", random.Next(-3, 3), role, phase, flags: 64, tags: random.Next(4), ts: ts)),
        };
    }

    private async Task AgreesAsync(RunId run)
    {
        var before = Fingerprints(run);
        Assert.NotEmpty(before);
        var verdict = _db.Text($"SELECT state, conclusive, is_baseline, saw_exec FROM runs WHERE id = '{run}'");
        var deviations = _db.Text("SELECT * FROM deviations ORDER BY id");
        var baseline = _db.Text("SELECT * FROM baseline_fingerprints ORDER BY category, value");
        var answer = await _db.DecideAsync(new DecisionRequest { Action = DecisionAction.Reanalyze, By = "op", RunId = run.ToString() });
        Assert.False(answer.Changed);
        Assert.Equal(before, Fingerprints(run));
        Assert.Equal(verdict, _db.Text($"SELECT state, conclusive, is_baseline, saw_exec FROM runs WHERE id = '{run}'"));
        Assert.Equal(deviations, _db.Text("SELECT * FROM deviations ORDER BY id"));
        Assert.Equal(baseline, _db.Text("SELECT * FROM baseline_fingerprints ORDER BY category, value"));
    }

    private IReadOnlyList<string> Fingerprints(RunId run) =>
        _db.Rows($"SELECT category, value, role, phase, count, first_event_id, first_ktime_ns, tags FROM run_fingerprints WHERE run_id = '{run}' ORDER BY 1, 2, 3, 4");
}

public sealed class SqliteReanalysisSpecs() : ReanalysisSpecs(Backend.Sqlite);

public sealed class PostgresReanalysisSpecs() : ReanalysisSpecs(Backend.Postgres);
