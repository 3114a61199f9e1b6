using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Runs;

/// <summary>One run over a real store, its time in the test's hand.</summary>
public sealed class RunActorSpecs : TestKit, IAsyncLifetime
{
    private static readonly RunnerId Runner = new("lab-1"), Other = new("lab-2");
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(190);
    private readonly TemporaryDatabase _file = new();
    private readonly SqliteStores _stores;
    private readonly TestProbe _supervisor;
    private readonly TestProbe _dispatcher;
    private SchedulerClock? _clock;

    public RunActorSpecs() : base(SchedulerClock.Config)
    {
        _stores = new SqliteStores(_file, Clock, 1000);
        (_supervisor, _dispatcher) = (CreateTestProbe(), CreateTestProbe());
    }

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    private SchedulerClock Clock => _clock ??= new SchedulerClock(Time);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Sys.Terminate().Soon();
        await _stores.DisposeAsync().AsTask().Soon();
        _file.Dispose();
    }

    [Fact]
    public async Task A_run_that_does_not_exist_is_told_to_whoever_asks()
    {
        var id = RunId.New(Clock);
        var run = Start(id);
        run.Tell(new GetRun(id), TestActor);
        await ExpectMsgAsync<RunNotFound>();
        run.Tell(Result(id), TestActor);
        await ExpectMsgAsync<RunNotFound>();
    }

    [Fact]
    public async Task A_scan_is_accepted_when_its_row_is_there_and_its_id_is_taken_then()
    {
        var id = RunId.New(Clock);
        var run = Start(id);
        run.Tell(new EnsureRun(JobOf(id), Clock.GetUtcNow(), null, TestActor));
        Assert.Equal(id, (await ExpectMsgAsync<ScanAccepted>()).RunId);
        Assert.Equal(["pending"], _file.Rows("SELECT state FROM runs"));
        run.Tell(new EnsureRun(JobOf(id), Clock.GetUtcNow(), null, TestActor));
        Assert.Contains($"{id} is in use", (await ExpectMsgAsync<ScanRejected>()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_without_a_result_within_its_limit_fails_and_not_before()
    {
        var (id, run) = await ConfirmedAsync();
        for (var passed = 0; passed < 190; passed += 5)
        {
            run.Tell(new RunAlive(id, Runner)); // alive all the time, it just does not come to an end
            await StepAsync(run, id, 5);
        }

        Assert.Equal("building", await StateAsync(run, id));
        await StepAsync(run, id, 5);
        Assert.Equal("failed", await StateAsync(run, id));
        Assert.Equal(["no result within 190 s"], _file.Rows("SELECT failure_reason FROM runs"));
        Assert.Equal(id, (await _dispatcher.FishForMessageAsync<FinishJob>(_ => true, Limits.Patience)).RunId);
    }

    [Fact]
    public async Task A_confirmed_run_that_is_silent_for_90_seconds_is_lost_and_not_before()
    {
        var (id, run) = await ConfirmedAsync();
        for (var passed = 0; passed < 90; passed += 5) await StepAsync(run, id, 5);
        await _dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        await StepAsync(run, id, 5);
        var lost = await _dispatcher.ExpectMsgAsync<LoseRun>();
        Assert.Equal((id, true), (lost.RunId, lost.Reason.Contains("no sign of life from lab-1 for more than 90 s", StringComparison.Ordinal)));
        Assert.Equal("building", await StateAsync(run, id)); // the queue decides, and says so with EndRun
        run.Tell(new EndRun(id, "runner lost: " + lost.Reason));
        Assert.Equal("failed", await StateAsync(run, id));
    }

    [Theory]
    [InlineData(+3)]
    [InlineData(-3)]
    public async Task A_clock_that_is_set_neither_ends_a_run_nor_keeps_a_silent_one(double hours)
    {
        var (id, run) = await ConfirmedAsync();
        await StepAsync(run, id, 5);
        Clock.Step = TimeSpan.FromHours(hours);
        for (var passed = 5; passed < 90; passed += 5) await StepAsync(run, id, 5);
        Assert.Equal("building", await StateAsync(run, id));
        await _dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        await StepAsync(run, id, 5);
        await _dispatcher.ExpectMsgAsync<LoseRun>();
    }

    [Fact]
    public async Task A_run_that_is_announced_again_keeps_the_deadline_that_it_had()
    {
        var (id, run) = await ConfirmedAsync();
        for (var passed = 0; passed < 190; passed += 5)
        {
            run.Tell(Leased(id, isConfirmed: true));
            await StepAsync(run, id, 5);
        }

        Assert.Equal("building", await StateAsync(run, id));
        await StepAsync(run, id, 5);
        Assert.Equal("failed", await StateAsync(run, id));
    }

    [Theory]
    [InlineData("heartbeat")]
    [InlineData("batch")]
    [InlineData("bad batch")]
    public async Task Every_sign_of_life_begins_the_90_seconds_anew(string sign)
    {
        var (id, run) = await ConfirmedAsync();
        for (var passed = 0; passed < 60; passed += 5) await StepAsync(run, id, 5);
        run.Tell(sign switch
        {
            "heartbeat" => new RunAlive(id, Runner),
            "batch" => new BatchStored(id, 1, 1),
            _ => new BatchUnreadable(id, "batch 1: oops"),
        });
        for (var passed = 0; passed < 90; passed += 5) await StepAsync(run, id, 5);
        await _dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        await StepAsync(run, id, 5);
        await _dispatcher.ExpectMsgAsync<LoseRun>();
    }

    [Fact]
    public async Task A_heartbeat_of_another_runner_is_no_sign_of_life_and_looking_is_none_either()
    {
        var (id, run) = await ConfirmedAsync();
        for (var passed = 0; passed < 90; passed += 5)
        {
            run.Tell(new RunAlive(id, Other));
            run.Tell(GetStateLine.Instance, TestActor);
            await ExpectMsgAsync<StateLine>();
            await StepAsync(run, id, 5);
            Assert.Equal(Other, (await _dispatcher.ExpectMsgAsync<ConfirmLease>()).Runner); // the queue knows whose it is
        }

        await StepAsync(run, id, 5);
        await _dispatcher.ExpectMsgAsync<LoseRun>();
    }

    [Fact]
    public async Task A_run_that_waits_for_its_first_sign_of_life_is_left_to_its_lease()
    {
        var (id, run) = await QueuedAsync();
        run.Tell(Leased(id, isConfirmed: false));
        for (var passed = 0; passed < 600; passed += 50) await StepAsync(run, id, 50);
        await _dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        Assert.Equal("building", await StateAsync(run, id));
        run.Tell(new RunAlive(id, Runner));
        Assert.Equal(new ConfirmLease(id, Runner), await _dispatcher.ExpectMsgAsync<ConfirmLease>());
    }

    [Fact]
    public async Task A_run_that_went_back_to_the_queue_has_no_deadline()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(new RunReturned(id, "no sign of life within 90 s"));
        for (var passed = 0; passed < 300; passed += 50) await StepAsync(run, id, 50);
        await _dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        Assert.Equal("pending", await StateAsync(run, id));
    }

    [Fact]
    public async Task The_first_result_wins_a_repeat_of_it_is_acknowledged_and_another_one_refused()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(Result(id, events: 3), TestActor);
        await ExpectMsgAsync<ResultRecorded>();
        run.Tell(Result(id, events: 3), TestActor);
        await ExpectMsgAsync<ResultRecorded>();
        run.Tell(Result(id, events: 4), TestActor);
        Assert.Contains("another result", (await ExpectMsgAsync<ResultRejected>()).Reason, StringComparison.Ordinal);
        run.Tell(new RecordResult(new ResultRequest { RunId = id, Status = ResultStatus.Failed, EventsEmitted = 3 }), TestActor);
        await ExpectMsgAsync<ResultRejected>();
        Assert.Equal(["3|"], _file.Rows("SELECT events_emitted, failure_reason FROM runs"));
    }

    [Fact]
    public async Task An_actor_that_starts_anew_knows_the_result()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(Result(id), TestActor);
        await ExpectMsgAsync<ResultRecorded>();
        Watch(run);
        Sys.Stop(run);
        await ExpectTerminatedAsync(run);
        run = Start(id);
        run.Tell(Result(id), TestActor);
        await ExpectMsgAsync<ResultRecorded>();
        run.Tell(Result(id, events: 9), TestActor);
        await ExpectMsgAsync<ResultRejected>();
    }

    [Fact]
    public async Task A_result_that_comes_after_its_run_was_ended_is_refused_with_the_reason()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(new EndRun(id, "runner lost"));
        run.Tell(Result(id), TestActor);
        Assert.Contains("ended without a result: runner lost", (await ExpectMsgAsync<ResultRejected>()).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timeout", null, "did not finish in time")]
    [InlineData("failed", "", "the runner gave no reason")]
    [InlineData("failed", "npm install\0 failed", "npm install\u2400 failed")]
    public async Task A_result_that_is_not_well_fails_the_run_with_a_reason(string status, string? reason, string stored)
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(new RecordResult(new ResultRequest { RunId = id, Status = status, Reason = reason }), TestActor);
        await ExpectMsgAsync<ResultRecorded>();
        Assert.Equal([$"failed|{stored}"], _file.Rows("SELECT state, failure_reason FROM runs"));
    }

    [Fact]
    public async Task Cumulative_drops_are_turned_into_those_of_the_run_by_whoever_knows_the_runner()
    {
        var (id, run) = await ConfirmedAsync(dropsPerRun: false);
        run.Tell(Result(id, dropped: 12), TestActor);
        Assert.Equal(new CountDrops(Runner, id, 12), await _supervisor.ExpectMsgAsync<CountDrops>());
        run.Tell(new DropsCounted(id, 7));
        await ExpectMsgAsync<ResultRecorded>();
        Assert.Equal(["7"], _file.Rows("SELECT events_dropped FROM runs"));
    }

    [Fact]
    public async Task When_nobody_knows_the_runner_the_drops_stand_as_reported_after_5_seconds()
    {
        var (id, run) = await ConfirmedAsync(dropsPerRun: false);
        await StepAsync(run, id, 2); // the periodic look at the deadline goes on meanwhile, out of step
        run.Tell(Result(id, dropped: 12), TestActor);
        await _supervisor.ExpectMsgAsync<CountDrops>();
        for (var passed = 0; passed < 4; passed++)
        {
            await FlushAsync(run);
            await ExpectNoMsgAsync(TimeSpan.Zero);
            Time.Advance(TimeSpan.FromSeconds(1.3));
        }

        await ExpectMsgAsync<ResultRecorded>();
        Assert.Equal(["12"], _file.Rows("SELECT events_dropped FROM runs"));
    }

    [Fact]
    public async Task A_run_that_has_ended_leaves_memory_after_a_minute_and_not_before()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(new EndRun(id, "test"));
        await StateAsync(run, id);
        Time.Advance(TimeSpan.FromSeconds(59.9));
        await StateAsync(run, id);
        await _supervisor.ExpectNoMsgAsync(TimeSpan.Zero);
        Time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(id, (await _supervisor.ExpectMsgAsync<PassivateRun>()).RunId);
    }

    [Fact]
    public async Task What_the_queue_still_says_of_a_run_that_has_ended_makes_it_forget_the_job()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(new EndRun(id, "test"));
        await _dispatcher.FishForMessageAsync<FinishJob>(_ => true, Limits.Patience);
        foreach (var stale in new object[] { Leased(id, isConfirmed: true), new RunReturned(id, ""), new EndRun(id, "") })
        {
            run.Tell(stale);
            Assert.Equal(id, (await _dispatcher.ExpectMsgAsync<FinishJob>()).RunId);
        }
    }

    [Fact]
    public async Task An_interrupted_job_is_to_be_run_again()
    {
        var (id, run) = await ConfirmedAsync();
        run.Tell(new RecordResult(new ResultRequest { RunId = id, Status = ResultStatus.Failed, Reason = "runner shutting down", Details = new ResultDetails { Interrupted = true } }), TestActor);
        await ExpectMsgAsync<ResultRecorded>();
        Assert.Equal(id, (await _dispatcher.FishForMessageAsync<RetryJob>(_ => true, Limits.Patience)).RunId);
    }

    private IActorRef Start(RunId id) => _supervisor.ChildActorOf(RunActor.Props(id, new RunSettings(), _stores.Runs, _dispatcher, CreateTestProbe().Ref, Clock));

    private async Task<(RunId Id, IActorRef Run)> QueuedAsync()
    {
        var id = RunId.New(Clock);
        await _stores.Runs.EnsureAsync(JobOf(id), Clock.GetUtcNow(), null).Soon();
        return (id, Start(id));
    }

    private async Task<(RunId Id, IActorRef Run)> ConfirmedAsync(bool dropsPerRun = true)
    {
        var (id, run) = await QueuedAsync();
        run.Tell(Leased(id, isConfirmed: false, dropsPerRun));
        run.Tell(Leased(id, isConfirmed: true, dropsPerRun));
        Assert.Equal("building", await StateAsync(run, id));
        return (id, run);
    }

    private RunLeased Leased(RunId id, bool isConfirmed, bool dropsPerRun = true) => new(id, Runner, 1, dropsPerRun, isConfirmed, TimeLimit);

    private static RecordResult Result(RunId id, long events = 1, ulong dropped = 0) =>
        new(new ResultRequest { RunId = id, Status = ResultStatus.Ok, EventsEmitted = events, EventsDropped = dropped });

    private static Job JobOf(RunId id) => new() { RunId = id, Kind = JobKind.SensorOnly, PackageName = "left-thing" };

    // A periodic timer fires once per advance, so where it matters the steps are no longer than its period.
    private async Task StepAsync(IActorRef run, RunId id, double seconds)
    {
        await StateAsync(run, id);
        Time.Advance(TimeSpan.FromSeconds(seconds));
        await StateAsync(run, id);
    }

    private static async Task<string> StateAsync(IActorRef run, RunId id) => (await run.Ask<RunFound>(new GetRun(id), Limits.Patience)).Row.State;

    private static Task<StateLine> FlushAsync(IActorRef run) => run.Ask<StateLine>(GetStateLine.Instance, Limits.Patience);
}
