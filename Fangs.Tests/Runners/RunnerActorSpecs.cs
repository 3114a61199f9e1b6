using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Protocol;

namespace Fangs.Tests.Runners;

public sealed class RunnerActorSpecs() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"")
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
        Time.Advance(TimeSpan.FromSeconds(31));
        await dispatcher.ExpectMsgAsync<RunnerLost>();
    }

    [Fact]
    public async Task Heartbeats_and_polls_keep_it_alive()
    {
        var dispatcher = CreateTestProbe();
        var runner = await StartAsync(dispatcher);
        Time.Advance(TimeSpan.FromSeconds(60));
        runner.Tell(new RunnerHeartbeat(Id, [], RunnerStatus.Idle, 0), TestActor);
        Assert.True((await ExpectMsgAsync<HeartbeatAnswer>()).Known);
        Time.Advance(TimeSpan.FromSeconds(60));
        runner.Tell(new PollForJob(Id, Guid.NewGuid()), TestActor);
        await dispatcher.ExpectMsgAsync<Poll>();
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
        var runner = Sys.ActorOf(RunnerActor.Props(Id, new RunnerSettings(), dispatcher, CreateTestProbe(), TimeProvider.System));
        runner.Tell(new RegisterRunner(Id, "host", "6.1", [], instance), TestActor);
        await ExpectMsgAsync<RunnerRegistered>();
        return runner;
    }

    private async Task FlushAsync(IActorRef runner)
    {
        runner.Tell(new GetRunner(Id), TestActor);
        await ExpectMsgAsync<RunnerState>();
    }
}
