using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Actors.Telemetry;
using Fangs.Protocol;

namespace Fangs.Actors.Jobs;

/// <summary>Gives queued jobs to polling runners. A poll that finds none is parked until a job, its window's end, or a drain.</summary>
/// <remarks>
/// <c>/user/dispatcher</c>, behind a back-off supervisor. The queue is journalled; parked polls are not: after a restart the runners poll again.
/// <para>
/// Events are persisted asynchronously, so that the journal can write those of many commands at once. Commands are therefore decided on
/// <see cref="_planned"/>, the state that includes what is on its way to the disk, while <see cref="_state"/> changes in event handlers only.
/// Nobody is answered before his events are durable, and a failed write ends this actor, so a plan that did not come true dies with it.
/// </para>
/// </remarks>
public sealed class JobDispatcher : ReceivePersistentActor, IWithTimers
{
    private sealed record WindowEnded(Guid PollId) : INoSerializationVerificationNeeded;

    private sealed record LeaseExpired(RunId RunId, int Attempt) : INoSerializationVerificationNeeded;

    private sealed record Delivery(RunId RunId, int Attempt);

    private readonly JobSettings _settings;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly ParkedPolls _parked = new();
    private readonly Dictionary<Guid, Delivery> _deliveries = [];
    private readonly Dictionary<RunId, Guid> _pollOf = [];
    private readonly Dictionary<RunnerId, DateTimeOffset> _idleSince = [];
    private readonly Dictionary<RunId, IActorRef> _notIntroduced = []; // who waits for runs of whose parent we have not heard yet
    private JobQueueState _state = JobQueueState.Empty;
    private JobQueueState _planned = JobQueueState.Empty;
    private IActorRef _runs = ActorRefs.Nobody;
    private IActorRef _registry = ActorRefs.Nobody;
    private long _polls;
    private int _sinceSnapshot;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public JobDispatcher(JobSettings settings, TimeProvider clock)
    {
        (_settings, _clock) = (settings, clock);
        Recover<IJobEvent>(fact => _state = _state.Apply(fact));
        Recover<SnapshotOffer>(offer => _state = ((JobQueueSnapshot)offer.Snapshot).ToState());
        Recover<RecoveryCompleted>(_ => OnRecovered());
        Serving();
    }

    /// <inheritdoc/>
    public override string PersistenceId => "job-dispatcher";

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(JobSettings settings, TimeProvider clock) => Akka.Actor.Props.Create(() => new JobDispatcher(settings, clock));

    private void Serving()
    {
        Command<Poll>(OnPoll);
        Command<DrainPolls>(_ => OnDrain());
        Always();
    }

    private void Draining()
    {
        Command<Poll>(poll => Answer(poll.RunnerRef, poll.Runner, Sender, PollResult.NoJob));
        Command<DrainPolls>(_ => Sender.Tell(PollsDrained.Instance));
        Always();
    }

    private void Always()
    {
        Command<IJobCommand>(OnCommand);
        Command<PollAbandoned>(OnPollAbandoned);
        Command<WindowEnded>(end => EndPoll(_parked.Remove(end.PollId)));
        Command<LeaseExpired>(e => Execute(new ReturnJob(e.RunId, e.Attempt, $"no sign of life within {_settings.LeaseDuration.TotalSeconds:0} s"), null));
        Command<RunnerLost>(OnRunnerLost);
        Command<RunsStarted>(OnRunsStarted);
        Command<RegistryStarted>(OnRegistryStarted);
        Command<AnnounceRun>(m => OnAnnounceRun(m.RunId));
        Command<GetJobs>(_ => Sender.Tell(new JobList([.. _state.Jobs.Values.OrderBy(j => j.Order)])));
        Command<GetQueueFigures>(_ => Sender.Tell(Figures()));
        Command<ProbeQueue>(_ => OnProbe());
        Command<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
        Command<SaveSnapshotSuccess>(OnSnapshotSaved);
        Command<SaveSnapshotFailure>(f => _log.Warning(f.Cause, "No snapshot of the job queue; the journal keeps everything"));
        Command<DeleteMessagesSuccess>(_ => { });
        Command<DeleteMessagesFailure>(f => _log.Warning(f.Cause, "Old journal events of the job queue were not deleted"));
        Command<DeleteSnapshotsSuccess>(_ => { });
        Command<DeleteSnapshotsFailure>(f => _log.Warning(f.Cause, "Old snapshots of the job queue were not deleted"));
    }

    /// <inheritdoc/>
    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        _log.Error(cause, "The job queue cannot be journalled");
        Sender.Tell(new Status.Failure(new Storage.StorageException($"The job queue cannot be stored: {cause.Message}", cause)));
        base.OnPersistFailure(cause, @event, sequenceNr);
    }

    /// <inheritdoc/>
    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        // The plan includes this event, so going on would be acting on something that was never stored: recover from what is.
        Sender.Tell(new Status.Failure(new Storage.StorageException($"The job queue cannot be stored: {cause.Message}", cause)));
        base.OnPersistRejected(cause, @event, sequenceNr);
        throw new InvalidOperationException("The journal rejected an event of the job queue.", cause);
    }

    private void OnRecovered()
    {
        _planned = _state;
        // Whole leases again, however long ago they began: while nobody was here the runner could not confirm, and a job that is taken from
        // one who works on it runs twice. Nor can the clock tell how long that was: it may have been set.
        foreach (var entry in _state.Jobs.Values.Where(e => e.Stage == JobStage.Leased)) StartLeaseTimer(entry);
        if (!_state.Jobs.IsEmpty) _log.Info("Recovered {Jobs} unfinished jobs", _state.Jobs.Count);
    }

    private void OnCommand(IJobCommand command)
    {
        var asker = Sender;
        Execute(command, reply =>
        {
            if (reply == JobReply.Duplicate) asker.Tell(new ScanRejected($"run_id {command.RunId} is in use; leave it out to get a new one"));
        });
    }

    private void OnPoll(Poll poll)
    {
        var number = ++_polls;
        if (!_idleSince.TryGetValue(poll.Runner, out var idleSince)) _idleSince[poll.Runner] = idleSince = _clock.GetUtcNow();
        var parked = new ParkedPoll(poll.Runner, poll.PollId, poll.DropsPerRun, Sender, poll.RunnerRef, idleSince, number, _clock.GetUtcNow());
        if (_planned.NextFor(poll.Runner) is { } waiting)
        {
            Lease(parked, waiting);
            return;
        }

        foreach (var older in _parked.Add(parked, poll.Slots)) EndPoll(older);
        Timers.StartSingleTimer(poll.PollId, new WindowEnded(poll.PollId), _settings.PollWindow);
    }

    private void OnPollAbandoned(PollAbandoned gone)
    {
        if (_parked.Remove(gone.PollId) is { } parked)
        {
            Timers.Cancel(parked.PollId);
            parked.RunnerRef.Tell(new PollEnded(parked.Runner));
        }
        else if (_deliveries.TryGetValue(gone.PollId, out var delivery))
        {
            Execute(new ReturnJob(delivery.RunId, delivery.Attempt, "the runner's poll broke off before it had the job"), null);
        }
    }

    private void OnDrain()
    {
        var parked = _parked.RemoveAll();
        foreach (var poll in parked) EndPoll(poll);
        Become(Draining);
        _log.Info("Draining: {Polls} parked polls answered", parked.Count);
        Sender.Tell(PollsDrained.Instance);
    }

    private void OnRunnerLost(RunnerLost lost)
    {
        foreach (var poll in _parked.RemoveOf(lost.Runner)) EndPoll(poll);
        _idleSince.Remove(lost.Runner);
        foreach (var entry in _planned.Jobs.Values.Where(e => e.Runner == lost.Runner).OrderByDescending(e => e.Order).ToArray())
        {
            if (entry.Stage == JobStage.Leased) Execute(new ReturnJob(entry.Job.RunId, entry.Attempt, $"runner {lost.Runner} lost: {lost.Reason}"), null);
            else if (entry.Stage == JobStage.Confirmed) Execute(new LoseRun(entry.Job.RunId, $"{lost.Runner}, {lost.Reason}", RunId.New(_clock)), null);
        }
    }

    private void OnRunsStarted(RunsStarted started)
    {
        if (_runs.Equals(started.Runs)) return;
        _runs = started.Runs;
        // What follows from the journal is done again: whether it had been done before a crash does not matter, it is idempotent.
        foreach (var entry in _state.Jobs.Values) Announce(entry, _notIntroduced.GetValueOrDefault(entry.Job.RunId, ActorRefs.Nobody));
        _notIntroduced.Clear();
    }

    private void OnAnnounceRun(RunId runId)
    {
        if (_state.Jobs.TryGetValue(runId, out var entry)) Announce(entry, ActorRefs.Nobody);
    }

    private void OnRegistryStarted(RegistryStarted started)
    {
        if (_registry.Equals(started.Registry)) return;
        _registry = started.Registry;
        foreach (var runner in _state.Jobs.Values.Where(e => e.Stage is JobStage.Leased or JobStage.Confirmed).Select(e => e.Runner!.Value).Distinct())
            _registry.Tell(new ExpectRunner(runner));
    }

    private void Announce(JobEntry entry, IActorRef asker)
    {
        _runs.Tell(new EnsureRun(entry.Job, entry.QueuedAt, entry.RetryOf, asker));
        if (entry.Runner is not null && entry.Stage is JobStage.Leased or JobStage.Confirmed)
            _runs.Tell(new RunLeased(entry.Job.RunId, entry.Runner.Value, entry.Attempt, entry.DropsPerRun, entry.Stage == JobStage.Confirmed, TimeLimitOf(entry.Job)));
        if (entry.Stage == JobStage.Ending) _runs.Tell(new EndRun(entry.Job.RunId, entry.Reason));
    }

    /// <summary>Decides, persists, applies; calls back when all is durable. A command that changes nothing is answered behind what is under way.</summary>
    private void Execute(IJobCommand command, Action<JobReply>? done)
    {
        var asker = Sender;
        var (reply, events) = _planned.Decide(command, _clock.GetUtcNow());
        if (events.IsEmpty)
        {
            if (done is not null) DeferAsync(reply, r => done(r));
            return;
        }

        foreach (var fact in events) _planned = _planned.Apply(fact);
        var remaining = events.Length;
        PersistAllAsync(events, fact =>
        {
            _state = _state.Apply(fact);
            OnDurable(fact, asker);
            if (--remaining == 0) done?.Invoke(reply);
            SnapshotWhenDue();
        });
        foreach (var fact in events)
            if (fact is JobQueued or JobReturned) HandOut(fact.RunId);
    }

    private void OnDurable(IJobEvent fact, IActorRef asker)
    {
        switch (fact)
        {
            case JobQueued e:
                // After a restart the queue serves before the runs have said hello: they get this with their first greeting.
                if (_runs.IsNobody() && e.RetryOf is null) _notIntroduced[e.RunId] = asker;
                else _runs.Tell(new EnsureRun(e.Job, e.At, e.RetryOf, e.RetryOf is null ? asker : ActorRefs.Nobody));
                if (e.RetryOf is null) _metrics.ScanQueued();
                if (e.RetryOf is { } lost) _log.Info("Run {Run} is repeated as run {Retry}", lost, e.RunId);
                break;
            case JobLeased e when _state.Jobs.TryGetValue(e.RunId, out var entry):
                if (entry.Stage == JobStage.Leased) StartLeaseTimer(entry);
                _runs.Tell(new RunLeased(e.RunId, e.Runner, entry.Attempt, e.DropsPerRun, Confirmed: false, TimeLimitOf(entry.Job)));
                break;
            case LeaseConfirmed e when _state.Jobs.TryGetValue(e.RunId, out var entry):
                EndDelivery(e.RunId);
                _runs.Tell(new RunLeased(e.RunId, e.Runner, entry.Attempt, entry.DropsPerRun, Confirmed: true, TimeLimitOf(entry.Job)));
                break;
            case JobReturned e:
                EndDelivery(e.RunId);
                _log.Warning("Job of run {Run} is back in the queue: {Reason}", e.RunId, e.Reason);
                _runs.Tell(new RunReturned(e.RunId, e.Reason));
                break;
            case RunEnding e:
                EndDelivery(e.RunId);
                _log.Warning("Run {Run} ends: {Reason}", e.RunId, e.Reason);
                _runs.Tell(new EndRun(e.RunId, e.Reason));
                break;
            case JobForgotten e:
                EndDelivery(e.RunId);
                break;
        }
    }

    /// <summary>Gives a job that waits to a poll that waits, when there is one.</summary>
    private void HandOut(RunId runId)
    {
        if (_planned.Jobs.GetValueOrDefault(runId) is { Stage: JobStage.Queued } job && _parked.For(job.Target) is { } poll && _planned.NextFor(poll.Runner) is { } next)
        {
            _parked.Remove(poll.PollId);
            Timers.Cancel(poll.PollId);
            Lease(poll, next);
        }
    }

    private void Lease(ParkedPoll poll, JobEntry job)
    {
        var attempt = job.Attempt + 1;
        _deliveries[poll.PollId] = new Delivery(job.Job.RunId, attempt);
        _pollOf[job.Job.RunId] = poll.PollId;
        _idleSince.Remove(poll.Runner); // idle anew from its next poll on
        Execute(new LeaseJob(job.Job.RunId, poll.Runner, poll.DropsPerRun), _ =>
        {
            Answer(poll.RunnerRef, poll.Runner, poll.Asker, new PollResult(job.Job, attempt));
            var now = _clock.GetUtcNow();
            _metrics.JobLeased(now - job.Since, now - poll.Since);
            FangsTraces.Record("job queued", job.Job.TraceParent, job.Since, now, job.Job.RunId);
        });
    }

    private TimeSpan TimeLimitOf(Job job) => job.Duration.ToTimeSpan() + (job.Sandbox?.GracePeriod.ToTimeSpan() ?? TimeSpan.Zero) + _settings.ResultSlack;

    private void EndPoll(ParkedPoll? poll)
    {
        if (poll is null) return;
        Timers.Cancel(poll.PollId);
        Answer(poll.RunnerRef, poll.Runner, poll.Asker, PollResult.NoJob);
    }

    private static void Answer(IActorRef runnerRef, RunnerId runner, IActorRef asker, PollResult result)
    {
        asker.Tell(result);
        runnerRef.Tell(new PollEnded(runner));
    }

    private void StartLeaseTimer(JobEntry entry) =>
        Timers.StartSingleTimer(entry.Job.RunId, new LeaseExpired(entry.Job.RunId, entry.Attempt), _settings.LeaseDuration);

    private void EndDelivery(RunId runId)
    {
        Timers.Cancel(runId);
        if (_pollOf.Remove(runId, out var pollId)) _deliveries.Remove(pollId);
    }

    private void SnapshotWhenDue()
    {
        // A snapshot costs as much as there are jobs, so the more there are the rarer it is; replaying the journal stays cheaper than reading them.
        if (++_sinceSnapshot < Math.Max(_settings.SnapshotEvery, _state.Jobs.Count / 4)) return;
        _sinceSnapshot = 0;
        SaveSnapshot(JobQueueSnapshot.Of(_state));
    }

    private void OnSnapshotSaved(SaveSnapshotSuccess saved)
    {
        DeleteMessages(saved.Metadata.SequenceNr);
        DeleteSnapshots(new SnapshotSelectionCriteria(saved.Metadata.SequenceNr - 1));
    }

    // Answered behind what is on its way to the disk, so whoever waits in vain knows that the journal is stuck.
    private void OnProbe()
    {
        var asker = Sender;
        DeferAsync(ProbeQueue.Instance, _ => asker.Tell(QueueServes.Instance));
    }

    private QueueFigures Figures()
    {
        var oldest = _state.Jobs.Values.Where(j => j.Stage == JobStage.Queued).Select(j => (DateTimeOffset?)j.QueuedAt).Min();
        return new QueueFigures(
            _state.Jobs.Values.CountBy(j => j.Stage).ToDictionary(), oldest is { } since ? _clock.GetUtcNow() - since : TimeSpan.Zero, _parked.Count);
    }

    private string Describe()
    {
        var stages = _state.Jobs.Values.CountBy(j => j.Stage).ToDictionary();
        return $"{stages.GetValueOrDefault(JobStage.Queued)} queued, {stages.GetValueOrDefault(JobStage.Leased)} leased, "
            + $"{stages.GetValueOrDefault(JobStage.Confirmed)} running, {_parked.Count} parked polls";
    }
}
