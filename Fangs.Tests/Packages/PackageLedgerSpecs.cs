using Fangs.Actors.Analysis;
using Fangs.Actors.Hosting;
using Fangs.Actors.Packages;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Packages;

/// <summary>Verdicts and decisions over a real database.</summary>
public abstract class PackageLedgerSpecs(Backend backend) : IAsyncDisposable
{
    private const string Node = "/usr/bin/node";
    private readonly LedgerFixture _db = new(backend: backend);

    public async ValueTask DisposeAsync()
    {
        await _db.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task The_vector_of_three_deviations_is_stored_with_evidence_and_history()
    {
        var first = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("registry.example"), Did.Lookup("registry.example"));
        var second = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("registry.example"), Did.Tls("exfil.example"), Did.Connect("1.1.1.1", 31337), Did.Read("/root/.ssh/id_rsa", tags: 3));
        Assert.Equal(
        [
            "fs_new_path_read|/root/.ssh/id_rsa|crit|open|1|script|install|file_access", "net_new_destination|1.1.1.1:31337|warn|open|0|script|install|net_connect",
            "net_new_https_host|exfil.example|warn|open|0|script|install|tls_sni",
        ], _db.Rows($"SELECT d.category, d.value, d.severity, d.status, d.credential, d.role, d.phase, e.type FROM deviations d JOIN events e ON e.id = d.evidence_event_id WHERE d.run_id = '{second}' ORDER BY 1"));
        Assert.Equal($"{first}|done|1|auto|1\n{second}|done|0||1", _db.Text("SELECT id, state, is_baseline, baseline_by, analyzed_at IS NOT NULL FROM runs ORDER BY id"));
        Assert.Equal($"net_new_dns|{first}|{first}|1|{PathRules.Version}\nnet_new_https_host|{first}|{second}|2|{PathRules.Version}\nproc_new_exec|{first}|{second}|2|{PathRules.Version}",
            _db.Text("SELECT category, first_seen_run_id, last_seen_run_id, occurrence_count, rules_version FROM baseline_fingerprints ORDER BY 1"));
        Assert.Equal("analyzed|\nanalysed|3 open deviations\ndone|", _db.Text($"SELECT what, detail FROM run_history WHERE run_id = '{second}' AND what NOT IN ('pending') ORDER BY id"));
    }

    [Fact]
    public async Task Judging_again_leaves_every_row_as_it_is()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("exfil.example"));
        var before = Everything();
        for (var i = 0; i < 3; i++) await _db.Ledger.AnalyseAsync(run);
        Assert.Equal(before, Everything());
    }

    [Theory]
    [InlineData(ResultStatus.Failed, 0ul)]
    [InlineData(ResultStatus.Ok, 3ul)]
    public async Task A_run_that_failed_or_lost_events_never_gets_into_a_baseline(string status, ulong dropped)
    {
        var first = await _db.EndedAsync("left-thing", status, dropped, Did.Exec(Node));
        var verdict = await _db.Ledger.AnalyseAsync(first);
        Assert.Equal((false, false, 0), (verdict!.IsConclusive, verdict.IsInBaseline, verdict.Open));
        Assert.Equal(0, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
        Assert.Equal(0, _db.Number("SELECT count(*) FROM baseline_runs"));
    }

    [Fact]
    public async Task A_run_that_has_not_ended_is_not_judged()
    {
        var run = await _db.QueuedAsync("left-thing");
        await _db.AppendAsync(run, 1, Did.Exec(Node));
        Assert.Null(await _db.Ledger.AnalyseAsync(run));
        Assert.Null(await _db.Ledger.AnalyseAsync(RunId.New(TimeProvider.System)));
        Assert.Equal(0, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
    }

    [Fact]
    public async Task Runs_of_an_image_without_a_package_share_no_baseline()
    {
        foreach (var image in new[] { "alpine", "node:20-slim" })
        {
            for (var i = 0; i < 2; i++)
            {
                var run = RunId.New(TimeProvider.System);
                await _db.Store.Runs.EnsureAsync(new Job { RunId = run, Kind = JobKind.SandboxScan, Sandbox = new SandboxSpec { Image = image } }, DateTimeOffset.UnixEpoch, null);
                await _db.AppendAsync(run, 1, Did.Exec(Node), Did.Exec($"/bin/{i}"));
                await _db.EndAsync(run, 2);
                Assert.Equal(0, (await _db.Ledger.AnalyseAsync(run))!.Open);
                Assert.Equal("no package", (await _db.Ledger.DecideAsync(Request(DecisionAction.Promote) with { RunId = run.ToString() })).Reason.Contains("no package", StringComparison.Ordinal) ? "no package" : "");
            }
        }

        Assert.Equal(0, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
        Assert.Equal("alpine:latest\nnode:20-slim", _db.Text("SELECT DISTINCT package_name FROM runs ORDER BY 1"));
        Assert.Equal(4, _db.Number("SELECT count(*) FROM runs WHERE state = 'done' AND analyzed_at IS NOT NULL"));
    }

    [Fact]
    public async Task Late_events_make_a_run_due_in_the_transaction_that_stores_them()
    {
        var run = await _db.JudgedAsync("left-thing", Did.Exec(Node));
        Assert.Empty(await _db.Ledger.DueAsync(default, 10));
        await _db.AppendAsync(run, 2, Did.Tls("late.example"));
        Assert.Equal(new PackageRun(run, "left-thing"), Assert.Single(await _db.Ledger.DueAsync(default, 10)));
        await _db.Ledger.AnalyseAsync(run);
        Assert.Empty(await _db.Ledger.DueAsync(default, 10));
        Assert.Equal(2, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
    }

    [Fact]
    public async Task An_allow_list_that_cannot_be_read_fails_the_analysis_and_nothing_is_changed()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node), Did.Tls("exfil.example"));
        _db.Execute("ALTER TABLE allowlists RENAME TO hidden");
        var before = Everything();
        await Assert.ThrowsAsync<StorageException>(() => _db.Ledger.AnalyseAsync(run));
        await Assert.ThrowsAsync<StorageException>(() => _db.Ledger.DecideAsync(Request(DecisionAction.Promote) with { RunId = run.ToString() }));
        Assert.Equal(before, Everything());
        _db.Execute("ALTER TABLE hidden RENAME TO allowlists");
        Assert.Equal(1, (await _db.Ledger.AnalyseAsync(run))!.Open);
    }

    [Fact]
    public async Task What_was_computed_from_something_that_has_changed_meanwhile_is_not_stored()
    {
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node));
        var store = _db.Store.Analysis;
        var basis = (await store.LoadAsync(run, new BasisScope(1)))!;
        var change = Differ.Judge(basis, AllowFilter.None, 1, () => "x");
        await _db.AppendAsync(run, 2, Did.Exec("/bin/late"));
        Assert.False(await store.SaveAsync(change, []));

        basis = (await store.LoadAsync(run, new BasisScope(1)))!;
        change = Differ.Judge(basis, AllowFilter.None, 1, () => "x");
        await _db.DecideAsync(Request(DecisionAction.AllowAdd) with { Allow = new AllowRequest { Kind = "dns", Value = "a.example" } });
        Assert.False(await store.SaveAsync(change, []));

        basis = (await store.LoadAsync(run, new BasisScope(1)))!;
        change = Differ.Judge(basis, AllowFilter.None, 1, () => "x");
        await _db.Store.Runs.NoteBadBatchAsync(run, "not JSON");
        Assert.False(await store.SaveAsync(change, []));
        Assert.Equal(0, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
        Assert.Equal(1, _db.Number("SELECT analyzed_at IS NULL FROM runs"));
    }

    [Fact]
    public async Task A_decision_writes_history_and_audit_log_and_the_same_again_changes_nothing()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("new.example"));
        var other = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("new.example"), Did.Tls("other.example"));
        var request = Request(DecisionAction.Promote) with { RunId = run.ToString(), Note = "looked at it" };
        var answer = await _db.DecideAsync(request);
        Assert.Equal((true, "left-thing", 2, 1, 0, 1), (answer.Changed, answer.Package, answer.FingerprintsMerged, answer.DeviationsChanged, answer.DeviationsOpen, answer.RunsAffected));
        Assert.Equal("op|baseline.promote|looked at it", _db.Text($"SELECT actor, action, detail ->> 'note' FROM audit_log WHERE subject = '{run}'"));
        Assert.Equal("op: 2 values are in the baseline, 1 deviations accepted (looked at it)", _db.Text($"SELECT detail FROM run_history WHERE run_id = '{run}' AND what = 'baseline.promote'"));
        // What is known now is no deviation of the other run any more.
        Assert.Equal("other.example|open", _db.Text($"SELECT value, status FROM deviations WHERE run_id = '{other}'"));
        var before = Everything();
        Assert.False((await _db.DecideAsync(request)).Changed);
        Assert.Equal(before, Everything());

        var refused = await _db.Ledger.DecideAsync(Request(DecisionAction.Demote) with { RunId = run.ToString() });
        Assert.Equal(DecisionFault.Refused, refused.Fault);
        Assert.Contains(other.ToString(), refused.Reason, StringComparison.Ordinal);
        await _db.DecideAsync(Request(DecisionAction.Demote) with { RunId = other.ToString() });
        Assert.Equal(1, (await _db.DecideAsync(Request(DecisionAction.Demote) with { RunId = run.ToString() })).FingerprintsRemoved);
        Assert.Equal("new.example|open||", _db.Text($"SELECT value, status, decided_by, decided_at FROM deviations WHERE run_id = '{run}'"));
        Assert.Equal(3, _db.Number("SELECT count(*) FROM audit_log"));
    }

    [Fact]
    public async Task Accept_and_reject_by_id()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("a.example"), Did.Tls("b.example"));
        var (a, b) = (Deviation(run, "a.example"), Deviation(run, "b.example"));
        var answer = await _db.DecideAsync(Request(DecisionAction.Accept) with { DeviationId = a });
        Assert.Equal((true, run.ToString(), a, 1, 1), (answer.Changed, answer.RunId, answer.DeviationId, answer.FingerprintsMerged, answer.DeviationsOpen));
        Assert.Equal(0, (await _db.DecideAsync(Request(DecisionAction.Reject) with { DeviationId = b })).DeviationsOpen);
        Assert.Equal("a.example|accepted|op\nb.example|rejected|op", _db.Text("SELECT value, status, decided_by FROM deviations ORDER BY 1"));
        Assert.False((await _db.DecideAsync(Request(DecisionAction.Reject) with { DeviationId = b })).Changed);
        Assert.Equal("a.example", _db.Text("SELECT value FROM baseline_fingerprints WHERE category = 'net_new_https_host'"));
    }

    [Fact]
    public async Task A_dry_run_tells_what_an_allow_entry_hides_and_adding_it_does_that()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        await _db.JudgedAsync("right-thing", Did.Exec(Node));
        var runs = new List<RunId>();
        foreach (var package in new[] { "left-thing", "right-thing" })
            runs.Add(await _db.JudgedAsync(package, Did.Exec(Node), Did.Tls("x.cdn.example"), Did.Lookup("y.cdn.example"), Did.Tls(package + ".example")));
        runs.Add(await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("x.cdn.example")));
        var add = Request(DecisionAction.AllowAdd) with { Allow = new AllowRequest { Kind = "sni", Value = "*.CDN.example" } };
        var before = Everything();
        var preview = await _db.DecideAsync(add with { DryRun = true });
        Assert.Equal((false, "", 5, 3), (preview.Changed, preview.AllowId, preview.DeviationsChanged, preview.RunsAffected));
        Assert.Equal(before, Everything());

        var answer = await _db.DecideAsync(add);
        Assert.Equal((true, 5, 3), (answer.Changed, answer.DeviationsChanged, answer.RunsAffected));
        Assert.Equal("left-thing.example\nright-thing.example", _db.Text("SELECT value FROM deviations ORDER BY 1"));
        Assert.Equal("1|auto", _db.Text($"SELECT is_baseline, baseline_by FROM runs WHERE id = '{runs[2]}'"));
        Assert.Equal("global||sni|*.cdn.example|op", _db.Text("SELECT scope, package_name, kind, value, created_by FROM allowlists"));
        Assert.Empty(await _db.Ledger.DueAsync(default, 10));

        Assert.Equal(DecisionFault.Refused, (await _db.Ledger.DecideAsync(add)).Fault);
        Assert.Equal(DecisionFault.Refused, (await _db.Ledger.DecideAsync(add with { DryRun = true })).Fault);

        var remove = Request(DecisionAction.AllowRemove) with { AllowId = answer.AllowId };
        Assert.Equal((5, 3), await _db.DecideAsync(remove with { DryRun = true }) is var would ? (would.DeviationsChanged, would.RunsAffected) : default);
        var undone = await _db.DecideAsync(remove);
        Assert.Equal((true, 5, 3), (undone.Changed, undone.DeviationsChanged, undone.RunsAffected));
        Assert.Equal(7, _db.Number("SELECT count(*) FROM deviations"));
        Assert.Equal("0|", _db.Text($"SELECT is_baseline, baseline_by FROM runs WHERE id = '{runs[2]}'"));
        Assert.Equal(DecisionFault.NotFound, (await _db.Ledger.DecideAsync(remove)).Fault);
        Assert.Equal("allow.add\nallow.remove", _db.Text("SELECT action FROM audit_log ORDER BY id"));
    }

    [Fact]
    public async Task An_entry_of_the_configuration_file_is_not_removed_by_hand()
    {
        _db.Execute("INSERT INTO allowlists (id, scope, kind, value, created_at) VALUES ('cfg0123456789ab', 'global', 'dns', 'a.example', '2026-01-02T03:04:05.000000000Z')");
        var outcome = await _db.Ledger.DecideAsync(Request(DecisionAction.AllowRemove) with { AllowId = "cfg0123456789ab" });
        Assert.Equal(DecisionFault.Refused, outcome.Fault);
        Assert.Contains("configuration file", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_entry_for_one_package_leaves_others_alone_and_one_that_has_expired_hides_nothing()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        await _db.JudgedAsync("right-thing", Did.Exec(Node));
        foreach (var package in new[] { "left-thing", "right-thing" }) await _db.JudgedAsync(package, Did.Exec(Node), Did.Tls("x.example"));
        var expired = Request(DecisionAction.AllowAdd) with { Allow = new AllowRequest { Kind = "sni", Value = "x.example", ExpiresAt = "2020-01-01T00:00:00Z" } };
        Assert.Equal(0, (await _db.DecideAsync(expired)).DeviationsChanged);
        var scoped = Request(DecisionAction.AllowAdd) with { Allow = new AllowRequest { Kind = "sni", Value = "x.example", Package = "left-thing" } };
        Assert.Equal((1, 1, "left-thing"), await _db.DecideAsync(scoped) is var answer ? (answer.DeviationsChanged, answer.RunsAffected, answer.Package) : default);
        Assert.Equal("right-thing", _db.Text("SELECT r.package_name FROM deviations d JOIN runs r ON r.id = d.run_id"));
    }

    [Fact]
    public async Task A_baseline_of_upstream_is_brought_into_our_form_before_anything_is_compared_with_it()
    {
        var old = new string('a', 32);
        _db.Execute($"""
            INSERT INTO runs (id, package_name, version, state, is_baseline, baseline_by, analyzed_at, started_at) VALUES ('{old}', 'left-thing', '1.0.0', 'done', TRUE, 'auto', '2026-01-02T03:04:05.000000000Z', '2026-01-02T03:04:05.000000000Z');
            INSERT INTO baseline_runs VALUES ('left-thing', '{old}');
            INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count) VALUES
              ('left-thing', 'proc_new_exec', '{Node}', '{old}', '{old}', 9),
              ('left-thing', 'fs_new_path_read', '/work/node_modules/left-thing/index.js', '{old}', '{old}', 2),
              ('left-thing', 'fs_new_path_read', '/work/node_modules/left-thing/package.json', '{old}', '{old}', 3),
              ('left-thing', 'net_new_destination', '2001:db8::1:443', '{old}', '{old}', 1),
              ('left-thing', 'net_new_destination', '192.0.2.1:443', '{old}', '{old}', 1);
            """);
        var run = await _db.JudgedAsync("left-thing",
            Did.Exec(Node), Did.Read("/work/node_modules/left-thing/lib/new.js"), Did.Connect("2001:db8::1", 443), Did.Connect("192.0.2.1", 443), Did.Tls("exfil.example"));
        Assert.Equal("exfil.example", _db.Text($"SELECT value FROM deviations WHERE run_id = '{run}'"));
        Assert.Equal("/work/node_modules/left-thing/**|6\n192.0.2.1:443|2\n[2001:db8::1]:443|2\n/usr/bin/node|10", _db.Text("SELECT value, occurrence_count FROM baseline_fingerprints ORDER BY category, value"));
        Assert.Equal(1, _db.Number("SELECT count(DISTINCT rules_version) FROM baseline_fingerprints"));
    }

    [Fact]
    public async Task Deviations_of_an_upstream_run_stay_until_its_events_are_read_again()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var old = RunId.New(TimeProvider.System);
        _db.Execute($$"""
            INSERT INTO runs (id, package_name, version, state, analyzed_at, started_at) VALUES ('{{old}}', 'left-thing', '1.0.0', 'done', '2026-01-02T03:04:05.000000000Z', '2026-01-02T03:04:05.000000000Z');
            INSERT INTO events (id, run_id, ts_ns, type, data) VALUES (900, '{{old}}', 1, 'exec', '{"BinaryPathStr":"{{Node}}"}'), (901, '{{old}}', 2, 'tls_sni', '{"SNI":"a.example"}'), (902, '{{old}}', 2, 'tls_sni', '{"SNI":"b.example"}');
            INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES ('d1', '{{old}}', 'net_new_https_host', 'a.example', 901, 'warn', '2026-01-02T03:04:05.000000000Z');
            """);
        await _db.Ledger.AnalyseAsync(old);
        Assert.Equal("d1|open", _db.Text($"SELECT id, status FROM deviations WHERE run_id = '{old}'"));
        Assert.Equal(2, (await _db.DecideAsync(Request(DecisionAction.Reanalyze) with { RunId = old.ToString() })).DeviationsOpen);
        Assert.Equal("a.example|1\nb.example|0", _db.Text($"SELECT value, id = 'd1' FROM deviations WHERE run_id = '{old}' ORDER BY 1"));
    }

    [Fact]
    public async Task Several_first_runs_agree_over_a_restart()
    {
        await using var db = new LedgerFixture(new CoreSettings { Analysis = new AnalysisSettings { MinRuns = 2 } }, backend);
        var first = await db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("once.example"));
        Assert.Equal(0, db.Number("SELECT count(*) FROM baseline_fingerprints"));
        await db.ReopenAsync();
        var second = await db.JudgedAsync("left-thing", Did.Exec(Node));
        Assert.Equal($"{Node}|{first}|{second}|2", db.Text("SELECT value, first_seen_run_id, last_seen_run_id, occurrence_count FROM baseline_fingerprints"));
        Assert.Equal($"{first}|once.example|open", db.Text("SELECT run_id, value, status FROM deviations"));
        Assert.Equal("0|\n1|auto", db.Text("SELECT is_baseline, baseline_by FROM runs ORDER BY id"));
        Assert.Equal(2, db.Number("SELECT count(*) FROM baseline_runs"));
    }

    [Fact]
    public async Task Settings_are_kept_for_those_who_give_none_and_a_change_judges_again_what_waits()
    {
        await using var db = new LedgerFixture(new CoreSettings { Analysis = new AnalysisSettings { MinRuns = 3, CdnExtra = ["192.0.2.0/24"] } });
        var first = await db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("once.example"));
        await db.JudgedAsync("left-thing", Did.Exec(Node));
        await db.ReopenAsync(new CoreSettings());
        Assert.Equal((3, true, "192.0.2.0/24", 0), (db.Store.Upkeep.Analysis.MinRuns, db.Store.Upkeep.Analysis.CdnEnabled, db.Store.Upkeep.Analysis.CdnExtra.Single(), db.Store.Upkeep.RunsDue));
        await db.ReopenAsync(new CoreSettings { Analysis = new AnalysisSettings { MinRuns = 3, CdnExtra = ["192.0.2.0/24"] } });
        Assert.Equal(0, db.Store.Upkeep.RunsDue);
        Assert.Equal(0, db.Number("SELECT count(*) FROM baseline_fingerprints"));
        await db.ReopenAsync(new CoreSettings { Analysis = new AnalysisSettings { MinRuns = 2 } });
        Assert.Equal(2, db.Store.Upkeep.RunsDue);
        foreach (var due in await db.Ledger.DueAsync(default, 10)) await db.Ledger.AnalyseAsync(due.RunId);
        Assert.Equal(Node, db.Text("SELECT value FROM baseline_fingerprints"));
        Assert.Equal($"{first}|once.example|open", db.Text("SELECT run_id, value, status FROM deviations"));
    }

    [Fact]
    public async Task Hostile_values_go_through_analysis_and_decisions_as_they_are()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        string[] values = ["/" + new string('z', 4095), "/tmp/\u001b[2J\u001b]0;owned\u0007", "/\u202egnp.exe", "/a'; DROP TABLE runs; --", "/nul\0inside", "/\ufffd\u2400", "/line\nbreak", "/%_"];
        var run = await _db.JudgedAsync("left-thing", [Did.Exec(Node), .. values.Select(value => Did.Read(value))]);
        var stored = _db.Rows($"SELECT value FROM deviations WHERE run_id = '{run}'");
        Assert.Equal(values.Select(value => value.Replace('\0', '\u2400').Replace('\n', '\u240a')).Order(StringComparer.Ordinal), stored.Order(StringComparer.Ordinal));
        foreach (var id in _db.Rows($"SELECT id FROM deviations WHERE run_id = '{run}'").Take(7))
            await _db.DecideAsync(Request(DecisionAction.Accept) with { DeviationId = id, Note = "\0\u001b[31mred" });
        Assert.Equal(0, (await _db.PromoteAsync(run)).DeviationsOpen);
        Assert.All(_db.Rows("SELECT detail FROM audit_log"), detail => System.Text.Json.JsonDocument.Parse(detail).Dispose());
        Assert.All(_db.Rows("SELECT note FROM deviations"), note => Assert.DoesNotContain("\0", note, StringComparison.Ordinal));
        Assert.Equal(1 + values.Length, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
    }

    [Fact]
    public async Task A_hundred_thousand_hosts_are_two_hundred_rows_and_one_and_can_be_promoted()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.QueuedAsync("left-thing");
        for (var batch = 0; batch < 100; batch++)
            await _db.AppendAsync(run, (ulong)batch + 1, [.. Enumerable.Range(batch * 1000, 1000).Select(i => Did.Lookup($"h{i}.example")), Did.Exec(Node)]);
        await _db.EndAsync(run, 100_100);
        Assert.Equal(201, (await _db.Ledger.AnalyseAsync(run))!.Open);
        Assert.Equal("+99800 more|1", _db.Text("SELECT value, count(*) FROM deviations WHERE is_summary GROUP BY value"));
        Assert.Equal(100_001, (await _db.PromoteAsync(run)).FingerprintsMerged);
        Assert.Equal(100_001, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
        Assert.Equal(0, (await _db.Ledger.AnalyseAsync(run))!.Open);
    }

    [Theory]
    [InlineData(DecisionAction.Promote, "run_id")]
    [InlineData(DecisionAction.Demote, "run_id")]
    [InlineData(DecisionAction.Reanalyze, "run_id")]
    [InlineData(DecisionAction.Accept, "deviation_id")]
    [InlineData(DecisionAction.Reject, "deviation_id")]
    [InlineData(DecisionAction.AllowRemove, "allow_id")]
    [InlineData(DecisionAction.AllowAdd, "allow")]
    [InlineData("approve", "action")]
    [InlineData(null, "action")]
    public async Task A_request_that_lacks_something_is_refused_with_the_name_of_the_field(string? action, string field)
    {
        var outcome = await _db.Ledger.DecideAsync(new DecisionRequest { Action = action, By = "op" });
        Assert.Equal(DecisionFault.Invalid, outcome.Fault);
        Assert.StartsWith($"field \"{field}\": ", outcome.Reason, StringComparison.Ordinal);
    }

    private static DecisionRequest Request(string action) => new() { Action = action, By = "op" };

    private string Deviation(RunId run, string value) => _db.Text($"SELECT id FROM deviations WHERE run_id = '{run}' AND value = '{value}'");

    // All that analyses and decisions write.
    private string Everything() => string.Join('\n', new[] { "runs", "baseline_fingerprints", "baseline_runs", "deviations", "run_history", "audit_log" }
        .SelectMany(table => _db.Rows($"SELECT {(table == "runs" ? "id, state, is_baseline, baseline_by, conclusive" : "*")} FROM {table}")));
}

public sealed class SqlitePackageLedgerSpecs() : PackageLedgerSpecs(Backend.Sqlite);

public sealed class PostgresPackageLedgerSpecs() : PackageLedgerSpecs(Backend.Postgres);
