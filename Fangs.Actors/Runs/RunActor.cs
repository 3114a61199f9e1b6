using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Jobs;
using Fangs.Actors.Packages;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;
using Fangs.Protocol;

namespace Fangs.Actors.Runs;

/// <summary>One run: keeps its row, its signs of life and its deadline, and takes its result.</summary>
/// <remarks>
/// <c>/user/runs/{id}</c>. Made for every job of the queue and on demand; passivates some time after the run has ended. Writing stops the
/// mailbox until the store has answered (<c>ReceiveAsync</c>), because nothing about one run may overtake its own history.
/// </remarks>
public sealed class RunActor : ReceiveActor, IWithTimers, IWithUnboundedStash
{
    private sealed record RowLoaded(RunRow? Row) : INoSerializationVerificationNeeded;

    private sealed record LoadFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record AnalysisDue : INoSerializationVerificationNeeded;

    private sealed record Check : INoSerializationVerificationNeeded;

    private sealed record DropsOverdue : INoSerializationVerificationNeeded;

    private static readonly TimeSpan CountDropsWithin = TimeSpan.FromSeconds(5);

    private readonly RunId _id;
    private readonly RunSettings _settings;
    private readonly IRunStore _store;
    private readonly IActorRef _dispatcher;
    private readonly IActorRef _packages;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly HashSet<Guid> _streams = [];
    private RunRow _row = null!;
    private RunLeased? _lease;
    private long _lastSign, _confirmedAt; // timestamps, not times: a clock that is set ends no run
    private bool _isHolderKnown; // the queue has told this incarnation who has the run, or that nobody has
    private string? _traceParent;
    private DateTimeOffset? _since;
    private bool _isJudged;
    private RecordResult? _counting;
    private IActorRef _countingFor = ActorRefs.Nobody;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public RunActor(RunId id, RunSettings settings, IRunStore store, IActorRef dispatcher, IActorRef packages, TimeProvider clock)
    {
        (_id, _settings, _store, _dispatcher, _packages, _clock) = (id, settings, store, dispatcher, packages, clock);
        Loading();
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <inheritdoc/>
    public IStash Stash { get; set; } = null!;

    /// <summary>How to make one.</summary>
    public static Props Props(RunId id, RunSettings settings, IRunStore store, IActorRef dispatcher, IActorRef packages, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new RunActor(id, settings, store, dispatcher, packages, clock));

    /// <summary>Identifies a result, so that a repeat can be told from another one.</summary>
    public static string DigestOf(ResultRequest result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{result.Status}\n{result.EventsEmitted}\n{result.EventsDropped}\n{result.Duration.Value}\n{result.Reason}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <inheritdoc/>
    protected override void PreStart() => Load();

    /// <inheritdoc/>
    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        _dispatcher.Tell(new AnnounceRun(_id)); // lease and deadline were in memory
    }

    private void Load() => _store.FindAsync(_id).PipeTo(Self, success: row => new RowLoaded(row), failure: e => new LoadFailed(e));

    private void Loading()
    {
        Receive<RowLoaded>(loaded =>
        {
            if (loaded.Row is { } row) Settle(row);
            else Become(Missing);
            Stash.UnstashAll();
        });
        Receive<LoadFailed>(failed =>
        {
            // Whoever waits learns that the store fails; the next message tries again.
            _log.Error(failed.Cause, "Run {Run} cannot be read", _id);
            Become(Unreadable);
            Stash.UnstashAll();
        });
        ReceiveAny(_ => Stash.Stash());
    }

    private void Unreadable()
    {
        Context.SetReceiveTimeout(TimeSpan.FromSeconds(1)); // fail fast for what waits, then load anew with a fresh actor
        Receive<ReceiveTimeout>(_ => Context.Parent.Tell(new PassivateRun(_id)));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine("cannot be read from the store")));
        Receive<EnsureRun>(m => m.Asker.Tell(StoreFailure("the run cannot be read")));
        Receive<EventStreamClosed>(_ => { });
        Receive<IWithRunId>(_ => Sender.Tell(StoreFailure("the run cannot be read")));
    }

    private void Missing()
    {
        Context.SetReceiveTimeout(_settings.PassivateAfter);
        ReceiveAsync<EnsureRun>(OnEnsureMissing);
        Receive<ReceiveTimeout>(_ => Context.Parent.Tell(new PassivateRun(_id)));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine("no such run")));
        Receive<RunAlive>(_ => { });
        Receive<EventStreamClosed>(_ => { });
        Receive<IWithRunId>(_ => Sender.Tell(new RunNotFound(_id)));
    }

    private void Live()
    {
        Context.SetReceiveTimeout(null);
        Receive<EnsureRun>(m =>
        {
            if (m.Job.TraceParent is not null) (_traceParent, _since) = (m.Job.TraceParent, m.QueuedAt);
            m.Asker.Tell(new ScanRejected($"run_id {_id} is in use; leave it out to get a new one"));
        });
        ReceiveAsync<RunLeased>(OnLeased);
        ReceiveAsync<RunReturned>(OnReturned);
        ReceiveAsync<EndRun>(m => Finish(new RunEnd(RunStates.Failed, m.Reason, null, 0, "")));
        Receive<RunAlive>(OnAlive);
        Receive<OpenEventStream>(OnStreamOpened);
        Receive<EventStreamClosed>(closed => _streams.Remove(closed.Stream));
        ReceiveAsync<BatchStored>(OnBatchStored);
        ReceiveAsync<BatchUnreadable>(OnBatchUnreadable);
        ReceiveAsync<RecordResult>(OnResult);
        Receive<GetRun>(_ => Sender.Tell(new RunFound(_row)));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
        ReceiveAsync<Check>(_ => OnCheck());
    }

    private void CountingDrops()
    {
        // A timer and no receive timeout: the periodic look at the deadline would put that off again and again.
        Timers.StartSingleTimer(nameof(DropsOverdue), new DropsOverdue(), CountDropsWithin);
        ReceiveAsync<DropsCounted>(async counted => await TakeResult(counted.OfRun));
        ReceiveAsync<DropsOverdue>(async _ => await TakeResult(_counting!.Result.EventsDropped)); // the registry is gone: the value as it came
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
        ReceiveAny(_ => Stash.Stash());
    }

    private void Ended()
    {
        Context.SetReceiveTimeout(_settings.PassivateAfter);
        _dispatcher.Tell(_row.Interrupted ? new RetryJob(_id, RunId.New(_clock)) : new FinishJob(_id));
        Receive<ReceiveTimeout>(_ => Context.Parent.Tell(new PassivateRun(_id)));
        Receive<EnsureRun>(m =>
        {
            m.Asker.Tell(new ScanRejected($"run_id {_id} is in use; leave it out to get a new one"));
            _dispatcher.Tell(new FinishJob(_id)); // the queue did not know yet that the run has ended
        });
        Receive<RunLeased>(_ => _dispatcher.Tell(new FinishJob(_id)));
        Receive<EndRun>(_ => _dispatcher.Tell(new FinishJob(_id)));
        Receive<RunReturned>(_ => _dispatcher.Tell(new FinishJob(_id)));
        Receive<RunAlive>(_ => { });
        Receive<Check>(_ => { });
        Receive<OpenEventStream>(OnLateStreamOpened);
        Receive<EventStreamClosed>(OnLateStreamClosed);
        ReceiveAsync<BatchStored>(async _ => OnLateEvents(await _store.ReassessAsync(_id)));
        ReceiveAsync<BatchUnreadable>(async m => OnLateEvents(await _store.NoteBadBatchAsync(_id, m.Detail)));
        Receive<AnalysisDue>(_ => Analyse());
        Receive<RunAnalysed>(OnAnalysed);
        Receive<RecordResult>(OnRepeatedResult);
        Receive<GetRun>(_ => Sender.Tell(new RunFound(_row)));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
        if (!_row.IsAnalysed) Trigger();
    }

    private void Settle(RunRow row)
    {
        _row = row;
        _isJudged = row.IsAnalysed;
        Become(RunStates.HasEnded(row.State) ? Ended : Live);
    }

    private void OnLateStreamOpened(OpenEventStream open)
    {
        if (!IsFromHolder(open.Sender)) return;
        _streams.Add(open.Stream); // late batches are evidence too
        Sender.Tell(new EventStreamOpened(_id));
    }

    private void OnLateStreamClosed(EventStreamClosed closed)
    {
        // Only while a verdict is being waited for: what has been judged is not judged again because somebody hung up.
        if (_streams.Remove(closed.Stream) && Timers.IsTimerActive(nameof(AnalysisDue))) Trigger();
    }

    private void OnLateEvents(RunRow row)
    {
        _row = row;
        Trigger();
    }

    // A verdict before the last events would be a verdict on something else. When all have come there is nothing to wait for.
    private void Trigger()
    {
        if (_streams.Count == 0 && _row.IsComplete) Analyse();
        else Timers.StartSingleTimer(nameof(AnalysisDue), new AnalysisDue(), _settings.AnalyseAfter);
    }

    private void Analyse()
    {
        Timers.Cancel(nameof(AnalysisDue));
        _packages.Tell(new AnalyseRun(_id, _row.Package, _traceParent));
    }

    private void OnAnalysed(RunAnalysed analysed)
    {
        // Between the verdict and now a late batch may have made it out of date; then another one is on its way.
        if (Timers.IsTimerActive(nameof(AnalysisDue))) return;
        if (!_isJudged) _metrics.RunJudged(_row.SeqGaps, _row.InconclusiveReason);
        _isJudged = true;
        _row = _row with { IsAnalysed = true, State = _row.State == RunStates.Analyzed ? RunStates.Done : _row.State };
    }

    private async Task OnEnsureMissing(EnsureRun ensure)
    {
        try
        {
            var (row, _) = await _store.EnsureAsync(ensure.Job, ensure.QueuedAt, ensure.RetryOf);
            Settle(row);
            _isHolderKnown = true;
            (_traceParent, _since) = (ensure.Job.TraceParent, ensure.QueuedAt);
            ensure.Asker.Tell(new ScanAccepted(_id));
        }
        catch (StorageException e)
        {
            ensure.Asker.Tell(new Status.Failure(e));
            throw; // restarts this actor, which then asks the dispatcher for the job again
        }
    }

    private async Task OnLeased(RunLeased lease)
    {
        var isSame = _lease is { } known && known.Attempt == lease.Attempt && known.Runner == lease.Runner;
        var isNews = !isSame || _row.RunnerId != lease.Runner.Value;
        if (lease.Confirmed)
        {
            // From when this process has known it: the runner keeps to its own deadline, and while nobody was here nothing could be reported.
            _lastSign = _clock.GetTimestamp();
            if (!isSame || !_lease!.Confirmed) _confirmedAt = _lastSign;
            if (!Timers.IsTimerActive(nameof(Check))) Timers.StartPeriodicTimer(nameof(Check), new Check(), _settings.CheckEvery);
        }

        (_lease, _isHolderKnown) = (lease, true);
        if (!isNews || _row.State == RunStates.Sandboxed) return;
        await _store.SetStateAsync(_id, RunStates.Building, lease.Runner.Value, lease.Attempt, $"handed to {lease.Runner}");
        _row = _row with { State = RunStates.Building, RunnerId = lease.Runner.Value };
    }

    private async Task OnReturned(RunReturned returned)
    {
        (_lease, _isHolderKnown) = (null, true);
        await _store.SetStateAsync(_id, RunStates.Pending, null, null, $"back in the queue: {returned.Reason}");
        _row = _row with { State = RunStates.Pending };
    }

    private void OnAlive(RunAlive alive)
    {
        if (_lease is { Confirmed: true } lease && lease.Runner == alive.Runner) _lastSign = _clock.GetTimestamp();
        else _dispatcher.Tell(new ConfirmLease(_id, alive.Runner));
    }

    private void OnStreamOpened(OpenEventStream open)
    {
        if (!IsFromHolder(open.Sender)) return;
        _streams.Add(open.Stream);
        OnActivity();
        Sender.Tell(new EventStreamOpened(_id));
    }

    /// <summary>Whether the sender is the runner that has the run, or had it last; whoever is not gets his answer here.</summary>
    private bool IsFromHolder(RunSender? sender)
    {
        if (sender is null) return true;
        var holder = _lease?.Runner.Value ?? _row.RunnerId;
        if (holder.Length > 0 && sender.IsRunner(holder)) return true;
        // After a restart the table may be behind the queue. A wrong refusal would make an honest runner throw its events away.
        if (_isHolderKnown || RunStates.IsTerminal(_row.State)) Sender.Tell(new NotTheRunner(_id, holder.Length > 0 ? new RunnerId(holder) : null));
        else Sender.Tell(new RunnerNotKnownYet(_id));
        return false;
    }

    private async Task OnBatchStored(BatchStored stored)
    {
        OnActivity();
        if (_row.State == RunStates.Sandboxed) return;
        await _store.SetStateAsync(_id, RunStates.Sandboxed, null, null, "first events");
        _row = _row with { State = RunStates.Sandboxed };
    }

    private async Task OnBatchUnreadable(BatchUnreadable unreadable)
    {
        OnActivity();
        await _store.NoteBadBatchAsync(_id, unreadable.Detail);
    }

    // Without client certificates events and results do not say which runner sends them; only the one that has the job knows the run's id.
    private void OnActivity()
    {
        _lastSign = _clock.GetTimestamp();
        if (_lease is not { Confirmed: true }) _dispatcher.Tell(new ConfirmLease(_id, null));
    }

    private async Task OnResult(RecordResult result)
    {
        if (!IsFromHolder(result.Sender)) return;
        OnActivity();
        (_counting, _countingFor) = (result, Sender);
        if (_lease is null || _lease.DropsPerRun)
        {
            await TakeResult(result.Result.EventsDropped);
            return;
        }

        Context.Parent.Tell(new CountDrops(_lease.Runner, _id, result.Result.EventsDropped));
        Become(CountingDrops);
    }

    private async Task TakeResult(ulong dropped)
    {
        Timers.Cancel(nameof(DropsOverdue));
        var (result, asker) = (_counting!.Result, _countingFor);
        (_counting, _countingFor) = (null, ActorRefs.Nobody);
        var isOk = result.Status == ResultStatus.Ok;
        var reason = !string.IsNullOrEmpty(result.Reason) ? result.Reason.Replace('\0', '\u2400')
            : isOk ? "" : result.Status == ResultStatus.Timeout ? "did not finish in time" : "the runner gave no reason";
        try
        {
            await Finish(new RunEnd(isOk ? RunStates.Analyzed : RunStates.Failed, reason, result, dropped, DigestOf(result)));
            asker.Tell(new ResultRecorded(_id));
        }
        catch (StorageException e)
        {
            asker.Tell(new Status.Failure(e));
            Become(Live);
        }

        Stash.UnstashAll();
    }

    private async Task Finish(RunEnd end)
    {
        _row = await _store.FinishAsync(_id, end);
        Timers.Cancel(nameof(Check));
        _metrics.RunEnded(end.EventsDropped);
        if (_since is { } since) FangsTraces.Record("run", _traceParent, since, _clock.GetUtcNow(), _id, end.Reason);
        _log.Info("Run {Run} {State}{Reason}", _id, _row.State, end.Reason.Length > 0 ? ": " + end.Reason : "");
        Become(Ended);
    }

    private void OnRepeatedResult(RecordResult repeated)
    {
        if (!IsFromHolder(repeated.Sender)) return;
        if (_row.ResultDigest == DigestOf(repeated.Result)) Sender.Tell(new ResultRecorded(_id));
        else if (_row.ResultDigest.Length == 0) Sender.Tell(new ResultRejected(_id, $"the run has ended without a result: {_row.FailureReason}"));
        else Sender.Tell(new ResultRejected(_id, $"the run has another result already: {_row.State}"));
    }

    private async Task OnCheck()
    {
        if (_lease is not { Confirmed: true } lease) return;
        if (_clock.GetElapsedTime(_confirmedAt) > lease.TimeLimit)
            await Finish(new RunEnd(RunStates.Failed, $"no result within {lease.TimeLimit.TotalSeconds:0} s", null, 0, ""));
        else if (_clock.GetElapsedTime(_lastSign) > _settings.LivenessWindow)
            _dispatcher.Tell(new LoseRun(_id, $"no sign of life from {lease.Runner} for more than {_settings.LivenessWindow.TotalSeconds:0} s", RunId.New(_clock)));
    }

    private Status.Failure StoreFailure(string what) => new(new StorageException($"Run {_id}: {what}"));

    private string Describe() => _row.State + (_row.RunnerId.Length > 0 ? $" on {_row.RunnerId}" : "") + (_lease is { Confirmed: true } ? $", heard {_clock.GetElapsedTime(_lastSign).TotalSeconds:0} s ago" : "");
}
