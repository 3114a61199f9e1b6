using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Protocol;

namespace Fangs.Tests.Jobs;

public sealed class JobDispatcherSpecs() : TestKit(SchedulerClock.ConfigWithJobs)
{
    private static readonly RunnerId A = new("a"), B = new("b");

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task A_poll_without_work_ends_after_25_seconds_and_not_before()
    {
        var dispatcher = Start();
        Ask(dispatcher, A);
        await JobsAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(24.9));
        await JobsAsync(dispatcher);
        await ExpectNoMsgAsync(TimeSpan.Zero);
        Time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Null((await ExpectMsgAsync<PollResult>()).Job);
    }

    [Fact]
    public async Task A_poll_that_has_ended_gets_no_job_and_its_runner_is_told()
    {
        var dispatcher = Start();
        var runner = CreateTestProbe();
        dispatcher.Tell(new Poll(A, Guid.NewGuid(), 1, true, runner), TestActor);
        await JobsAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(25));
        await ExpectMsgAsync<PollResult>();
        Assert.Equal(A, (await runner.ExpectMsgAsync<PollEnded>()).Runner);
        dispatcher.Tell(new QueueJob(NewJob(), RunnerId.Any), CreateTestProbe());
        Assert.Equal(JobStage.Queued, Assert.Single(await AwaitJobsAsync(dispatcher, 1)).Stage);
        await ExpectNoMsgAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task Each_poll_has_a_window_of_its_own()
    {
        var dispatcher = Start();
        Ask(dispatcher, A);
        await JobsAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(20));
        Ask(dispatcher, B);
        await JobsAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(5));
        await ExpectMsgAsync<PollResult>();
        await JobsAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(19.9));
        await JobsAsync(dispatcher);
        await ExpectNoMsgAsync(TimeSpan.Zero);
        Time.Advance(TimeSpan.FromSeconds(0.1));
        await ExpectMsgAsync<PollResult>();
    }

    [Fact]
    public async Task A_parked_poll_gets_a_job_as_soon_as_it_is_queued()
    {
        var dispatcher = Start();
        Ask(dispatcher, A);
        await JobsAsync(dispatcher);
        var job = NewJob();
        dispatcher.Tell(new QueueJob(job, RunnerId.Any), CreateTestProbe());
        Assert.Equal(job.RunId, (await ExpectMsgAsync<PollResult>()).Job!.RunId);
    }

    [Fact]
    public async Task Who_queues_a_job_before_the_runs_have_said_hello_is_answered_by_them_afterwards()
    {
        var (runs, client) = (CreateTestProbe(), CreateTestProbe());
        var dispatcher = Sys.ActorOf(JobDispatcher.Props(new JobSettings(), new SchedulerClock(Time)));
        dispatcher.Tell(new QueueJob(NewJob(), RunnerId.Any), client);
        await AwaitJobsAsync(dispatcher, 1);
        dispatcher.Tell(new RunsStarted(runs));
        Assert.Equal(client.Ref, (await runs.ExpectMsgAsync<EnsureRun>()).Asker);
    }

    [Fact]
    public async Task A_job_without_a_sign_of_life_comes_back_after_90_seconds()
    {
        var dispatcher = Start();
        var job = NewJob();
        dispatcher.Tell(new QueueJob(job, RunnerId.Any), CreateTestProbe());
        Ask(dispatcher, A);
        Assert.Equal(1, (await ExpectMsgAsync<PollResult>()).Attempt);
        Time.Advance(TimeSpan.FromSeconds(89.9));
        Assert.Equal(JobStage.Leased, Assert.Single(await JobsAsync(dispatcher)).Stage);
        Time.Advance(TimeSpan.FromSeconds(0.2));
        Ask(dispatcher, B);
        var again = await ExpectMsgAsync<PollResult>();
        Assert.Equal((job.RunId, 2), (again.Job!.RunId, again.Attempt));
    }

    [Fact]
    public async Task A_job_that_nobody_picks_up_three_times_has_its_run_ended()
    {
        var runs = CreateTestProbe();
        var dispatcher = Start(runs);
        var job = NewJob();
        dispatcher.Tell(new QueueJob(job, RunnerId.Any), CreateTestProbe());
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Ask(dispatcher, A);
            Assert.Equal(attempt, (await ExpectMsgAsync<PollResult>()).Attempt);
            Time.Advance(TimeSpan.FromSeconds(90));
        }

        var end = await runs.FishForMessageAsync<EndRun>(m => m.RunId == job.RunId, Limits.Patience);
        Assert.Contains("not picked up", end.Reason, StringComparison.Ordinal);
        Assert.Equal(JobStage.Ending, Assert.Single(await JobsAsync(dispatcher)).Stage);
    }

    [Fact]
    public async Task A_lease_ends_90_seconds_after_the_hand_out()
    {
        var dispatcher = Start();
        dispatcher.Tell(new QueueJob(NewJob(), RunnerId.Any), CreateTestProbe());
        Ask(dispatcher, A);
        await ExpectMsgAsync<PollResult>();
        Time.Advance(TimeSpan.FromSeconds(60));
        await JobsAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(29.9));
        Assert.Equal(JobStage.Leased, Assert.Single(await JobsAsync(dispatcher)).Stage);
        Time.Advance(TimeSpan.FromSeconds(0.2));
        await AwaitConditionAsync(async () => (await JobsAsync(dispatcher)).Single().Stage == JobStage.Queued, Limits.Patience);
    }

    [Fact]
    public async Task A_run_may_take_its_duration_its_grace_and_two_minutes()
    {
        var runs = CreateTestProbe();
        var dispatcher = Start(runs);
        var job = NewJob() with
        {
            Duration = Nanoseconds.From(TimeSpan.FromSeconds(60)),
            Sandbox = new SandboxSpec { Image = "node:20-slim", GracePeriod = Nanoseconds.From(TimeSpan.FromSeconds(2)) },
        };
        dispatcher.Tell(new QueueJob(job, RunnerId.Any), CreateTestProbe());
        Ask(dispatcher, A);
        await ExpectMsgAsync<PollResult>();
        Time.Advance(TimeSpan.FromSeconds(30));
        dispatcher.Tell(new ConfirmLease(job.RunId, A));
        var confirmed = await runs.FishForMessageAsync<RunLeased>(m => m.Confirmed, Limits.Patience);
        Assert.Equal(TimeSpan.FromSeconds(182), confirmed.TimeLimit); // which the run counts from this message on
    }

    [Fact]
    public async Task A_confirmed_job_stays_with_its_runner_until_that_is_lost()
    {
        var dispatcher = Start();
        var job = NewJob();
        dispatcher.Tell(new QueueJob(job, RunnerId.Any), CreateTestProbe());
        Ask(dispatcher, A);
        await ExpectMsgAsync<PollResult>();
        dispatcher.Tell(new ConfirmLease(job.RunId, A));
        // The journal writes on its own time; what it has not written yet, nobody is shown.
        await AwaitConditionAsync(async () => Assert.Single(await JobsAsync(dispatcher)).Stage == JobStage.Confirmed, TimeSpan.FromSeconds(10));
        Time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(JobStage.Confirmed, Assert.Single(await JobsAsync(dispatcher)).Stage);
        dispatcher.Tell(new RunnerLost(A, "test"));
        var jobs = await AwaitJobsAsync(dispatcher, 2);
        Assert.Equal(JobStage.Ending, jobs.Single(j => j.Job.RunId == job.RunId).Stage);
        Assert.Equal(job.RunId, jobs.Single(j => j.Job.RunId != job.RunId).RetryOf);
    }

    [Fact]
    public async Task A_newer_poll_of_a_runner_ends_the_older_one()
    {
        var dispatcher = Start();
        Ask(dispatcher, A);
        Ask(dispatcher, A);
        Assert.Null((await ExpectMsgAsync<PollResult>()).Job);
        dispatcher.Tell(new QueueJob(NewJob(), RunnerId.Any), CreateTestProbe());
        Assert.NotNull((await ExpectMsgAsync<PollResult>()).Job);
    }

    [Fact]
    public async Task A_job_whose_poll_broke_off_goes_to_the_next_one()
    {
        var dispatcher = Start();
        var job = NewJob();
        dispatcher.Tell(new QueueJob(job, RunnerId.Any), CreateTestProbe());
        var poll = Ask(dispatcher, A);
        await ExpectMsgAsync<PollResult>();
        dispatcher.Tell(new PollAbandoned(A, poll));
        Ask(dispatcher, B);
        Assert.Equal(job.RunId, (await ExpectMsgAsync<PollResult>()).Job!.RunId);
    }

    [Fact]
    public async Task Draining_answers_everybody_at_once()
    {
        var dispatcher = Start();
        Ask(dispatcher, A);
        Ask(dispatcher, B);
        dispatcher.Tell(DrainPolls.Instance, TestActor);
        await ExpectMsgAsync<PollResult>();
        await ExpectMsgAsync<PollResult>();
        await ExpectMsgAsync<PollsDrained>();
        Ask(dispatcher, A);
        Assert.Null((await ExpectMsgAsync<PollResult>()).Job);
    }

    [Fact]
    public async Task What_was_queued_and_leased_is_there_after_a_restart()
    {
        var dispatcher = Start();
        var (first, second) = (NewJob(), NewJob());
        dispatcher.Tell(new QueueJob(first, RunnerId.Any), CreateTestProbe());
        dispatcher.Tell(new QueueJob(second, B), CreateTestProbe());
        Ask(dispatcher, A);
        await ExpectMsgAsync<PollResult>();
        await StopAsync(dispatcher);
        var runs = CreateTestProbe();
        var jobs = await JobsAsync(Start(runs));
        Assert.Equal([(first.RunId, JobStage.Leased), (second.RunId, JobStage.Queued)], jobs.Select(j => (j.Job.RunId, j.Stage)));
        Assert.Equal(first.RunId, (await runs.FishForMessageAsync<EnsureRun>(m => m.RunId == first.RunId)).RunId);
    }

    // Whoever got the job just before the crash may be working on it and could not say so while there was nobody to hear it.
    [Theory]
    [InlineData(0)]
    [InlineData(+3)]
    [InlineData(-3)]
    public async Task A_lease_is_whole_again_after_a_restart_however_long_that_took_and_however_the_clock_was_set(double hours)
    {
        var dispatcher = Start();
        dispatcher.Tell(new QueueJob(NewJob(), RunnerId.Any), CreateTestProbe());
        Ask(dispatcher, A);
        await ExpectMsgAsync<PollResult>();
        await StopAsync(dispatcher);
        Time.Advance(TimeSpan.FromMinutes(5));
        dispatcher = Start(clock: new SchedulerClock(Time) { Step = TimeSpan.FromHours(hours) });
        Assert.Equal(JobStage.Leased, Assert.Single(await JobsAsync(dispatcher)).Stage);
        Time.Advance(TimeSpan.FromSeconds(89));
        Assert.Equal(JobStage.Leased, Assert.Single(await JobsAsync(dispatcher)).Stage);
        Time.Advance(TimeSpan.FromSeconds(2));
        await AwaitAssertAsync(async () => Assert.Equal(JobStage.Queued, Assert.Single(await JobsAsync(dispatcher)).Stage), Limits.Patience);
    }

    private IActorRef Start(TestProbe? runs = null, SchedulerClock? clock = null)
    {
        var dispatcher = Sys.ActorOf(JobDispatcher.Props(new JobSettings(), clock ?? new SchedulerClock(Time)));
        dispatcher.Tell(new RunsStarted(runs ?? CreateTestProbe()));
        return dispatcher;
    }

    private async Task StopAsync(IActorRef dispatcher)
    {
        Watch(dispatcher);
        Sys.Stop(dispatcher);
        await ExpectTerminatedAsync(dispatcher);
    }

    private Guid Ask(IActorRef dispatcher, RunnerId runner)
    {
        var id = Guid.NewGuid();
        dispatcher.Tell(new Poll(runner, id, 1, true, CreateTestProbe()), TestActor);
        return id;
    }

    private static async Task<IReadOnlyList<JobEntry>> JobsAsync(IActorRef dispatcher) =>
        (await dispatcher.Ask<JobList>(GetJobs.Instance, TimeSpan.FromSeconds(10))).Jobs;

    private async Task<IReadOnlyList<JobEntry>> AwaitJobsAsync(IActorRef dispatcher, int count)
    {
        IReadOnlyList<JobEntry> jobs = [];
        await AwaitConditionAsync(async () => (jobs = await JobsAsync(dispatcher)).Count == count, TimeSpan.FromSeconds(10));
        return jobs;
    }

    private static Job NewJob() => new() { RunId = RunId.New(TimeProvider.System), Kind = JobKind.SensorOnly };
}
