using Akka.Actor;
using Akka.Event;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Storage;
using Microsoft.AspNetCore.Http;

namespace Fangs.Tests.Notifiers;

/// <summary>From the outbox to real receivers and back, with a real database and time that stands still until it is advanced.</summary>
public sealed class NotifierActorSpecs : TestKit, IAsyncLifetime
{
    private const string Secret = "s3cret";
    private readonly LedgerFixture _fixture;
    private readonly SchedulerClock _clock;
    private readonly List<WebhookSender> _senders = [];

    public NotifierActorSpecs() : base(SchedulerClock.Config + "\nakka.loglevel = DEBUG")
    {
        _clock = new SchedulerClock(Time);
        _fixture = new LedgerFixture(clock: _clock);
    }

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    public async Task InitializeAsync() => await _fixture.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"));

    public async Task DisposeAsync()
    {
        await Sys.Terminate().Soon();
        foreach (var sender in _senders) sender.Dispose();
        await _fixture.DisposeAsync().Soon();
    }

    [Fact]
    public async Task A_commit_of_deviations_wakes_it_and_the_alert_is_told_logged_and_marked()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("soc", receiver));
        Start();
        var run = await DeviantAsync();
        var message = await receiver.NextAsync();
        var deviation = _fixture.Text("SELECT id || '|' || evidence_event_id FROM deviations").Split('|');
        Assert.Equal(
            $$"""{"source":"fangs-orchestrator","schema_version":"v1","run_id":"{{run}}","package_name":"left-thing","version":"1.0.0","state":"done","""
            + $$"""  "is_baseline":false,"max_severity":"warn","deviations":[{"id":"{{deviation[0]}}","category":"net_new_dns","value":"evil.example","severity":"warn","evidence_event_id":{{deviation[1]}}}],"deviation_count":1}""".TrimStart(),
            message.Text);
        await UntilAsync("SELECT count(*) FROM notifications WHERE status = 'sent' AND attempt = 1", "1");
        Assert.Equal(("0", "1"), (Text("SELECT count(*) FROM notification_outbox"), Text("SELECT count(*) FROM deviations WHERE notified_at IS NOT NULL")));
        Assert.Single(receiver.Requests);
    }

    [Fact]
    public async Task A_receiver_that_is_down_for_ten_minutes_gets_its_alert_afterwards()
    {
        var began = Time.Now;
        await using var receiver = await WebhookReceiver.StartAsync(context =>
        {
            context.Response.StatusCode = Time.Now - began < TimeSpan.FromMinutes(10) ? 503 : 200;
            return Task.CompletedTask;
        });
        await TargetsAsync(Target("soc", receiver));
        var notifier = Start();
        await DeviantAsync();
        for (var attempt = 1; await AttemptsAsync(attempt) == AttemptStatus.Failed; attempt++) await ToNextAttemptAsync(notifier);
        Assert.Equal(["failed", "failed", "failed", "failed", "failed", "failed", "sent"], _fixture.Rows("SELECT status FROM notifications ORDER BY attempt"));
        Assert.Equal("0", Text("SELECT count(*) FROM notification_outbox"));
    }

    [Fact]
    public async Task After_eight_attempts_it_gives_up_and_says_so()
    {
        await using var receiver = await WebhookReceiver.AnsweringAsync(500);
        await TargetsAsync(Target("soc", receiver));
        var notifier = Start();
        await DeviantAsync();
        var attempt = 1;
        for (; await AttemptsAsync(attempt) == AttemptStatus.Failed; attempt++) await ToNextAttemptAsync(notifier);
        Assert.Equal(8, attempt);
        Assert.Equal("permanent|answered 500; given up after 8 attempts", Text("SELECT status, error_msg FROM notifications WHERE attempt = 8"));
        Assert.Equal("0", Text("SELECT count(*) FROM notification_outbox"));
        Time.Advance(TimeSpan.FromHours(3));
        await StateAsync(notifier);
        Assert.Equal(8, receiver.Requests.Count);
    }

    [Fact]
    public async Task A_refusal_is_not_repeated()
    {
        await using var receiver = await WebhookReceiver.AnsweringAsync(404, "no_service");
        await TargetsAsync(Target("soc", receiver));
        var notifier = Start();
        await DeviantAsync();
        Assert.Equal(AttemptStatus.Permanent, await AttemptsAsync(1));
        Time.Advance(TimeSpan.FromHours(3));
        await StateAsync(notifier);
        Assert.Equal("1|404|no_service", Text("SELECT count(*), max(response_code), max(response_body) FROM notifications"));
    }

    [Fact]
    public async Task Retry_After_keeps_the_whole_target_quiet_for_that_long_and_for_an_hour_at_most()
    {
        var asks = "1800";
        await using var receiver = await WebhookReceiver.StartAsync(context =>
        {
            if (asks.Length > 0) (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (429, asks);
            return Task.CompletedTask;
        });
        await TargetsAsync(Target("soc", receiver));
        var notifier = Start();
        await DeviantAsync();
        await AttemptsAsync(1);
        Assert.InRange((StorageText.ParseTime(Text("SELECT next_attempt_at FROM notification_outbox")) - Time.Now).TotalSeconds, 1799, 1801);

        // Another alert would only use up an attempt.
        await QuietAsync(notifier);
        await DeviantAsync();
        await QuietAsync(notifier);
        Time.Advance(TimeSpan.FromSeconds(1700));
        await QuietAsync(notifier);
        Assert.Single(receiver.Requests);

        asks = "86400";
        Time.Advance(TimeSpan.FromSeconds(200));
        await UntilAsync("SELECT count(*) > 1 FROM notifications", "1");
        await QuietAsync(notifier);
        asks = "";
        Time.Advance(TimeSpan.FromSeconds(3700));
        await UntilAsync("SELECT count(*) FROM notification_outbox", "0");
        Assert.Equal("2", Text("SELECT count(*) FROM notifications WHERE status = 'sent'"));
    }

    [Fact]
    public async Task One_that_hangs_one_that_redirects_and_one_that_talks_nonsense_delay_nobody()
    {
        await using var hanging = await WebhookReceiver.HangingAsync();
        await using var elsewhere = await WebhookReceiver.StartAsync();
        await using var redirecting = await WebhookReceiver.AnsweringAsync(302, "", ("Location", elsewhere.Url));
        await using var nonsense = await WebhookReceiver.StartAsync(context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });
        await using var good = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("a-hanging", hanging), Target("b-redirecting", redirecting), Target("c-nonsense", nonsense), Target("d-good", good));
        var notifier = Start();
        for (var i = 0; i < 10; i++) await DeviantAsync();
        await UntilAsync("SELECT count(*) FROM notifications WHERE notifier_name = 'd-good' AND status = 'sent'", "10");
        await UntilAsync("SELECT count(DISTINCT run_id) FROM notifications WHERE notifier_name = 'b-redirecting' AND status = 'failed'", "10");
        await UntilAsync("SELECT count(DISTINCT run_id) FROM notifications WHERE notifier_name = 'c-nonsense' AND status = 'failed'", "10");
        for (var i = 0; i < 2; i++) await hanging.NextAsync();
        await InFlightAsync(notifier, 2); // what has ended is logged before the actor hears of it
        // Nothing is lost: what did not arrive waits, and of the one that hangs two at a time are under way.
        Assert.Equal("a-hanging|10\nb-redirecting|10\nc-nonsense|10", Text("SELECT notifier_name, count(*) FROM notification_outbox GROUP BY 1 ORDER BY 1"));
        Assert.Equal(2, hanging.Requests.Count);
        Assert.Empty(elsewhere.Requests);
        Assert.Equal(10, good.Requests.Count);
    }

    [Fact]
    public async Task What_was_in_the_outbox_at_the_end_is_delivered_after_the_next_start()
    {
        var isHanging = true;
        await using var receiver = await WebhookReceiver.StartAsync(async context =>
        {
            if (!isHanging) return;
            var gone = new TaskCompletionSource();
            await using var registration = context.RequestAborted.Register(gone.SetResult);
            await gone.Task;
        });
        await TargetsAsync(Target("soc", receiver));
        var first = Start();
        await DeviantAsync();
        await receiver.NextAsync();
        await first.GracefulStop(Limits.Patience);
        Assert.Equal("1|0", Text("SELECT count(*), max(attempt) FROM notification_outbox"));
        await _fixture.ReopenAsync();
        isHanging = false;
        Start();
        await UntilAsync("SELECT count(*) FROM notifications WHERE status = 'sent'", "1");
        Assert.Equal(2, receiver.Requests.Count);
    }

    [Fact]
    public async Task A_database_that_fails_after_the_alert_was_told_does_not_make_it_be_told_again()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("soc", receiver));
        Start();
        _fixture.Execute("CREATE TRIGGER broken BEFORE INSERT ON notifications BEGIN SELECT RAISE(ABORT, 'disk'); END;");
        await EventFilter.Error(contains: "cannot be stored").ExpectOneAsync(async () => await DeviantAsync());
        Time.Advance(TimeSpan.FromMinutes(5));
        _fixture.Execute("DROP TRIGGER broken;");
        await UntilAsync("SELECT count(*) FROM notifications WHERE status = 'sent'", "1", step: TimeSpan.FromSeconds(30));
        Assert.Single(receiver.Requests);
    }

    [Fact]
    public async Task An_outbox_that_cannot_be_read_is_read_later_and_nothing_is_lost()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("soc", receiver));
        await DeviantAsync();
        _fixture.Execute("ALTER TABLE notification_outbox RENAME TO away;");
        var notifier = Start();
        await AwaitAssertAsync(async () => Assert.Contains("cannot read the outbox", await StateAsync(notifier), StringComparison.Ordinal), Limits.Patience);
        _fixture.Execute("ALTER TABLE away RENAME TO notification_outbox;");
        await UntilAsync("SELECT count(*) FROM notifications WHERE status = 'sent'", "1", step: TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_delivery_that_breaks_is_taken_up_anew_half_a_minute_later()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("soc", receiver));
        await DeviantAsync();
        _fixture.Execute("ALTER TABLE deviations RENAME TO away;");
        IActorRef notifier = null!;
        await EventFilter.Exception<StorageException>(contains: "could not be sent").ExpectOneAsync(() =>
        {
            notifier = Start();
            return Task.CompletedTask;
        });
        _fixture.Execute("ALTER TABLE away RENAME TO deviations;");
        await QuietAsync(notifier);
        Time.Advance(TimeSpan.FromSeconds(29));
        await QuietAsync(notifier);
        Assert.Empty(receiver.Requests);
        Time.Advance(TimeSpan.FromSeconds(2));
        await UntilAsync("SELECT count(*) FROM notifications WHERE status = 'sent'", "1", step: TimeSpan.FromSeconds(1));
        Assert.Single(receiver.Requests);
    }

    [Fact]
    public async Task An_alert_of_which_nothing_is_left_to_tell_is_dropped()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("soc", receiver));
        var run = await DeviantAsync();
        await _fixture.PromoteAsync(run);
        Assert.Equal("0", Text("SELECT count(*) FROM deviations WHERE status = 'open'"));
        Start();
        await UntilAsync("SELECT count(*) FROM notification_outbox", "0");
        Assert.Empty(receiver.Requests);
    }

    [Fact]
    public async Task A_target_that_is_enabled_again_gets_what_has_waited()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await TargetsAsync(Target("soc", receiver));
        await DeviantAsync();
        await TargetsAsync(Target("soc", receiver) with { Enabled = false });
        var notifier = Start();
        Time.Advance(TimeSpan.FromDays(1));
        await QuietAsync(notifier);
        Assert.Empty(receiver.Requests);
        await TargetsAsync(Target("soc", receiver));
        Time.Advance(TimeSpan.FromSeconds(15)); // without a message: an operator has changed the table
        await receiver.NextAsync();
    }

    [Fact]
    public async Task No_secret_comes_into_the_log_or_the_database()
    {
        var log = CreateTestProbe();
        Sys.EventStream.Subscribe(log, typeof(LogEvent));
        await using var good = await WebhookReceiver.StartAsync(async context => await context.Response.WriteAsync($"{context.Request.Path} {context.Request.Headers.Authorization}"));
        await using var bad = await WebhookReceiver.StartAsync(async context =>
        {
            context.Response.StatusCode = 403;
            await context.Response.WriteAsync($"{context.Request.Path} {context.Request.Headers.Authorization} {context.Request.Headers["X-Plain"]}");
        });
        var headers = """{"Authorization":"Bearer ${TOKEN}"}""";
        await TargetsAsync(
            Target("good", good) with { Headers = headers, SecretEnv = "KEY" }, Target("bad", bad) with { Headers = headers },
            Target("gone", bad) with { Url = $"http://127.0.0.1:1/{Secret}" }, Target("unset", bad) with { Url = $"https://hooks.example/{Secret}", SecretEnv = "UNSET" });
        Start();
        await DeviantAsync();
        await UntilAsync("SELECT count(*) FROM notifications", "4");
        Assert.Equal("bad|permanent\ngone|failed\ngood|sent\nunset|permanent", Text("SELECT notifier_name, status FROM notifications ORDER BY 1"));
        var text = new System.Text.StringBuilder();
        while (log.HasMessages) text.AppendLine((await log.ExpectMsgAsync<LogEvent>()).ToString());
        Assert.Contains("Notifier bad will not be told", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, Text("SELECT response_body, error_msg FROM notifications"), StringComparison.Ordinal);
    }

    private static NotifierTarget Target(string name, WebhookReceiver receiver) => new(name, receiver.Url, NotifierTemplate.Generic, null, null, null, true);

    private IActorRef Start()
    {
        var settings = new NotifierSettings { Variable = name => name == "UNSET" ? null : $"{name}-{Secret}" };
        var sender = new WebhookSender(settings, _clock);
        _senders.Add(sender);
        return Sys.ActorOf(NotifierActor.Props(settings, _fixture.Store.Notifications, sender, _fixture.Store.Outbox, _clock));
    }

    private async Task TargetsAsync(params NotifierTarget[] targets) => await _fixture.Store.Notifications.SaveTargetsAsync(targets, "test");

    private Task<RunId> DeviantAsync() => _fixture.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Lookup("evil.example"));

    private static async Task<string> StateAsync(IActorRef actor) => (await actor.Ask<StateLine>(GetStateLine.Instance, Limits.Patience)).Text;

    private string Text(string sql) => _fixture.Text(sql);

    /// <summary>Waits until an attempt is logged and answers with its status.</summary>
    private async Task<string> AttemptsAsync(int attempt)
    {
        await UntilAsync("SELECT max(attempt) FROM notifications", attempt.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return Text($"SELECT status FROM notifications WHERE attempt = {attempt}");
    }

    /// <summary>Waits until nothing is under way any more.</summary>
    private static Task QuietAsync(IActorRef notifier) => InFlightAsync(notifier, 0);

    private static async Task InFlightAsync(IActorRef notifier, int deliveries)
    {
        using var limit = new CancellationTokenSource(Limits.Patience);
        while (!(await StateAsync(notifier)).StartsWith($"{deliveries} deliveries", StringComparison.Ordinal)) limit.Token.ThrowIfCancellationRequested();
    }

    private async Task ToNextAttemptAsync(IActorRef notifier)
    {
        await QuietAsync(notifier);
        Time.Advance(StorageText.ParseTime(Text("SELECT next_attempt_at FROM notification_outbox")) - Time.Now);
        notifier.Tell(OutboxFilled.Instance); // a look that began before the time was advanced does not see that the alert is due
    }

    private async Task UntilAsync(string sql, string value, TimeSpan step = default)
    {
        using var limit = new CancellationTokenSource(Limits.Patience);
        while (Text(sql) != value)
        {
            Assert.False(limit.IsCancellationRequested, $"{sql}: {Text(sql)} instead of {value}");
            if (step > TimeSpan.Zero) Time.Advance(step);
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, CancellationToken.None);
        }
    }
}
