using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;

namespace Fangs.Tests.Cli;

/// <summary>Decisions that this process carries out itself, because no orchestrator has the database open.</summary>
public sealed class OperatorDecisionSpecs : IDisposable
{
    private const string Noise = "d2000000000000000000000000000005";
    private readonly CliFixture _cli = new();

    public OperatorDecisionSpecs()
    {
        _cli.WithMigratedSchema();
        foreach (var sql in Seeds.All()) _cli.Execute(sql);
        _cli.Execute(VerdictSeeds.All());
        _cli.Execute(
            $"DELETE FROM deviations WHERE id = '{VerdictSeeds.Unproven}';"
            + $"UPDATE deviations SET status = 'open', decided_by = '', decided_at = NULL, note = '' WHERE id = '{VerdictSeeds.HostNamed}';"
            + "DELETE FROM allowlists WHERE kind = 'sni';"
            + "INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES "
            + $"('{Noise}', '{Seeds.Thief}', 'net_new_https_host', 'metrics.example', 12, 'warn', '2026-01-02T03:04:09.000000000Z'),"
            + $"('d4000000000000000000000000000007', '{Seeds.Thief}', 'proc_new_exec', '/bin/sh', 3, 'warn', '2026-01-02T03:04:09.000000000Z');"
            + $"INSERT INTO baseline_runs VALUES ('left-thing', '{VerdictSeeds.First}');"
            + "INSERT INTO baseline_fingerprints VALUES ('left-thing', 'net_new_dns', 'registry.example', "
            + $"'{VerdictSeeds.First}', '{VerdictSeeds.First}', 1, 1);");
        _cli.Set("USER", "ben");
    }

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_run_is_promoted_and_demoted_again()
    {
        var promoted = await _cli.RunAsync("baseline", "promote", "019ac0aa", "-note", "reviewed");
        Assert.Equal((0, ""), (promoted.ExitCode, promoted.Error));
        Assert.Equal($"Run       {Seeds.Thief}\nPackage   left-thing\nBaseline  6 values merged, 4 deviations accepted\n", promoted.Out);
        Assert.Equal("1 manual", _cli.Scalar($"SELECT is_baseline || ' ' || baseline_by FROM runs WHERE id = '{Seeds.Thief}'"));
        Assert.Equal("4", _cli.Scalar("SELECT COUNT(*) FROM deviations WHERE status = 'accepted' AND decided_by = 'ben' AND note = 'reviewed'"));
        Assert.Equal("ben baseline.promote", _cli.Scalar("SELECT actor || ' ' || action FROM audit_log"));
        Assert.Contains("nothing had to be changed", (await _cli.RunAsync("baseline", "promote", "019ac0aa")).Out);

        var demoted = await _cli.RunAsync("baseline", "demote", "019ac0aa", "-json");
        Assert.Equal((0, ""), (demoted.ExitCode, demoted.Error));
        var answer = JsonDocument.Parse(demoted.Out).RootElement;
        Assert.Equal((Seeds.Thief, "left-thing", 4, true, 4), (
            answer.GetProperty("run_id").GetString(), answer.GetProperty("package").GetString(), answer.GetProperty("fingerprints_removed").GetInt32(),
            answer.GetProperty("demoted").GetBoolean(), answer.GetProperty("deviations_open").GetInt32()));
        Assert.Equal("", _cli.Scalar("SELECT value FROM baseline_fingerprints WHERE value = 'evil.example'"));
    }

    [Fact]
    public async Task Promoting_has_the_fields_of_upstream_in_JSON()
    {
        var answer = JsonDocument.Parse((await _cli.RunAsync("-json", "baseline", "promote", "019ac0aa")).Out).RootElement;
        Assert.Equal((Seeds.Thief, "left-thing", 6, true), (
            answer.GetProperty("run_id").GetString(), answer.GetProperty("package").GetString(), answer.GetProperty("fingerprints_merged").GetInt32(),
            answer.GetProperty("promoted").GetBoolean()));
    }

    [Fact]
    public async Task A_failed_run_is_promoted_with_force_only()
    {
        var refused = await _cli.RunAsync("baseline", "promote", "019ac0bb");
        Assert.Equal((1, ""), (refused.ExitCode, refused.Out));
        Assert.Contains("force", refused.Error);
        Assert.Equal(0, (await _cli.RunAsync("baseline", "promote", "019ac0bb", "-force")).ExitCode);
    }

    [Fact]
    public async Task Deviations_are_accepted_and_rejected_one_by_one()
    {
        var accepted = await _cli.RunAsync("deviation", "accept", VerdictSeeds.HostNamed, "-note", "ours");
        Assert.Equal((0, ""), (accepted.ExitCode, accepted.Error));
        Assert.Equal($"Deviation  {VerdictSeeds.HostNamed}\nPackage    left-thing\nStatus     accepted\nRun        {Seeds.Thief}, 3 deviations open\n", accepted.Out);
        Assert.Equal("1", _cli.Scalar("SELECT COUNT(*) FROM baseline_fingerprints WHERE value = 'evil.example'"));
        Assert.Contains("accepted, as it was before", (await _cli.RunAsync("deviation", "accept", VerdictSeeds.HostNamed)).Out);

        var rejected = JsonDocument.Parse((await _cli.RunAsync("-json", "deviation", "reject", VerdictSeeds.HostNamed)).Out).RootElement;
        Assert.Equal(("rejected", true, 3), (
            rejected.GetProperty("status").GetString(), rejected.GetProperty("changed").GetBoolean(), rejected.GetProperty("deviations_open").GetInt32()));
        Assert.Equal("0", _cli.Scalar("SELECT COUNT(*) FROM baseline_fingerprints WHERE value = 'evil.example'"));
    }

    [Fact]
    public async Task An_entry_hides_what_waits_and_shows_it_again_when_it_goes()
    {
        string[] add = ["allow", "add", "-kind", "sni", "-value", "Metrics.Example.", "-package", "left-thing", "-expires", "720h"];
        var before = _cli.Scalar("SELECT COUNT(*) FROM allowlists");
        var preview = await _cli.RunAsync([.. add, "-dry-run"]);
        Assert.Equal((0, ""), (preview.ExitCode, preview.Error));
        Assert.Matches("^Would allow sni metrics\\.example for left-thing until .*Z: would hide 1 deviation in 1 run\\.\n$", preview.Out);
        Assert.Equal(before, _cli.Scalar("SELECT COUNT(*) FROM allowlists"));

        var answer = JsonDocument.Parse((await _cli.RunAsync([.. add, "-json", "-note", "vendor"])).Out).RootElement;
        var id = answer.GetProperty("id").GetString()!;
        Assert.Equal(("package", "left-thing", "sni", "metrics.example", true, false, 1, 1), (
            answer.GetProperty("scope").GetString(), answer.GetProperty("package").GetString(), answer.GetProperty("kind").GetString(),
            answer.GetProperty("value").GetString(), answer.GetProperty("added").GetBoolean(), answer.GetProperty("dry_run").GetBoolean(),
            answer.GetProperty("deviations_hidden").GetInt32(), answer.GetProperty("runs_affected").GetInt32()));
        Assert.Equal("ben vendor", _cli.Scalar($"SELECT created_by || ' ' || note FROM allowlists WHERE id = '{id}'"));
        Assert.Equal("0", _cli.Scalar($"SELECT COUNT(*) FROM deviations WHERE id = '{Noise}'"));

        var twice = await _cli.RunAsync(add);
        Assert.Equal(1, twice.ExitCode);
        Assert.Contains(id, twice.Error);

        var removed = await _cli.RunAsync("allow", "rm", id[..8]);
        Assert.Equal((0, $"Removed {id}: shows 1 deviation in 1 run again.\n"), (removed.ExitCode, removed.Out));
        Assert.Equal("1", _cli.Scalar("SELECT COUNT(*) FROM deviations WHERE value = 'metrics.example'"));
    }

    [Fact]
    public async Task Kind_and_value_are_taken_from_a_deviation()
    {
        var preview = await _cli.RunAsync("allow", "add", "-from", Noise, "-dry-run");
        Assert.Equal((0, "Would allow sni metrics.example for every package: would hide 1 deviation in 1 run.\n"), (preview.ExitCode, preview.Out));
    }

    [Theory]
    [InlineData("net_new_destination", "192.0.2.7:443", "cidr 192.0.2.7/32")]
    [InlineData("net_new_destination", "[2001:db8::1]:443", "cidr 2001:db8::1/128")]
    [InlineData("net_new_destination", "2001:db8::1:443", "cidr 2001:db8::1/128")]
    [InlineData("net_new_dns", "metrics.example", "dns metrics.example")]
    [InlineData("net_new_https_host", "metrics.example", "sni metrics.example")]
    [InlineData("fs_new_path_read", "/opt/cache/x", "path /opt/cache/x")]
    [InlineData("fs_new_path_write", "/proc/<PID>/maps", "path /proc/<PID>/maps")]
    public async Task Each_category_has_its_kind(string category, string value, string expected)
    {
        _cli.Execute($"UPDATE deviations SET category = '{category}', value = '{value}' WHERE id = '{Noise}'");
        Assert.StartsWith($"Would allow {expected} for every package", (await _cli.RunAsync("allow", "add", "-from", Noise, "-dry-run")).Out);
    }

    [Theory]
    [InlineData("proc_new_exec", "/bin/sh", 0, 0, "no kind of entry")]
    [InlineData("fs_new_path_read", "<DFD>/../x", 0, 0, "relative path")]
    [InlineData("fs_new_path_read", "/etc/shadow", 1, 0, "credentials")]
    [InlineData("fs_new_path_read", "+7 more", 0, 1, "several values")]
    [InlineData("net_new_destination", "nonsense", 0, 0, "no kind of entry")]
    [InlineData("net_new_https_host", "*.com", 0, 0, "top-level domain")]
    public async Task What_cannot_be_allowed_says_why(string category, string value, int credential, int summary, string reason)
    {
        _cli.Execute($"UPDATE deviations SET category = '{category}', value = '{value}', credential = {credential}, is_summary = {summary} WHERE id = '{Noise}'");
        var result = await _cli.RunAsync("allow", "add", "-from", Noise);
        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.Contains(reason, result.Error);
    }

    [Theory]
    [InlineData("allow add -kind sni", 2)]
    [InlineData("allow add -value x.example", 2)]
    [InlineData("allow add -kind sni -value x.example -from " + Noise, 2)]
    [InlineData("allow add -kind odd -value x.example", 2)]
    [InlineData("allow add -kind path -value /", 2)]
    [InlineData("allow add -kind cidr -value 0.0.0.0/0", 2)]
    [InlineData("allow add -kind sni -value x.example -expires 0", 2)]
    [InlineData("allow add -kind sni -value x.example -package Upper", 2)]
    [InlineData("allow add -from d2", 2)]
    [InlineData("allow add -from d2ff", 3)]
    [InlineData("allow remove a1b", 2)]
    [InlineData("allow remove ffff", 3)]
    [InlineData("allow remove a1b2_", 3)]
    [InlineData("allow remove cfg0123", 1)]
    [InlineData("baseline promote 019", 2)]
    [InlineData("baseline promote 019a", 4)]
    [InlineData("baseline promote ffff", 3)]
    [InlineData("baseline demote ffff", 3)]
    [InlineData("deviation accept d00", 2)]
    [InlineData("deviation accept d000", 4)]
    [InlineData("deviation reject ffff", 3)]
    [InlineData("run reanalyze ffff", 3)]
    public async Task What_cannot_be_carried_out_changes_nothing(string command, int code)
    {
        var result = await _cli.RunAsync(command.Split(' '));
        Assert.Equal((code, ""), (result.ExitCode, result.Out));
        Assert.StartsWith("fangs: ", result.Error);
        Assert.Equal("0", _cli.Scalar("SELECT COUNT(*) FROM audit_log"));
    }

    [Fact]
    public async Task An_entry_of_the_configuration_file_is_named_by_its_prefix()
    {
        _cli.Execute("INSERT INTO allowlists (id, scope, kind, value, created_at) VALUES ('cf0000000000aaaa', 'global', 'sni', 'y.example', 'x')");
        Assert.Contains("configuration file", (await _cli.RunAsync("allow", "rm", "cfg0")).Error);
        Assert.Equal(0, (await _cli.RunAsync("allow", "rm", "cf00")).ExitCode);
    }

    [Fact]
    public async Task A_run_is_judged_again_from_its_events()
    {
        _cli.Execute("DELETE FROM deviations WHERE value = '/bin/sh'; INSERT INTO events (id, run_id, ts_ns, type, data) SELECT 13, run_id, ts_ns, type, data FROM events WHERE id = 12;");
        var result = await _cli.RunAsync("run", "reanalyze", "019ac0aa");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.StartsWith($"Run         {Seeds.Thief}\nPackage     left-thing\nDeviations  ", result.Out);
        Assert.Equal("1", _cli.Scalar("SELECT COUNT(*) FROM deviations WHERE value = '/bin/sh'"));
        Assert.Equal("d0000000000000000000000000000001", _cli.Scalar("SELECT id FROM deviations WHERE value = '/home/node/.ssh/id_rsa'"));
    }

    [Fact]
    public async Task The_person_behind_sudo_is_named()
    {
        _cli.Set("SUDO_USER", "ann");
        await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead);
        Assert.Equal("ann", _cli.Scalar("SELECT actor FROM audit_log"));
    }

    [Fact]
    public async Task A_database_that_upstream_made_is_neither_migrated_nor_changed()
    {
        using var old = new CliFixture().WithSchema(upstream: true).Execute(Seeds.Run(Seeds.Thief, "left-thing", "1.0.0", "done", 0));
        var result = await old.RunAsync("baseline", "promote", "019ac0");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("has schema version 0004_allowlists", result.Error);
        Assert.Equal("4", old.Scalar("SELECT COUNT(*) FROM schema_migrations"));
    }

    [Fact]
    public async Task A_missing_database_is_not_made()
    {
        using var none = new CliFixture();
        Assert.Contains("no database at", (await none.RunAsync("deviation", "accept", "d0000000")).Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(none.Folder));
    }

    [Fact]
    public async Task While_an_orchestrator_has_the_database_open_it_decides()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(
            200, $$"""{"action":"deviation.accept","changed":true,"run_id":"{{Seeds.Thief}}","package":"left-thing","deviation_id":"{{Noise}}","deviations_open":2}""");
        using var held = SqliteDatabase.OpenExclusive(_cli.Database);
        OrchestratorFile.Write(_cli.Database, new Uri(orchestrator.Address));
        var result = await _cli.RunAsync("deviation", "accept", "d200", "-note", "ours");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.EndsWith("2 deviations open\n", result.Out);
        Assert.Equal(
            $$"""POST /v1/operator/decisions {"action":"deviation.accept","by":"ben","note":"ours","deviation_id":"{{Noise}}"}""", Assert.Single(orchestrator.Requests));
        Assert.Equal("open", _cli.Scalar($"SELECT status FROM deviations WHERE id = '{Noise}'"));
    }

    [Fact]
    public async Task A_named_orchestrator_is_asked_whoever_has_the_lock()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(200, "{}");
        Assert.Equal(0, (await _cli.RunAsync("baseline", "promote", "019ac0aa", "-force", "-orchestrator", orchestrator.Address)).ExitCode);
        Assert.Equal($$"""POST /v1/operator/decisions {"action":"baseline.promote","by":"ben","run_id":"{{Seeds.Thief}}","force":true}""", Assert.Single(orchestrator.Requests));
    }

    [Theory]
    [InlineData(400, 2, "field \\u001b")]
    [InlineData(404, 3, "field \\u001b")]
    [InlineData(409, 1, "field \\u001b")]
    [InlineData(503, 1, "the orchestrator answered 503: field \\u001b")]
    public async Task A_refusal_has_its_exit_code_and_its_reason(int status, int code, string message)
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(status, """{"error":"field \u001b[2J"}""");
        var result = await _cli.RunAsync("baseline", "promote", "019ac0aa", "-orchestrator", orchestrator.Address);
        Assert.Equal((code, ""), (result.ExitCode, result.Out));
        Assert.StartsWith("fangs: " + message, result.Error);
    }

    [Fact]
    public async Task A_named_orchestrator_that_is_not_there_is_an_error()
    {
        var gone = await FakeServer.AnsweringAsync(200, "");
        var address = gone.Address;
        await gone.DisposeAsync();
        var result = await _cli.RunAsync("baseline", "promote", "019ac0aa", "-orchestrator", address);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("cannot be reached", result.Error);
    }

    [Fact]
    public async Task An_address_that_was_left_behind_does_no_harm()
    {
        var gone = await FakeServer.AnsweringAsync(200, "");
        OrchestratorFile.Write(_cli.Database, new Uri(gone.Address));
        await gone.DisposeAsync();
        Assert.Equal(0, (await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead)).ExitCode);
        Assert.Equal("rejected", _cli.Scalar($"SELECT status FROM deviations WHERE id = '{VerdictSeeds.KeyRead}'"));
    }

    [Fact]
    public async Task Who_holds_the_lock_for_a_moment_is_waited_for()
    {
        var held = SqliteDatabase.OpenExclusive(_cli.Database);
        // The wait between two tries is when the other one lets go.
        _cli.Clock = new SteppingClock(held.Dispose);
        Assert.Equal(0, (await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead)).ExitCode);
    }

    [Fact]
    public async Task Who_holds_the_lock_and_cannot_be_reached_is_given_up_on()
    {
        using var held = SqliteDatabase.OpenExclusive(_cli.Database);
        var clock = new SteppingClock(() => { });
        _cli.Clock = clock;
        var result = await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("name its address with -orchestrator", result.Error);
    }

    [Fact]
    public async Task Who_may_not_take_the_lock_needs_the_orchestrator()
    {
        // A directory in its place is as little accessible, even for root, as a lock of another user.
        File.Delete(_cli.Database + ".lock");
        Directory.CreateDirectory(_cli.Database + ".lock");
        var alone = await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead);
        Assert.Equal(1, alone.ExitCode);
        Assert.Contains("write access", alone.Error);

        await using var orchestrator = await FakeServer.AnsweringAsync(200, "{}");
        OrchestratorFile.Write(_cli.Database, new Uri(orchestrator.Address));
        Assert.Equal(0, (await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead)).ExitCode);
        Assert.Single(orchestrator.Requests);
    }

    /// <summary>A clock whose every wait is over at once, a second later, after a step of the story has happened.</summary>
    private sealed class SteppingClock(Action step) : TimeProvider
    {
        private long _now = 1;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Read(ref _now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            step();
            Interlocked.Increment(ref _now);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
