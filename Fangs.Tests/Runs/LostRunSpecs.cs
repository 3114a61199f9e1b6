using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runs;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Runs;

/// <summary>Dispatcher, runs and store together: what becomes of a job whose runner falls silent.</summary>
public sealed class LostRunSpecs : TestKit, IAsyncLifetime
{
    private static readonly RunnerId A = new("a"), B = new("b");
    private readonly TemporaryDatabase _file = new();
    private readonly SqliteStores _stores;
    private readonly IActorRef _dispatcher;
    private readonly IActorRef _runs;

    public LostRunSpecs() : base(SchedulerClock.ConfigWithJobs)
    {
        var clock = new SchedulerClock(Time);
        _stores = new SqliteStores(_file, clock, 1000);
        _dispatcher = Sys.ActorOf(JobDispatcher.Props(new JobSettings(), clock));
        _runs = Sys.ActorOf(RunSupervisor.Props(new RunSettings(), _stores.Runs, _dispatcher, CreateTestProbe().Ref, clock));
    }

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Sys.Terminate().Soon();
        await _stores.DisposeAsync().AsTask().Soon();
        _file.Dispose();
    }

    [Fact]
    public async Task A_run_whose_runner_falls_silent_ends_as_lost_and_is_run_again_under_a_new_id()
    {
        var lost = await RunningAsync(A);
        var again = await LoseAsync(lost);
        Assert.Equal(["failed|lab||a"], Rows("SELECT state, package_name, retry_of, runner_id FROM runs", lost));
        Assert.StartsWith("runner lost: no sign of life from a for more than 90 s", Rows("SELECT failure_reason FROM runs", lost)[0], StringComparison.Ordinal);
        Assert.Equal([$"pending|lab|{lost}|"], Rows("SELECT state, package_name, retry_of, runner_id FROM runs", again));

        Poll(B);
        Assert.Equal(again, (await ExpectMsgAsync<PollResult>()).Job!.RunId);

        // The silent one had only been cut off: what it still says belongs to the old run, which has ended.
        _runs.Tell(new RecordResult(new ResultRequest { RunId = lost, Status = ResultStatus.Ok }), TestActor);
        await ExpectMsgAsync<ResultRejected>(Limits.Patience);
        _runs.Tell(new RecordResult(new ResultRequest { RunId = again, Status = ResultStatus.Ok }), TestActor);
        await ExpectMsgAsync<ResultRecorded>(Limits.Patience);
        await AwaitConditionAsync(async () => (await JobsAsync()).Count == 0, Limits.Patience);
    }

    [Fact]
    public async Task The_third_run_of_a_job_that_is_lost_is_the_last()
    {
        var run = await RunningAsync(A);
        for (var i = 0; i < 2; i++)
        {
            var again = await LoseAsync(run);
            Poll(A);
            Assert.Equal(again, (await ExpectMsgAsync<PollResult>()).Job!.RunId);
            await ConfirmAsync(again, A);
            run = again;
        }

        await SilenceAsync(run);
        await AwaitConditionAsync(async () => (await JobsAsync()).Count == 0, Limits.Patience);
        Assert.Equal(["3|3"], _file.Rows("SELECT count(*), sum(state = 'failed') FROM runs"));
    }

    // Lets 90 seconds pass without a sign of life and returns the id of the run that repeats it.
    private async Task<RunId> LoseAsync(RunId run)
    {
        await SilenceAsync(run);
        RunId? again = null;
        await AwaitConditionAsync(
            async () =>
            {
                again = await JobsAsync() is [{ RetryOf: { } of } job] && of == run ? job.Job.RunId : null; // the old job is forgotten, too
                return again is { } id && Rows("SELECT state FROM runs", id).Count == 1;
            },
            Limits.Patience);
        return again!.Value;
    }

    private async Task SilenceAsync(RunId run)
    {
        for (var passed = 0; passed <= 90; passed += 5)
        {
            await _runs.Ask<RunFound>(new GetRun(run), Limits.Patience);
            Time.Advance(TimeSpan.FromSeconds(5));
        }
    }

    private async Task<RunId> RunningAsync(RunnerId runner)
    {
        // The supervisor has to be known before the queue can tell it anything.
        _dispatcher.Tell(new RunsStarted(_runs));
        var job = new Job { RunId = RunId.New(new SchedulerClock(Time)), Kind = JobKind.SensorOnly, PackageName = "lab" };
        _dispatcher.Tell(new QueueJob(job, RunnerId.Any), TestActor);
        await ExpectMsgAsync<ScanAccepted>(Limits.Patience);
        Poll(runner);
        Assert.Equal(job.RunId, (await ExpectMsgAsync<PollResult>()).Job!.RunId);
        await ConfirmAsync(job.RunId, runner);
        return job.RunId;
    }

    private async Task ConfirmAsync(RunId run, RunnerId runner)
    {
        _runs.Tell(new RunAlive(run, runner));
        // The queue tells the run before it shows the change, so the question after that finds a run that knows.
        await AwaitConditionAsync(async () => (await JobsAsync()).Any(j => j.Job.RunId == run && j.Stage == JobStage.Confirmed), Limits.Patience);
        Assert.Equal("building", (await _runs.Ask<RunFound>(new GetRun(run), Limits.Patience)).Row.State);
    }

    private void Poll(RunnerId runner) => _dispatcher.Tell(new Poll(runner, Guid.NewGuid(), 1, true, CreateTestProbe()), TestActor);

    private async Task<IReadOnlyList<JobEntry>> JobsAsync() => (await _dispatcher.Ask<JobList>(GetJobs.Instance, Limits.Patience)).Jobs;

    private IReadOnlyList<string> Rows(string sql, RunId run) => _file.Rows($"{sql} WHERE id = '{run}'");
}
