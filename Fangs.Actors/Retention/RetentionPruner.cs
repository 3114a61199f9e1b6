using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;

namespace Fangs.Actors.Retention;

/// <summary>Deletes what is older than the horizon: events of ended runs, their batches, the delivery log. One small write after another, with pauses.</summary>
/// <remarks>
/// <c>/user/retention</c>, for the life of the process. A pass goes run by run, oldest first, and keeps nothing of its own: what is left when it
/// is stopped, fails, or the process ends, the next one finds again. Events that a deviation refers to stay, and so do runs, fingerprints,
/// baselines and deviations.
/// </remarks>
public sealed class RetentionPruner : ReceiveActor, IWithTimers
{
    private sealed record BeginPass : INoSerializationVerificationNeeded;

    private sealed record NextStep : INoSerializationVerificationNeeded;

    private sealed record RunsFound(IReadOnlyList<PrunableRun> Runs) : INoSerializationVerificationNeeded;

    private sealed record StepDone(int Rows, int Batches, TimeSpan Took, object? Next) : INoSerializationVerificationNeeded;

    private sealed record StepFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private enum Phase
    {
        Events,
        Deliveries,
        Reclaiming,
    }

    private const int RunsAtOnce = 100;
    private const int FirstRows = 500;
    private const int MinRows = 50;
    private const int FirstPages = 16;
    private const int MaxPages = 64; // moved pages are written by the commit, which is not part of what a step measures

    private readonly RetentionSettings _settings;
    private readonly IRetentionStore _store;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly Queue<PrunableRun> _runs = new();
    private readonly StepBudget _rows;
    private readonly StepBudget _pages;
    private Phase _phase;
    private DateTimeOffset _cutoff;
    private long _began;
    private PrunableRun? _lastFound;
    private object? _next;
    private long _events, _batches, _prunedRuns, _deliveries, _reclaimed;
    private bool _touched;
    private string _lastPass = "no pass yet";

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public RetentionPruner(RetentionSettings settings, IRetentionStore store, TimeProvider clock)
    {
        (_settings, _store, _clock) = (settings, store, clock);
        _rows = new StepBudget(FirstRows, Math.Min(MinRows, settings.MaxRows), settings.MaxRows, settings.StepTarget);
        _pages = new StepBudget(FirstPages, 1, MaxPages, settings.StepTarget);
        Idle();
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(RetentionSettings settings, IRetentionStore store, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new RetentionPruner(settings, store, clock));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        if (_settings.Horizon > TimeSpan.Zero) Timers.StartSingleTimer(nameof(BeginPass), new BeginPass(), _settings.FirstPassAfter);
    }

    private void Idle()
    {
        Receive<BeginPass>(_ => OnBegin());
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(_settings.Horizon > TimeSpan.Zero
            ? $"keeps {_settings.Horizon.TotalDays:0.##} days, {_lastPass}"
            : "off: everything is kept")));
    }

    private void Pruning()
    {
        Receive<NextStep>(_ => OnNextStep());
        Receive<RunsFound>(OnRunsFound);
        Receive<StepDone>(OnStepDone);
        Receive<StepFailed>(OnStepFailed);
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine($"pruning what is older than {_cutoff:yyyy-MM-dd}: {_events} events of {_prunedRuns} runs so far")));
    }

    private void OnBegin()
    {
        _cutoff = _clock.GetUtcNow() - _settings.Horizon;
        _began = _clock.GetTimestamp();
        (_phase, _lastFound, _next) = (Phase.Events, null, null);
        (_events, _batches, _prunedRuns, _deliveries, _reclaimed) = (0, 0, 0, 0, 0);
        _runs.Clear();
        Become(Pruning);
        FindRuns();
    }

    private void FindRuns() => _store.FindRunsAsync(_cutoff, _lastFound, RunsAtOnce)
        .PipeTo(Self, success: runs => new RunsFound(runs), failure: e => new StepFailed(e));

    private void OnRunsFound(RunsFound found)
    {
        foreach (var run in found.Runs) _runs.Enqueue(run);
        if (_runs.Count == 0) _phase = Phase.Deliveries;
        else (_lastFound, _next, _touched) = (found.Runs[^1], PrunePosition.Start, false);
        OnNextStep();
    }

    private void OnNextStep()
    {
        if (_clock.GetElapsedTime(_began) > _settings.PassLimit)
        {
            EndPass("interrupted", "stopped, to go on at the next pass,");
            return;
        }

        var step = _phase switch
        {
            Phase.Events => Piped(_store.PruneRunAsync(_runs.Peek().Run, (PrunePosition)_next!, _rows.Size, _settings.StepTarget)),
            Phase.Deliveries => Piped(_store.PruneDeliveriesAsync(_cutoff, _next, _rows.Size)),
            _ => Piped(_store.ReclaimAsync(_pages.Size)),
        };
        step.PipeTo(Self, failure: e => new StepFailed(e));
    }

    private void OnStepDone(StepDone done)
    {
        _metrics.RetentionStep(done.Took);
        (_phase == Phase.Reclaiming ? _pages : _rows).Learn(done.Rows, done.Took);
        _next = done.Next;
        switch (_phase)
        {
            case Phase.Events:
                Count(ref _events, done.Rows, RetentionTables.Events);
                Count(ref _batches, done.Batches, RetentionTables.Batches);
                _touched |= done.Rows + done.Batches > 0;
                if (done.Next is null && LeaveRun())
                {
                    FindRuns();
                    return;
                }

                break;
            case Phase.Deliveries:
                Count(ref _deliveries, done.Rows, RetentionTables.Deliveries);
                if (done.Next is null) _phase = Phase.Reclaiming;
                break;
            default:
                _reclaimed += done.Rows;
                if (done.Next is not null) break;
                EndPass("completed", "complete");
                return;
        }

        var pause = done.Took > _settings.MinPause ? done.Took : _settings.MinPause;
        Timers.StartSingleTimer(nameof(NextStep), new NextStep(), pause);
    }

    private void Count(ref long total, int rows, string table)
    {
        if (rows == 0) return;
        total += rows;
        _metrics.RowsPruned(table, rows);
    }

    // True when more runs have to be looked up.
    private bool LeaveRun()
    {
        _runs.Dequeue();
        if (_touched) _prunedRuns++;
        (_next, _touched) = (PrunePosition.Start, false);
        if (_runs.Count > 0) return false;
        _next = null;
        return true;
    }

    private void OnStepFailed(StepFailed failed)
    {
        _log.Error(failed.Cause, "Retention failed; the next pass tries again");
        EndPass("failed", "failed");
    }

    private void EndPass(string outcome, string how)
    {
        var took = _clock.GetElapsedTime(_began);
        _log.Info("Retention {How} after {Seconds:0.0} s: {Events} events and {Batches} batches of {Runs} runs deleted, ended before {Cutoff:O}",
            how, took.TotalSeconds, _events, _batches, _prunedRuns, _cutoff);
        if (_deliveries + _reclaimed > 0) _log.Info("Retention: {Deliveries} entries of the delivery log deleted, {Pages} pages given back", _deliveries, _reclaimed);
        _metrics.RetentionPass(outcome);
        _lastPass = $"last pass {_clock.GetUtcNow():yyyy-MM-dd HH:mm:ss}Z {outcome}: {_events} events of {_prunedRuns} runs";
        _runs.Clear();
        Become(Idle);
        var wait = outcome == "interrupted" && _settings.ResumeAfter < _settings.Interval ? _settings.ResumeAfter : _settings.Interval;
        Timers.StartSingleTimer(nameof(BeginPass), new BeginPass(), wait);
    }

    private static async Task<StepDone> Piped<T>(Task<PruneStep<T>> step) where T : class
    {
        var done = await step;
        return new StepDone(done.Rows, done.Batches, done.Took, done.Next);
    }
}
