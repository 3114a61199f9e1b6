using Fangs.Actors.Configuration;
using Fangs.Actors.Storage;
using Fangs.Tests.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Configuration;

/// <summary>The allow list holds what the configuration file holds, and what operators have added.</summary>
public sealed class AllowListReconcilerSpecs : IDisposable
{
    private const string Select = "SELECT id, scope, kind, value, note FROM allowlists ORDER BY id";
    private const string Lab = "cidrs: [{ value: 192.0.2.0/24, note: lab }]";
    private const string LabId = "cfge1d6a348b3f8";

    private readonly UpstreamDatabase _database = new(isEmpty: true);
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 2, 3, 4, 5, 6, TimeSpan.Zero));

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task Entries_of_the_file_are_written_once_and_audited()
    {
        var outcome = await ReconcileAsync($"{Lab}, snis: [{{ value: metrics.example }}]");
        Assert.Equal((2, 0, 0, 0), Counts(outcome));
        Assert.Equal(["cfg9c453517adf3|global|sni|metrics.example|", $"{LabId}|global|cidr|192.0.2.0/24|lab"], _database.Rows(Select));
        Assert.Equal(["2026-02-03T04:05:06.000000000Z|configuration"], _database.Rows("SELECT DISTINCT created_at, created_by FROM allowlists"));
        Assert.Equal(
            [
                """2026-02-03T04:05:06.000000000Z|configuration|allow.add|cfg9c453517adf3|{"kind":"sni","value":"metrics.example","note":""}""",
                $$"""2026-02-03T04:05:06.000000000Z|configuration|allow.add|{{LabId}}|{"kind":"cidr","value":"192.0.2.0/24","note":"lab"}""",
            ],
            _database.Rows("SELECT at, actor, action, subject, detail FROM audit_log ORDER BY subject"));
        Assert.Equal((0, 0, 0, 0), Counts(await ReconcileAsync($"{Lab}, snis: [{{ value: metrics.example }}]")));
        Assert.Equal(["2"], _database.Rows("SELECT count(*) FROM audit_log"));
    }

    [Fact]
    public async Task Changed_notes_are_updated_and_the_entry_keeps_its_age()
    {
        await ReconcileAsync(Lab);
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal((0, 1, 0, 0), Counts(await ReconcileAsync("cidrs: [{ value: 192.0.2.99/24, note: other }]")));
        Assert.Equal([$"{LabId}|other|2026-02-03T04:05:06.000000000Z"], _database.Rows("SELECT id, note, created_at FROM allowlists"));
        Assert.Equal(["""2026-02-04T04:05:06.000000000Z|allow.note"""], _database.Rows("SELECT at, action FROM audit_log ORDER BY id DESC LIMIT 1"));
    }

    [Fact]
    public async Task What_is_not_in_the_file_any_more_is_deleted_and_what_operators_made_stays()
    {
        await ReconcileAsync(Lab);
        Operator("0123456789abcdef", "global", "NULL", "path", "/opt/cache");
        Operator("fedcba9876543210", "package", "'left-thing'", "cidr", "192.0.2.0/24");
        Assert.Equal((0, 0, 1, 0), Counts(await ReconcileAsync("")));
        Assert.Equal(["0123456789abcdef|global|path|/opt/cache|mine", "fedcba9876543210|package|cidr|192.0.2.0/24|mine"], _database.Rows(Select));
        Assert.Equal([$"allow.remove|{LabId}"], _database.Rows("SELECT action, subject FROM audit_log ORDER BY id DESC LIMIT 1"));
    }

    [Theory]
    [InlineData("NULL", false)]
    [InlineData("'2026-02-03T04:05:06.000000100Z'", false)]
    [InlineData("'2026-02-03T04:05:06.000000000Z'", true)]
    public async Task An_entry_that_an_operator_has_made_stays_and_is_named(string expires, bool isExpired)
    {
        await ReconcileAsync("");
        Operator("0123456789abcdef", "global", "NULL", "cidr", "192.0.2.0/24", expires);
        var outcome = await ReconcileAsync(Lab);
        Assert.Equal([new AllowListConflict("cidr", "192.0.2.0/24", "0123456789abcdef", isExpired)], outcome!.Conflicts);
        Assert.Equal(["0123456789abcdef|global|cidr|192.0.2.0/24|mine"], _database.Rows(Select));
        // Once the operator has removed his, the file's comes.
        _database.Execute("DELETE FROM allowlists");
        Assert.Equal((1, 0, 0, 0), Counts(await ReconcileAsync(Lab)));
    }

    [Fact]
    public async Task The_same_value_for_one_package_is_another_entry()
    {
        await ReconcileAsync("");
        Operator("0123456789abcdef", "package", "'left-thing'", "cidr", "192.0.2.0/24");
        Assert.Equal((1, 0, 0, 0), Counts(await ReconcileAsync(Lab)));
    }

    [Fact]
    public async Task Without_a_configuration_nothing_is_touched()
    {
        await ReconcileAsync(Lab);
        Assert.Null((await _database.OpenAndCloseAsync(clock: _clock)).AllowList);
        Assert.Single(_database.Rows(Select));
    }

    [Fact]
    public async Task A_crash_between_two_statements_leaves_the_old_list()
    {
        await ReconcileAsync(Lab);
        _database.Execute("CREATE TRIGGER stop BEFORE INSERT ON allowlists WHEN new.value = 'b.example' BEGIN SELECT RAISE(ABORT, 'no'); END");
        var before = _database.Rows(Select);
        await Assert.ThrowsAsync<StorageUnusableException>(() => ReconcileAsync("dns: [{ value: a.example }, { value: b.example }]"));
        Assert.Equal(before, _database.Rows(Select));
        Assert.Equal(["1"], _database.Rows("SELECT count(*) FROM audit_log"));
        _database.Execute("DROP TRIGGER stop");
        Assert.Equal((2, 0, 1, 0), Counts(await ReconcileAsync("dns: [{ value: a.example }, { value: b.example }]")));
    }

    [Fact]
    public async Task Entries_that_the_original_made_of_its_file_are_taken_over()
    {
        using var upstream = new UpstreamDatabase();
        var same = await upstream.OpenAndCloseAsync(Entries("cidrs: [{ value: 192.0.2.0/24, note: lab network }]"), _clock);
        Assert.Equal((0, 0, 0, 0), Counts(same.AllowList));
        var other = await upstream.OpenAndCloseAsync(Entries("cidrs: [{ value: 198.51.100.0/24 }]"), _clock);
        Assert.Equal((1, 0, 1, 0), Counts(other.AllowList));
        Assert.Equal(["198.51.100.0/24"], upstream.Rows("SELECT value FROM allowlists WHERE id LIKE 'cfg%'"));
    }

    [Fact]
    public async Task Runs_that_wait_for_what_an_entry_is_about_are_judged_again_and_others_are_not()
    {
        await ReconcileAsync("");
        Waiting("1", "net_new_https_host", "metrics.example", isCredential: false);
        Waiting("2", "fs_new_path_read", "/opt/cache/key", isCredential: false);
        Waiting("3", "fs_new_path_read", "/opt/cache/key", isCredential: true);
        Waiting("4", "net_new_destination", "192.0.2.9:443", isCredential: false);

        Assert.Equal(2, (await ReconcileAsync("snis: [{ value: metrics.example }], paths: [{ value: /opt/cache }]"))!.RunsDue);
        Assert.Equal(["1", "2"], Due());
        Assert.Equal(
            ["1|allow list|entry cfg9c453517adf3 hides 1 deviations", "2|allow list|entry cfg7215f67658ad hides 1 deviations"],
            _database.Rows("SELECT ltrim(run_id, '0'), what, detail FROM run_history ORDER BY 1"));

        // The start judges them; what waited does not wait any more.
        _database.Execute("UPDATE runs SET analyzed_at = '2026-02-03T04:05:07.000000000Z'; DELETE FROM deviations WHERE run_id LIKE '%1' OR run_id LIKE '%2'");
        Assert.Equal(1, (await ReconcileAsync("snis: [{ value: metrics.example }]"))!.RunsDue);
        Assert.Equal(["2"], Due());
        Assert.Equal(0, (await ReconcileAsync("snis: [{ value: metrics.example, note: why }]"))!.RunsDue);

        IReadOnlyList<string> Due() => _database.Rows("SELECT ltrim(id, '0') FROM runs WHERE analyzed_at IS NULL ORDER BY id");
    }

    private void Waiting(string digit, string category, string value, bool isCredential)
    {
        var run = digit.PadLeft(32, '0');
        _database.Execute($"""
            INSERT INTO runs (id, package_name, state, conclusive, analyzed_at) VALUES ('{run}', 'left-thing', 'done', 1, '2026-02-03T04:05:06.000000000Z');
            INSERT INTO events (run_id, ts_ns, type, data) VALUES ('{run}', 1, 'exec', '{"{}"}');
            INSERT INTO run_fingerprints (run_id, category, value, count, first_event_id, first_ktime_ns, tags)
              VALUES ('{run}', '{category}', '{value}', 1, last_insert_rowid(), 1, {(isCredential ? 2 : 0)});
            INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at, credential)
              SELECT '{run}', '{run}', '{category}', '{value}', max(id), 'warn', '2026-02-03T04:05:06.000000000Z', {(isCredential ? 1 : 0)} FROM events;
            """);
    }

    private async Task<AllowListOutcome?> ReconcileAsync(string allow) => (await _database.OpenAndCloseAsync(Entries(allow), _clock)).AllowList;

    private static IReadOnlyList<ConfiguredAllowEntry> Entries(string allow)
    {
        var result = ConfigurationParser.Parse($"allow: {{ {allow} }}");
        Assert.Empty(result.Errors);
        return result.Settings.Allow;
    }

    private static (int, int, int, int) Counts(AllowListOutcome? outcome) => (outcome!.Added, outcome.Changed, outcome.Removed, outcome.Conflicts.Count);

    private void Operator(string id, string scope, string package, string kind, string value, string expires = "NULL") => _database.Execute(
        $"INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, expires_at, created_by)"
        + $" VALUES ('{id}', '{scope}', {package}, '{kind}', '{value}', 'mine', '2026-01-01T00:00:00.000000000Z', {expires}, 'alice')");
}
