using System.Text.Json;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Jobs;

/// <summary>The dispatcher on the orchestrator's own journal, in a real database file.</summary>
public sealed class JobJournalSpecs : TestKit
{
    private static readonly RunnerId Runner = new("a");
    private readonly TemporaryDatabase _file;

    public JobJournalSpecs() : this(new TemporaryDatabase())
    {
    }

    private JobJournalSpecs(TemporaryDatabase file) : base(SetupFor(file)) => _file = file;

    protected override void AfterAll()
    {
        base.AfterAll();
        _file.Dispose();
    }

    [Fact]
    public async Task The_journal_holds_readable_json_under_our_manifests()
    {
        var dispatcher = Start();
        var job = await QueueAsync(dispatcher);
        dispatcher.Tell(new Poll(Runner, Guid.NewGuid(), 1, true, CreateTestProbe()), TestActor);
        await ExpectMsgAsync<PollResult>();
        Assert.Equal(["410|job-queued-v1", "410|job-leased-v1"], _file.Rows("SELECT identifier, manifest FROM journal ORDER BY sequence_number"));
        using var queued = JsonDocument.Parse(_file.Rows("SELECT CAST(message AS TEXT) FROM journal WHERE manifest = 'job-queued-v1'")[0]);
        Assert.Equal(job.RunId, queued.RootElement.GetProperty("run_id").Deserialize<RunId>());
    }

    [Fact]
    public async Task A_snapshot_takes_the_place_of_the_events_before_it()
    {
        var dispatcher = Start(snapshotEvery: 3);
        var jobs = new List<RunId>();
        for (var i = 0; i < 7; i++) jobs.Add((await QueueAsync(dispatcher)).RunId);
        // The last event before the snapshot stays as a mark of the highest number.
        await AwaitConditionAsync(
            () => Task.FromResult(_file.Rows("SELECT sequence_number, manifest FROM snapshot") is ["6|job-queue-v1"]
                && _file.Rows("SELECT sequence_number, CAST(deleted AS INTEGER) FROM journal") is ["6|1", "7|0"]),
            Limits.Patience);
        await StopAsync(dispatcher);
        Assert.Equal(jobs, (await JobsAsync(Start())).Select(j => j.Job.RunId));
    }

    [Fact]
    public async Task An_entry_of_a_newer_version_stops_the_recovery_and_is_named()
    {
        var dispatcher = Start();
        await QueueAsync(dispatcher);
        await StopAsync(dispatcher);
        _file.Execute("UPDATE journal SET manifest = 'job-queued-v9'");
        await EventFilter.Exception<ArgumentException>(contains: "no entry of kind job-queued-v9").ExpectAsync(1, async () =>
        {
            var newer = Start();
            Watch(newer);
            await ExpectTerminatedAsync(newer, Limits.Patience);
        });
    }

    private static ActorSystemSetup SetupFor(TemporaryDatabase file) => BootstrapSetup.Create()
        .WithConfig(ConfigurationFactory.ParseString("akka.test.single-expect-default = 60s").WithFallback(Hocon("sqlite.conf")).WithFallback(Hocon("fangs.conf"))
            .WithFallback(Akka.Persistence.Sql.SqlPersistence.DefaultConfiguration).WithFallback(DefaultConfig))
        .And(SqliteJournal.SetupFor(file.Database.ConnectionString, new WriteTurn()));

    private static Config Hocon(string name) => ConfigurationFactory.ParseString(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "hocon", name)));

    private IActorRef Start(int snapshotEvery = 2000)
    {
        var dispatcher = Sys.ActorOf(JobDispatcher.Props(new JobSettings { SnapshotEvery = snapshotEvery }, TimeProvider.System));
        dispatcher.Tell(new RunsStarted(CreateTestProbe()));
        return dispatcher;
    }

    private async Task StopAsync(IActorRef dispatcher)
    {
        Watch(dispatcher);
        Sys.Stop(dispatcher);
        await ExpectTerminatedAsync(dispatcher);
    }

    private async Task<Job> QueueAsync(IActorRef dispatcher)
    {
        var runs = CreateTestProbe();
        dispatcher.Tell(new RunsStarted(runs));
        var job = new Job { RunId = RunId.New(TimeProvider.System), Kind = JobKind.SensorOnly };
        dispatcher.Tell(new QueueJob(job, RunnerId.Any));
        await runs.FishForMessageAsync<Fangs.Actors.Runs.EnsureRun>(m => m.RunId == job.RunId, Limits.Patience);
        return job;
    }

    private static async Task<IReadOnlyList<JobEntry>> JobsAsync(IActorRef dispatcher) =>
        (await dispatcher.Ask<JobList>(GetJobs.Instance, Limits.Patience)).Jobs;
}
