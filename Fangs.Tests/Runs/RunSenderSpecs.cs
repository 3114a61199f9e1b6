using Akka.Actor;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Hosting;
using Fangs.Actors.Runs;
using Fangs.Protocol;

namespace Fangs.Tests.Runs;

/// <summary>A run actor that does not know yet what the queue knows, as after a restart.</summary>
public sealed class RunSenderSpecs : TestKit
{
    private static readonly RunSender R1 = new(new HashSet<string> { "r1" });
    private static readonly RunSender R2 = new(new HashSet<string> { "r2", "other" });
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-run-").FullName;

    [Fact]
    public async Task Nobody_is_turned_away_for_good_before_the_queue_has_said_who_has_the_run()
    {
        await using var store = new Store(new CoreSettings { SqlitePath = Path.Combine(_directory, "fangs.db") }, TimeProvider.System);
        var id = RunId.New(TimeProvider.System);
        await store.Runs.EnsureAsync(new Job { RunId = id, Kind = JobKind.SandboxScan, PackageName = "a", Version = "1.0.0" }, TimeProvider.System.GetUtcNow(), null);
        var run = Sys.ActorOf(RunActor.Props(id, new RunSettings(), store.Runs, CreateTestProbe().Ref, CreateTestProbe().Ref, TimeProvider.System));

        Assert.IsType<RunnerNotKnownYet>(await AskAsync(run, R1, id));
        Assert.IsType<EventStreamOpened>(await AskAsync(run, null, id)); // without client certificates nothing is asked

        run.Tell(new RunLeased(id, new RunnerId("r1"), 1, DropsPerRun: true, Confirmed: false, TimeSpan.FromMinutes(5)));
        Assert.IsType<EventStreamOpened>(await AskAsync(run, R1, id));
        Assert.Equal(new NotTheRunner(id, new RunnerId("r1")), await AskAsync(run, R2, id));

        // The job went back and was taken by another one: now that one has it.
        run.Tell(new RunReturned(id, "lease expired"));
        Assert.IsType<EventStreamOpened>(await AskAsync(run, R1, id)); // late but first: nobody else has the job yet
        run.Tell(new RunLeased(id, new RunnerId("r2"), 2, DropsPerRun: true, Confirmed: false, TimeSpan.FromMinutes(5)));
        Assert.Equal(new NotTheRunner(id, new RunnerId("r2")), await AskAsync(run, R1, id));
        Assert.IsType<EventStreamOpened>(await AskAsync(run, R2, id));
        Assert.IsType<NotTheRunner>(await AskAsync(run, new ResultRequest { RunId = id, Status = ResultStatus.Ok }, R1));
        Assert.IsType<ResultRecorded>(await AskAsync(run, new ResultRequest { RunId = id, Status = ResultStatus.Ok }, R2));

        Watch(run);
        Sys.Stop(run);
        await ExpectTerminatedAsync(run);
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        Directory.Delete(_directory, recursive: true);
    }

    private static Task<object> AskAsync(IActorRef run, RunSender? sender, RunId id) => run.Ask<object>(new OpenEventStream(id, Guid.NewGuid(), sender), TimeSpan.FromSeconds(20));

    private static Task<object> AskAsync(IActorRef run, ResultRequest result, RunSender? sender) => run.Ask<object>(new RecordResult(result, sender), TimeSpan.FromSeconds(20));
}
