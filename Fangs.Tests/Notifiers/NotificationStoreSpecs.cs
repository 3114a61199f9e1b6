using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Notifiers;

/// <summary>What comes into the outbox, and how it leaves it.</summary>
public abstract class NotificationStoreSpecs : IAsyncDisposable
{
    private static readonly AttemptResult Ok = new(AttemptStatus.Sent, 200, "thanks", "");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly LedgerFixture _fixture;

    protected NotificationStoreSpecs(Backend backend) => _fixture = new LedgerFixture(backend: backend, clock: _clock);

    private INotificationStore Store => _fixture.Store.Notifications;

    public async ValueTask DisposeAsync()
    {
        await _fixture.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_run_with_deviations_puts_one_alert_per_enabled_target_into_the_outbox()
    {
        await TargetsAsync(Target("a"), Target("b"), Target("off") with { Enabled = false });
        await BaselineAsync();
        Assert.Equal("0", Outbox("count(*)")); // a baseline is no news
        var run = await DeviantAsync();
        Assert.Equal($"{run}|a|1|0\n{run}|b|1|0", Outbox("run_id, notifier_name, revision, attempt"));
        Assert.Equal("2026-01-02T03:04:05.000000000Z", Outbox("DISTINCT next_attempt_at"));
    }

    [Fact]
    public async Task Deviations_and_their_alerts_are_stored_together_or_not_at_all()
    {
        await TargetsAsync(Target("a"));
        await BaselineAsync();
        _fixture.Execute("ALTER TABLE notification_outbox RENAME TO hidden_outbox");
        var run = await _fixture.EndedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Lookup("evil.example"));
        await Assert.ThrowsAsync<StorageException>(() => _fixture.Ledger.AnalyseAsync(run));
        Assert.Equal("0", _fixture.Text("SELECT count(*) FROM deviations"));
        _fixture.Execute("ALTER TABLE hidden_outbox RENAME TO notification_outbox;");
        await _fixture.Ledger.AnalyseAsync(run);
        Assert.Equal(("1", "1"), (_fixture.Text("SELECT count(*) FROM deviations"), Outbox("count(*)")));
    }

    [Theory]
    [InlineData(null, true, true, true)]
    [InlineData("low", true, true, true)]
    [InlineData("warn", false, true, true)]
    [InlineData("medium", false, true, true)]
    [InlineData("high", false, false, true)]
    [InlineData("critical", false, false, true)]
    public async Task A_minimum_severity_lets_through_what_reaches_it(string? least, bool info, bool warn, bool crit)
    {
        await TargetsAsync(Target("a") with { MinSeverity = least });
        await BaselineAsync();
        foreach (var (did, isTold) in new[] { (Did.Read("/opt/a"), info), (Did.Lookup("evil.example"), warn), (Did.Read("/root/.ssh/id_rsa", tags: 3), crit) })
        {
            await _fixture.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), did);
            Assert.Equal(isTold ? "1" : "0", Outbox("count(*)"));
            _fixture.Execute("DELETE FROM notification_outbox;");
        }
    }

    [Fact]
    public async Task Judging_a_run_again_is_no_second_alert_unless_it_shows_something_new()
    {
        await TargetsAsync(Target("a"));
        await BaselineAsync();
        var run = await DeviantAsync();
        await Store.RecordAsync(Attempt(run, 1, Ok));
        Assert.Equal("0", Outbox("count(*)"));

        await _fixture.Ledger.AnalyseAsync(run);
        await _fixture.DecideAsync(new DecisionRequest { Action = DecisionAction.Reanalyze, By = "op", RunId = run.ToString() });
        Assert.Equal("0", Outbox("count(*)"));

        await _fixture.AppendAsync(run, 2, Did.Lookup("more.example"));
        await _fixture.Ledger.AnalyseAsync(run);
        Assert.Equal($"{run}|2", Outbox("run_id, revision"));
        var delivery = (await Store.LoadAsync(new DeliveryKey(run, "a", 2), _clock.GetUtcNow()))!;
        Assert.Equal(["evil.example", "more.example"], delivery.Alert.Deviations.Select(d => d.Value));
    }

    [Fact]
    public async Task The_newer_alert_of_a_run_takes_the_place_of_one_that_is_still_waiting()
    {
        await TargetsAsync(Target("a"));
        await BaselineAsync();
        var run = await DeviantAsync();
        await Store.RecordAsync(Attempt(run, 1, new(AttemptStatus.Failed, 503, "", "answered 503"), next: TimeSpan.FromSeconds(3)));
        await _fixture.AppendAsync(run, 2, Did.Lookup("more.example"));
        await _fixture.Ledger.AnalyseAsync(run);
        Assert.Equal("2|0", Outbox("revision, attempt"));
        Assert.Null(await Store.LoadAsync(new DeliveryKey(run, "a", 1), _clock.GetUtcNow()));
    }

    [Fact]
    public async Task Every_attempt_is_logged_and_the_first_success_marks_what_it_told_of()
    {
        await TargetsAsync(Target("a"));
        await BaselineAsync();
        var run = await DeviantAsync();
        await Store.RecordAsync(Attempt(run, 1, new(AttemptStatus.Failed, null, "", "no answer within 10 s"), next: TimeSpan.FromSeconds(3)));
        Assert.Equal("1|2026-01-02T03:04:08.000000000Z", Outbox("attempt, next_attempt_at"));
        Assert.Equal("", _fixture.Text("SELECT notified_at FROM deviations"));
        _clock.Advance(TimeSpan.FromSeconds(3));
        await Store.RecordAsync(Attempt(run, 2, Ok));
        await Store.RecordAsync(Attempt(run, 2, Ok)); // as when the answer of the database was lost
        Assert.Equal("0", Outbox("count(*)"));
        Assert.Equal("2026-01-02T03:04:08.000000000Z", _fixture.Text("SELECT notified_at FROM deviations"));
        Assert.Equal(
            "1|failed||2026-01-02T03:04:05.000000000Z|2026-01-02T03:04:08.000000000Z|no answer within 10 s|1\n2|sent|200|2026-01-02T03:04:08.000000000Z||thanks|1",
            _fixture.Text("SELECT attempt, status, response_code, last_attempted_at, next_attempt_at, coalesce(nullif(error_msg, ''), response_body), deviation_count FROM notifications ORDER BY attempt"));
        Assert.All(_fixture.Rows("SELECT id FROM notifications"), id => Assert.Matches("^[0-9a-f]{16}-[12]$", id));
    }

    [Fact]
    public async Task What_has_been_decided_about_is_not_told_any_more()
    {
        await TargetsAsync(Target("a"));
        await BaselineAsync();
        var run = await _fixture.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Lookup("evil.example"), Did.Lookup("other.example"));
        var id = _fixture.Text("SELECT id FROM deviations WHERE value = 'evil.example'");
        await _fixture.DecideAsync(new DecisionRequest { Action = DecisionAction.Reject, By = "op", DeviationId = id });
        Assert.Equal(["other.example"], (await Store.LoadAsync(new DeliveryKey(run, "a", 1), _clock.GetUtcNow()))!.Alert.Deviations.Select(d => d.Value));
    }

    [Fact]
    public async Task A_target_with_much_to_do_does_not_hide_another_and_one_that_is_off_waits()
    {
        await TargetsAsync(Target("a"), Target("b"), Target("c"));
        await BaselineAsync();
        for (var i = 0; i < 5; i++)
        {
            await DeviantAsync();
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        await TargetsAsync(Target("c") with { Enabled = false });
        var view = await Store.LookAsync(_clock.GetUtcNow(), 2);
        Assert.Equal([("a", 2), ("b", 2)], view.Due.GroupBy(d => d.Notifier).Select(g => (g.Key, g.Count())).Order());
        Assert.Equal(["a", "b", "c"], view.Targets);
        Assert.Null(view.Next);
        await Store.RecordAsync(new DeliveryAttempt(view.Due[0], 1, new(AttemptStatus.Failed, 503, "", ""), _clock.GetUtcNow(), _clock.GetUtcNow() + TimeSpan.FromSeconds(9), []));
        Assert.Equal(_clock.GetUtcNow() + TimeSpan.FromSeconds(9), (await Store.LookAsync(_clock.GetUtcNow(), 2)).Next);
        Assert.Null(await Store.LoadAsync(view.Due[0], _clock.GetUtcNow())); // not due any more, whoever still thinks so

        await TargetsAsync(Target("c"));
        Assert.Contains((await Store.LookAsync(_clock.GetUtcNow(), 2)).Due, d => d.Notifier == "c");
    }

    [Fact]
    public async Task A_target_that_is_removed_takes_its_alerts_along_and_an_attempt_under_way_ends_quietly()
    {
        await TargetsAsync(Target("a"));
        await BaselineAsync();
        var run = await DeviantAsync();
        _fixture.Execute("DELETE FROM notifiers;");
        Assert.Equal("0", Outbox("count(*)"));
        await Store.RecordAsync(Attempt(run, 1, Ok));
        Assert.Equal("0", _fixture.Text("SELECT count(*) FROM notifications"));
    }

    [Fact]
    public async Task Targets_of_the_file_are_saved_once_and_others_stay()
    {
        Assert.Equal((2, 0), await Store.SaveTargetsAsync([Target("a"), Target("b")], "notifiers file"));
        var before = _fixture.Text("SELECT name, updated_at FROM notifiers ORDER BY name");
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((0, 0), await Store.SaveTargetsAsync([Target("a"), Target("b")], "notifiers file"));
        Assert.Equal(before, _fixture.Text("SELECT name, updated_at FROM notifiers ORDER BY name"));
        Assert.Equal((1, 1), await Store.SaveTargetsAsync([Target("a") with { MinSeverity = "crit" }, Target("c")], "notifiers file"));
        Assert.Equal("a|crit\nb|\nc|", _fixture.Text("SELECT name, min_severity FROM notifiers ORDER BY name"));
        Assert.Equal("notifiers file|notifier.add|a\nnotifiers file|notifier.add|b\nnotifiers file|notifier.change|a\nnotifiers file|notifier.add|c",
            _fixture.Text("SELECT actor, action, subject FROM audit_log ORDER BY id"));
        Assert.DoesNotContain("T0KEN", _fixture.Text("SELECT detail FROM audit_log"), StringComparison.Ordinal);
    }

    private static NotifierTarget Target(string name) => new(name, "https://hooks.example/T0KEN", NotifierTemplate.Generic, null, null, null, true);

    private DeliveryAttempt Attempt(RunId run, int attempt, AttemptResult result, TimeSpan? next = null) => new(
        new DeliveryKey(run, "a", 1), attempt, result, _clock.GetUtcNow(), next is { } wait ? _clock.GetUtcNow() + wait : null, [.. _fixture.Rows($"SELECT id FROM deviations WHERE run_id = '{run}'")]);

    private async Task TargetsAsync(params NotifierTarget[] targets) => await Store.SaveTargetsAsync(targets, "test");

    private async Task BaselineAsync() => await _fixture.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"));

    private Task<RunId> DeviantAsync() => _fixture.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Lookup("evil.example"));

    private string Outbox(string what) => _fixture.Text($"SELECT {what} FROM (SELECT * FROM notification_outbox ORDER BY run_id, notifier_name) AS o");
}

public sealed class SqliteNotificationStoreSpecs() : NotificationStoreSpecs(Backend.Sqlite);

public sealed class PostgresNotificationStoreSpecs() : NotificationStoreSpecs(Backend.Postgres);
