using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Analysis;
using Fangs.Actors.Packages;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Packages;

/// <summary>Order, retries and life of the actors of packages, over a real database, with time in the test's hand.</summary>
public sealed class PackageActorSpecs() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\""), IAsyncLifetime
{
    private const string Node = "/usr/bin/node";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly LedgerFixture _db = new();

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Sys.Terminate().WaitAsync(Limit);
        await _db.DisposeAsync();
    }

    [Fact]
    public async Task Of_two_first_runs_that_end_together_one_seeds_and_the_other_is_compared()
    {
        var packages = Start();
        for (var round = 0; round < 10; round++)
        {
            var package = $"thing-{round}";
            var runs = new[] { await _db.EndedAsync(package, Did.Exec(Node), Did.Exec("/bin/a")), await _db.EndedAsync(package, Did.Exec(Node), Did.Exec("/bin/b")) };
            await Task.WhenAll(runs.Select(run => packages.Ask<RunAnalysed>(new AnalyseRun(run, package), Limit)));
            Assert.Equal(1, _db.Number($"SELECT count(*) FROM runs WHERE package_name = '{package}' AND is_baseline = 1"));
            Assert.Equal(1, _db.Number($"SELECT count(*) FROM deviations d JOIN runs r ON r.id = d.run_id WHERE r.package_name = '{package}'"));
            Assert.Equal(2, _db.Number($"SELECT count(*) FROM baseline_fingerprints WHERE package_name = '{package}'"));
        }
    }

    [Fact]
    public async Task An_analysis_whose_store_fails_is_tried_again_until_it_succeeds_and_its_asker_is_told_then()
    {
        var store = new FailableStore(_db.Store.Analysis) { Failures = 5 };
        var package = Watched("left-thing", store);
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node));
        package.Tell(new AnalyseRun(run, "left-thing"), TestActor);
        for (var failures = 1; failures <= 5; failures++)
        {
            await AwaitAsync(async () => store.Attempts == failures && (await StateAsync(package)).StartsWith("waits to try again: the disk is full", StringComparison.Ordinal));
            Assert.Equal(0, _db.Number("SELECT count(*) FROM baseline_fingerprints"));
            // Less and less eagerly: 200 ms, then twice that, and so on.
            Time.Advance(TimeSpan.FromMilliseconds(200 * Math.Pow(2, failures - 1)) - TimeSpan.FromMilliseconds(1));
            await StateAsync(package);
            Assert.Equal(failures, store.Attempts);
            Time.Advance(TimeSpan.FromMilliseconds(2));
        }

        Assert.True((await ExpectMsgAsync<RunAnalysed>(Limit)).Verdict!.IsInBaseline);
        Assert.Equal(6, store.Attempts);
    }

    [Fact]
    public async Task Without_the_allow_list_nothing_is_judged_and_with_it_back_everything_is()
    {
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node), Did.Tls("hidden.example"));
        await _db.DecideAsync(new DecisionRequest { Action = DecisionAction.AllowAdd, By = "op", Allow = new AllowRequest { Kind = "sni", Value = "hidden.example" } });
        _db.Execute("ALTER TABLE allowlists RENAME TO hidden");
        var package = Watched("left-thing", _db.Store.Analysis);
        package.Tell(new AnalyseRun(run, "left-thing"), TestActor);
        await AwaitAsync(async () => (await StateAsync(package)).Contains("waits to try again", StringComparison.Ordinal));
        Assert.Equal("analyzed|0", _db.Text($"SELECT state, (SELECT count(*) FROM deviations) FROM runs WHERE id = '{run}'"));
        _db.Execute("ALTER TABLE hidden RENAME TO allowlists");
        Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, (await ExpectMsgAsync<RunAnalysed>(Limit)).Verdict!.Open);
        Assert.Equal("done|1", _db.Text($"SELECT state, is_baseline FROM runs WHERE id = '{run}'"));
    }

    [Fact]
    public async Task While_analyses_wait_to_be_tried_again_decisions_go_through_and_a_failed_one_is_told()
    {
        var seed = await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node));
        var store = new FailableStore(_db.Store.Analysis) { Failures = 1 };
        var package = Watched("left-thing", store);
        package.Tell(new AnalyseRun(run, "left-thing"), TestActor);
        await AwaitAsync(async () => (await StateAsync(package)).Contains("waits to try again", StringComparison.Ordinal));
        var promote = new DecisionRequest { Action = DecisionAction.Promote, By = "op", RunId = seed.ToString() };
        package.Tell(new DecideForPackage("left-thing", promote, TestActor));
        Assert.True((await ExpectMsgAsync<DecisionOutcome>(Limit)).Response!.Changed);
        store.Failures = 1;
        package.Tell(new DecideForPackage("left-thing", promote with { Action = DecisionAction.Demote }, TestActor));
        Assert.IsType<StorageException>((await ExpectMsgAsync<Status.Failure>(Limit)).Cause);
        Time.Advance(TimeSpan.FromSeconds(1));
        await ExpectMsgAsync<RunAnalysed>(Limit);
    }

    [Fact]
    public async Task An_idle_package_leaves_memory_and_comes_back_with_the_next_work()
    {
        var packages = Start();
        var run = await _db.EndedAsync("@scope/thing", Did.Exec(Node));
        await packages.Ask<RunAnalysed>(new AnalyseRun(run, "@scope/thing"), Limit);
        var package = await Sys.ActorSelection($"/user/{packages.Path.Name}/%40scope%2Fthing").ResolveOne(Limit);
        Watch(package);
        Time.Advance(TimeSpan.FromSeconds(59));
        Assert.Contains("1 judged", await StateAsync(package), StringComparison.Ordinal);
        Time.Advance(TimeSpan.FromSeconds(2));
        await ExpectTerminatedAsync(package, Limit);
        Assert.NotNull((await packages.Ask<RunAnalysed>(new AnalyseRun(run, "@scope/thing"), Limit)).Verdict);
    }

    [Fact]
    public async Task Work_that_comes_while_an_idle_package_is_about_to_leave_is_done_and_answered()
    {
        var packages = Start();
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node));
        await packages.Ask<RunAnalysed>(new AnalyseRun(run, "left-thing"), Limit);
        var package = await Sys.ActorSelection($"/user/{packages.Path.Name}/left-thing").ResolveOne(Limit);
        // Straight to the package, so that it arrives before the supervisor's order to stop.
        Time.Advance(TimeSpan.FromSeconds(61));
        package.Tell(new AnalyseRun(run, "left-thing"), TestActor);
        packages.Tell(new AnalyseRun(run, "left-thing"), TestActor);
        await FishForMessageAsync<RunAnalysed>(_ => true, Limit);
        await packages.Ask<RunAnalysed>(new AnalyseRun(run, "left-thing"), Limit);
    }

    [Fact]
    public async Task What_a_former_process_left_is_judged_at_the_start_oldest_first()
    {
        var runs = new List<RunId>();
        for (var i = 0; i < 5; i++) runs.Add(await _db.EndedAsync(i == 3 ? "" : "left-thing", ResultStatus.Ok, i == 0 ? 1ul : 0, Did.Exec(Node), Did.Exec($"/bin/{i}")));
        var failed = await _db.EndedAsync("right-thing", ResultStatus.Failed, 0, Did.Exec(Node));
        await _db.QueuedAsync("left-thing");
        Start();
        await AwaitAsync(() => Task.FromResult(_db.Number("SELECT count(*) FROM runs WHERE analyzed_at IS NULL") == 1));
        Assert.Equal("pending", _db.Text("SELECT state FROM runs WHERE analyzed_at IS NULL"));
        // The first is inconclusive, so the second seeds and the others deviate from it.
        Assert.Equal($"{runs[1]}", _db.Text("SELECT id FROM runs WHERE is_baseline = 1"));
        Assert.Equal($"{runs[2]}|/bin/2\n{runs[4]}|/bin/4", _db.Text("SELECT run_id, value FROM deviations ORDER BY run_id"));
        Assert.Equal("failed", _db.Text($"SELECT state FROM runs WHERE id = '{failed}'"));
    }

    [Fact]
    public async Task A_store_that_fails_at_the_start_is_asked_again()
    {
        var run = await _db.EndedAsync("left-thing", Did.Exec(Node));
        var store = new FailableStore(_db.Store.Analysis) { DueFailures = 1 };
        Sys.ActorOf(PackageSupervisor.Props(new PackageSettings(), new PackageLedger(store, new AnalysisSettings(), TimeProvider.System)));
        await AwaitAsync(() => Task.FromResult(store.DueFailures == 0));
        await AwaitAsync(() =>
        {
            Time.Advance(TimeSpan.FromSeconds(3));
            return Task.FromResult(_db.Number($"SELECT count(*) FROM runs WHERE id = '{run}' AND state = 'done'") == 1);
        });
    }

    [Fact]
    public async Task A_decision_finds_its_package_and_one_about_nothing_is_answered()
    {
        var packages = Start();
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("a.example"));
        var id = _db.Text("SELECT id FROM deviations");
        Assert.Equal(run.ToString(), (await AskAsync(packages, new DecisionRequest { Action = DecisionAction.Accept, By = "op", DeviationId = id })).Response!.RunId);
        Assert.Equal(DecisionFault.NotFound, (await AskAsync(packages, new DecisionRequest { Action = DecisionAction.Accept, By = "op", DeviationId = "ffff" })).Fault);
        Assert.Equal(DecisionFault.NotFound, (await AskAsync(packages, new DecisionRequest { Action = DecisionAction.Promote, By = "op", RunId = new string('f', 32) })).Fault);
        Assert.Equal(DecisionFault.Invalid, (await AskAsync(packages, new DecisionRequest { Action = "x", By = "op" })).Fault);
    }

    [Fact]
    public async Task A_change_of_the_allow_list_goes_through_every_package_that_it_concerns()
    {
        var packages = Start();
        foreach (var package in new[] { "left-thing", "right-thing", "third-thing" })
        {
            await _db.JudgedAsync(package, Did.Exec(Node));
            await _db.JudgedAsync(package, Did.Exec(Node), Did.Tls(package == "third-thing" ? "other.example" : "x.example"));
        }

        var request = new DecisionRequest { Action = DecisionAction.AllowAdd, By = "op", Allow = new AllowRequest { Kind = "sni", Value = "x.example" } };
        var preview = await AskAsync(packages, request with { DryRun = true });
        Assert.Equal((2, 2, false), (preview.Response!.DeviationsChanged, preview.Response.RunsAffected, preview.Response.Changed));
        var answer = await AskAsync(packages, request);
        Assert.Equal((2, 2, true), (answer.Response!.DeviationsChanged, answer.Response.RunsAffected, answer.Response.Changed));
        Assert.Equal("other.example", _db.Text("SELECT value FROM deviations"));
        Assert.Equal(DecisionFault.Refused, (await AskAsync(packages, request)).Fault);
        var undone = await AskAsync(packages, new DecisionRequest { Action = DecisionAction.AllowRemove, By = "op", AllowId = answer.Response.AllowId });
        Assert.Equal((2, 2), (undone.Response!.DeviationsChanged, undone.Response.RunsAffected));
        Assert.Equal(3, _db.Number("SELECT count(*) FROM deviations"));
    }

    [Fact]
    public async Task What_an_entry_had_hidden_is_shown_again_when_it_expires()
    {
        var packages = Start();
        await _db.JudgedAsync("left-thing", Did.Exec(Node));
        var run = await _db.JudgedAsync("left-thing", Did.Exec(Node), Did.Tls("x.example"));
        var allow = new AllowRequest { Kind = "sni", Value = "x.example", ExpiresAt = "2999-01-01T00:00:00Z" };
        Assert.Equal(1, (await AskAsync(packages, new DecisionRequest { Action = DecisionAction.AllowAdd, By = "op", Allow = allow })).Response!.DeviationsChanged);
        Assert.Equal("0|1", _db.Text($"SELECT (SELECT count(*) FROM deviations), is_baseline FROM runs WHERE id = '{run}'"));
        // Its time comes.
        _db.Execute("UPDATE allowlists SET expires_at = '2020-01-01T00:00:00.000000000Z'");
        await AwaitAsync(() =>
        {
            Time.Advance(TimeSpan.FromSeconds(15));
            return Task.FromResult(_db.Number("SELECT count(*) FROM deviations") == 1);
        });
        Assert.Equal($"{run}|x.example|open|0", _db.Text("SELECT run_id, value, status, (SELECT is_baseline FROM runs WHERE id = run_id) FROM deviations"));
        Assert.Equal("fangs|allow.expire", _db.Text("SELECT actor, action FROM audit_log ORDER BY id DESC LIMIT 1"));
        Assert.Empty(await _db.Ledger.ExpireAllowAsync());
    }

    [Fact]
    public async Task A_look_for_expired_entries_that_fails_is_repeated()
    {
        var store = new FailableStore(_db.Store.Analysis) { ExpiryFailures = 2 };
        Sys.ActorOf(PackageSupervisor.Props(new PackageSettings(), new PackageLedger(store, new AnalysisSettings(), TimeProvider.System)));
        await AwaitAsync(() =>
        {
            Time.Advance(TimeSpan.FromSeconds(15));
            return Task.FromResult(store.ExpiryFailures == 0);
        });
    }

    private static Task<DecisionOutcome> AskAsync(IActorRef packages, DecisionRequest request) => packages.Ask<DecisionOutcome>(new Decide(request), Limit);

    private static async Task<string> StateAsync(IActorRef actor) => (await actor.Ask<StateLine>(GetStateLine.Instance, Limit)).Text;

    private IActorRef Start() => Sys.ActorOf(PackageSupervisor.Props(new PackageSettings(), _db.Ledger));

    private IActorRef Watched(string package, IAnalysisStore store) =>
        Sys.ActorOf(PackageActor.Props(package, new PackageSettings(), new PackageLedger(store, new AnalysisSettings(), TimeProvider.System)));

    private Task AwaitAsync(Func<Task<bool>> isSo) => AwaitConditionAsync(isSo, Limit, TimeSpan.FromMilliseconds(10));
}
