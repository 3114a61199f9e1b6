using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Packages;
using Fangs.Actors.Runs;
using Fangs.Protocol;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Runs;

/// <summary>When a run asks to be judged: at once when everything has come, otherwise after a lull, and again after what comes late. Time is in the test's hand.</summary>
public sealed class RunActorTriggerSpecs() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\""), IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly LedgerFixture _db = new();
    private TestProbe _packages = null!;
    private RunId _run;
    private IActorRef _actor = null!;

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    public async Task InitializeAsync()
    {
        _packages = CreateTestProbe();
        _run = await _db.QueuedAsync("left-thing");
        _actor = NewActor();
    }

    public async Task DisposeAsync()
    {
        await Sys.Terminate().WaitAsync(Limit);
        await _db.DisposeAsync();
    }

    [Fact]
    public async Task A_run_whose_events_have_all_come_is_judged_at_once()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        Assert.Equal(new AnalyseRun(_run, "left-thing"), await _packages.ExpectMsgAsync<AnalyseRun>(Limit));
    }

    [Fact]
    public async Task While_a_stream_is_open_the_verdict_waits_and_its_end_sets_it_going()
    {
        var stream = await OpenAsync();
        await StoreAsync(1, 2);
        await EndAsync(events: 2);
        await NothingAsync();
        _actor.Tell(new EventStreamClosed(_run, stream));
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
    }

    [Fact]
    public async Task A_stream_that_never_ends_delays_the_verdict_by_two_seconds()
    {
        await OpenAsync();
        await StoreAsync(1, 2);
        await EndAsync(events: 2);
        Time.Advance(TimeSpan.FromSeconds(1.9));
        await NothingAsync();
        Time.Advance(TimeSpan.FromSeconds(0.2));
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
    }

    [Theory]
    [InlineData(3)] // the result tells of more events than have come
    [InlineData(2)] // or a batch is missing
    public async Task An_incomplete_run_is_judged_two_seconds_after_its_last_batch(int emitted)
    {
        await SendAsync(emitted == 2 ? 2ul : 1, 2);
        await EndAsync(emitted);
        Time.Advance(TimeSpan.FromSeconds(1.5));
        await NothingAsync();
        await SendAsync(4, 1); // another gap: still incomplete
        Time.Advance(TimeSpan.FromSeconds(1.9));
        await NothingAsync();
        Time.Advance(TimeSpan.FromSeconds(0.2));
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        await NothingAsync();
    }

    [Fact]
    public async Task The_batch_that_completes_a_run_ends_the_wait()
    {
        await SendAsync(1, 1);
        await EndAsync(events: 2);
        await NothingAsync();
        await SendAsync(2, 1);
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        Time.Advance(TimeSpan.FromSeconds(5));
        await NothingAsync();
    }

    [Fact]
    public async Task A_lull_before_the_result_means_nothing()
    {
        await SendAsync(1, 2);
        Time.Advance(TimeSpan.FromMinutes(1));
        await NothingAsync();
    }

    [Fact]
    public async Task What_comes_after_the_verdict_has_the_run_judged_again()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        await JudgeAsync();
        var stream = await OpenAsync();
        await StoreAsync(2, 1);
        await NothingAsync();
        _actor.Tell(new EventStreamClosed(_run, stream));
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        Assert.Equal(1, _db.Number("SELECT analyzed_at IS NULL FROM runs"));
    }

    [Fact]
    public async Task A_late_batch_that_cannot_be_read_counts_too()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        await JudgeAsync();
        _actor.Tell(new BatchUnreadable(_run, "batch 2: no JSON"));
        await FlushAsync();
        Time.Advance(TimeSpan.FromSeconds(2.1));
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        Assert.Equal("0|1 batches could not be read", _db.Text("SELECT conclusive, inconclusive_reason FROM runs"));
    }

    [Fact]
    public async Task A_stream_without_news_after_the_verdict_changes_nothing()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        await JudgeAsync();
        _actor.Tell(new EventStreamClosed(_run, await OpenAsync()));
        Time.Advance(TimeSpan.FromSeconds(5));
        await NothingAsync();
    }

    [Fact]
    public async Task A_failed_run_is_failed_at_once_and_judged_too()
    {
        _actor.Tell(new EndRun(_run, "runner lost"));
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        Assert.Equal("failed", await FlushAsync());
    }

    [Fact]
    public async Task A_run_with_a_result_is_done_once_it_has_been_judged()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        Assert.Equal("analyzed", await FlushAsync());
        Assert.Equal("analyzed", _db.Text("SELECT state FROM runs"));
        await JudgeAsync();
        Assert.Equal("done", await FlushAsync());
        Assert.Equal("done", _db.Text("SELECT state FROM runs"));
    }

    [Fact]
    public async Task A_repeated_result_is_taken_before_and_after_the_verdict_and_another_one_is_not()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        await EndAsync(events: 2);
        await JudgeAsync();
        await EndAsync(events: 2);
        _actor.Tell(new RecordResult(new ResultRequest { RunId = _run, Status = ResultStatus.Failed, EventsEmitted = 2 }), TestActor);
        await ExpectMsgAsync<ResultRejected>(Limit);
    }

    [Fact]
    public async Task An_actor_that_starts_anew_has_its_run_judged_unless_it_was()
    {
        await SendAsync(1, 2);
        await EndAsync(events: 2);
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        Sys.Stop(_actor);
        _actor = NewActor();
        await JudgeAsync();
        Sys.Stop(_actor);
        _actor = NewActor();
        Time.Advance(TimeSpan.FromSeconds(5));
        await NothingAsync();
    }

    private IActorRef NewActor() => Sys.ActorOf(RunActor.Props(_run, new RunSettings(), _db.Store.Runs, CreateTestProbe(), _packages, TimeProvider.System));

    private async Task<Guid> OpenAsync()
    {
        var stream = Guid.NewGuid();
        _actor.Tell(new OpenEventStream(_run, stream), TestActor);
        await ExpectMsgAsync<EventStreamOpened>(Limit);
        return stream;
    }

    private async Task StoreAsync(ulong seq, int events)
    {
        await _db.AppendAsync(_run, seq, [.. Enumerable.Range(0, events).Select(i => Did.Exec($"/bin/{seq}-{i}"))]);
        _actor.Tell(new BatchStored(_run, seq, events));
        await FlushAsync();
    }

    // As upstream's runner does: a request of its own for each batch.
    private async Task SendAsync(ulong seq, int events)
    {
        var stream = await OpenAsync();
        await StoreAsync(seq, events);
        _actor.Tell(new EventStreamClosed(_run, stream));
        await FlushAsync();
    }

    private async Task EndAsync(long events)
    {
        _actor.Tell(new RecordResult(new ResultRequest { RunId = _run, Status = ResultStatus.Ok, EventsEmitted = events }), TestActor);
        await ExpectMsgAsync<ResultRecorded>(Limit);
    }

    private async Task JudgeAsync()
    {
        await _packages.ExpectMsgAsync<AnalyseRun>(Limit);
        var verdict = await _db.Ledger.AnalyseAsync(_run);
        _packages.Reply(new RunAnalysed(_run, verdict));
        await FlushAsync();
    }

    private async Task NothingAsync()
    {
        await FlushAsync();
        await _packages.ExpectNoMsgAsync(TimeSpan.Zero);
    }

    private async Task<string> FlushAsync() => (await _actor.Ask<RunFound>(new GetRun(_run), Limit)).Row.State;
}
