using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Protocol;

namespace Fangs.Tests.Runners;

public sealed class RunnerActorSpecs() : TestKit(SchedulerClock.Config)
{
    private static readonly RunnerId Id = new("host-a/1");

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task A_silent_runner_is_pruned_after_90_seconds_and_not_before()
    {
        var dispatcher = CreateTestProbe();
        var runner = await StartAsync(dispatcher);
        Watch(runner);
        Time.Advance(TimeSpan.FromSeconds(89.9));
        await FlushAsync(runner);
        await dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        Time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(Id, (await dispatcher.ExpectMsgAsync<RunnerLost>()).Runner);
        await ExpectTerminatedAsync(runner);
    }

    [Fact]
    public async Task Looking_does_not_keep_a_runner_alive()
    {
        var dispatcher = CreateTestProbe();
        var runner = await StartAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(60));
        await FlushAsync(runner);
        runner.Tell(GetStateLine.Instance, TestActor);
        await ExpectMsgAsync<StateLine>();
        runner.Tell(new CountDrops(Id, RunId.New(TimeProvider.System), 1), TestActor);
        await ExpectMsgAsync<DropsCounted>();
        Time.Advance(TimeSpan.FromSeconds(29.9));
        await FlushAsync(runner);
        await dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        Time.Advance(TimeSpan.FromSeconds(0.2));
        await dispatcher.ExpectMsgAsync<RunnerLost>();
    }

    [Fact]
    public async Task A_runner_that_had_a_job_before_a_restart_is_lost_when_it_does_not_come_back_within_90_seconds()
    {
        var (dispatcher, runs) = (CreateTestProbe(), CreateTestProbe());
        var registry = Sys.ActorOf(RunnerRegistry.Props(new RunnerSettings(), dispatcher, runs, new SchedulerClock(Time)));
        var back = new RunnerId("back");
        registry.Tell(new ExpectRunner(Id));
        registry.Tell(new ExpectRunner(back));
        foreach (var id in new[] { Id, back })
        {
            registry.Tell(new GetRunner(id), TestActor);
            await ExpectMsgAsync<RunnerUnknown>();
        }

        Time.Advance(TimeSpan.FromSeconds(89.9));
        registry.Tell(new RegisterRunner(back, "h", "k", [], ""), TestActor);
        await ExpectMsgAsync<RunnerRegistered>();
        registry.Tell(new GetRunner(back), TestActor);
        await ExpectMsgAsync<RunnerState>();
        Time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(Id, (await dispatcher.FishForMessageAsync<RunnerLost>(_ => true, Limits.Patience)).Runner);
        registry.Tell(GetRunners.Instance, TestActor);
        Assert.Equal([back], (await ExpectMsgAsync<RunnerList>()).Runners.Select(r => r.Runner));
    }

    [Fact]
    public async Task Heartbeats_and_polls_keep_it_alive()
    {
        var dispatcher = CreateTestProbe();
        var runner = await StartAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(60));
        runner.Tell(new RunnerHeartbeat(Id, [], RunnerStatus.Idle, 0), TestActor);
        Assert.True((await ExpectMsgAsync<HeartbeatAnswer>()).Known);
        await FlushAsync(runner);
        Time.Advance(TimeSpan.FromSeconds(60));
        runner.Tell(new PollForJob(Id, Guid.NewGuid()), TestActor);
        await dispatcher.ExpectMsgAsync<Poll>();
        await FlushAsync(runner);
        Time.Advance(TimeSpan.FromSeconds(60));
        await FlushAsync(runner);
        await dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task A_new_process_under_the_same_name_has_lost_the_runs_of_the_old_one()
    {
        var dispatcher = CreateTestProbe();
        var runner = await StartAsync(dispatcher, "first");
        runner.Tell(new RegisterRunner(Id, "h", "k", [], "first"), TestActor);
        await ExpectMsgAsync<RunnerRegistered>();
        await dispatcher.ExpectNoMsgAsync(TimeSpan.Zero);
        runner.Tell(new RegisterRunner(Id, "h", "k", [], "second"), TestActor);
        await ExpectMsgAsync<RunnerRegistered>();
        await dispatcher.ExpectMsgAsync<RunnerLost>();
    }

    [Fact]
    public async Task Cumulative_drops_become_those_of_the_run()
    {
        var runner = await StartAsync(CreateTestProbe());
        var (first, second) = (RunId.New(TimeProvider.System), RunId.New(TimeProvider.System));
        foreach (var (run, reported, expected) in new[] { (first, 5ul, 5ul), (first, 5ul, 5ul), (second, 12ul, 7ul) })
        {
            runner.Tell(new CountDrops(Id, run, reported), TestActor);
            Assert.Equal(expected, (await ExpectMsgAsync<DropsCounted>()).OfRun);
        }
    }

    private async Task<IActorRef> StartAsync(TestProbe dispatcher, string instance = "")
    {
        var runner = Sys.ActorOf(RunnerActor.Props(Id, new RunnerSettings(), dispatcher, CreateTestProbe(), new SchedulerClock(Time)));
        runner.Tell(new RegisterRunner(Id, "host", "6.1", [], instance), TestActor);
        await ExpectMsgAsync<RunnerRegistered>();
        await FlushAsync(runner); // its receive timeout is set after the reply
        return runner;
    }

    private async Task FlushAsync(IActorRef runner)
    {
        runner.Tell(new GetRunner(Id), TestActor);
        await ExpectMsgAsync<RunnerState>();
    }
}
