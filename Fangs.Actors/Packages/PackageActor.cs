using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;
using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>
/// One package: all that changes its baseline or judges its runs goes through this mailbox, one after the other, so that two first runs can
/// never both seed.
/// </summary>
/// <remarks>
/// <c>/user/packages/{escaped name}</c>. Made with the first work, passivates when there has been none for a while. A failed analysis is tried
/// again, less and less eagerly, for ever; decisions go first meanwhile, and a failed one is told to its asker.
/// </remarks>
public sealed class PackageActor : ReceiveActor, IWithTimers
{
    private sealed record Analysed(RunVerdict? Verdict) : INoSerializationVerificationNeeded;

    private sealed record AnalysisFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record Decided(IActorRef Asker, object Answer) : INoSerializationVerificationNeeded;

    private sealed record DueLoaded(IReadOnlyList<PackageRun> Runs) : INoSerializationVerificationNeeded;

    private sealed record DueFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record Retry : INoSerializationVerificationNeeded;

    private const int DueLimit = 1000;

    private readonly string _package;
    private readonly PackageSettings _settings;
    private readonly PackageLedger _ledger;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly Queue<DecideForPackage> _decisions = new();
    private readonly LinkedList<AnalyseRun> _analyses = new();
    private readonly Dictionary<RunId, List<IActorRef>> _waiting = [];
    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);
    private AnalyseRun? _current;
    private List<IActorRef> _currentAskers = [];
    private long _began;
    private bool _mustLoadDue;
    private string _doing = "";
    private int _failures;
    private long _judged;
    private string _trouble = "";

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public PackageActor(string package, PackageSettings settings, PackageLedger ledger)
    {
        (_package, _settings, _ledger) = (package, settings, ledger);
        Context.SetReceiveTimeout(settings.PassivateAfter);
        Receive<AnalyseRun>(OnAnalyse);
        Receive<DecideForPackage>(OnDecide);
        Receive<Analysed>(OnAnalysed);
        Receive<AnalysisFailed>(OnAnalysisFailed);
        Receive<Decided>(OnDecided);
        Receive<Retry>(_ => OnRetry());
        Receive<DueLoaded>(OnDueLoaded);
        Receive<DueFailed>(failed => OnTrouble(failed.Cause));
        Receive<ReceiveTimeout>(_ => OnIdle());
        Receive<StopWhenIdle>(_ => OnStop());
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make one.</summary>
    public static Props Props(string package, PackageSettings settings, PackageLedger ledger) =>
        Akka.Actor.Props.Create(() => new PackageActor(package, settings, ledger));

    // What waited was in memory. It is also in the table: runs that have ended and were not judged.
    /// <inheritdoc/>
    protected override void PostRestart(Exception reason)
    {
        base.PostRestart(reason);
        LoadDue();
    }

    private void LoadDue()
    {
        _mustLoadDue = true;
        _ledger.DueOfAsync(_package, DueLimit).PipeTo(Self, success: runs => new DueLoaded(runs), failure: e => new DueFailed(e));
    }

    private void OnRetry()
    {
        if (_mustLoadDue) LoadDue();
        Next();
    }

    private bool IsPausing => Timers.IsTimerActive(nameof(Retry));

    private void OnAnalyse(AnalyseRun analyse)
    {
        Enqueue(analyse, Sender);
        Next();
    }

    private void OnDueLoaded(DueLoaded due)
    {
        _mustLoadDue = false;
        foreach (var run in due.Runs) Enqueue(new AnalyseRun(run.RunId, _package), ActorRefs.Nobody);
        Next();
    }

    private void OnDecide(DecideForPackage decide)
    {
        _decisions.Enqueue(decide);
        Next();
    }

    // A run that waits already is judged with what has come in until then.
    private void Enqueue(AnalyseRun analyse, IActorRef asker)
    {
        if (!_waiting.TryGetValue(analyse.RunId, out var askers))
        {
            _waiting.Add(analyse.RunId, askers = []);
            _analyses.AddLast(analyse);
        }

        if (!asker.IsNobody() && !askers.Contains(asker)) askers.Add(asker);
    }

    private void Next()
    {
        if (_doing.Length > 0) return;
        if (_decisions.TryDequeue(out var decide))
        {
            _doing = $"{decide.Request.Action} by {decide.Request.By}";
            var asker = decide.Asker;
            _ledger.DecideAsync(decide.Request).PipeTo(Self,
                success: outcome => new Decided(asker, outcome),
                failure: e => new Decided(asker, new Status.Failure(e)));
        }
        else if (_analyses.First is { Value: var analyse } && !IsPausing)
        {
            _analyses.RemoveFirst();
            _doing = $"run {analyse.RunId}";
            _current = analyse;
            _currentAskers = _waiting.Remove(analyse.RunId, out var askers) ? askers : [];
            _began = TimeProvider.System.GetTimestamp();
            _ledger.AnalyseAsync(analyse.RunId).PipeTo(Self, success: verdict => new Analysed(verdict), failure: e => new AnalysisFailed(e));
        }
    }

    private void OnDecided(Decided decided)
    {
        decided.Asker.Tell(decided.Answer);
        // The decision itself may be stored; runs that have to be judged again because of it are marked.
        if (decided.Answer is Status.Failure) LoadDue();
        Done();
    }

    private void OnAnalysed(Analysed analysed)
    {
        var run = _current!.RunId;
        _metrics.Analysed(TimeProvider.System.GetElapsedTime(_began));
        Trace("");
        foreach (var asker in _currentAskers) asker.Tell(new RunAnalysed(run, analysed.Verdict));
        if (analysed.Verdict is { } verdict)
        {
            _log.Info("Run {Run} of {Package} judged: {Open} open deviations{Baseline}{Conclusive}", run, _package, verdict.Open,
                verdict.IsInBaseline ? ", in the baseline" : "", verdict.IsConclusive ? "" : ", inconclusive");
        }

        foreach (var entry in analysed.Verdict?.UnusableEntries ?? [])
        {
            if (_warned.Add(entry)) _log.Warning("Entry {Entry} of the allow list does not count: it is malformed or would hide everything", entry);
        }

        (_failures, _trouble) = (0, "");
        _judged++;
        Done();
    }

    private void OnAnalysisFailed(AnalysisFailed failed)
    {
        // Back to its place: runs are judged in the order in which they came.
        if (_waiting.TryGetValue(_current!.RunId, out var since))
        {
            _analyses.Remove(_analyses.First(a => a.RunId == _current.RunId));
            foreach (var asker in since.Where(asker => !_currentAskers.Contains(asker))) _currentAskers.Add(asker);
        }

        _waiting[_current.RunId] = _currentAskers;
        _analyses.AddFirst(_current);
        Trace(failed.Cause.Message);
        OnTrouble(failed.Cause);
        Done();
    }

    private void Trace(string error)
    {
        var now = TimeProvider.System.GetUtcNow();
        FangsTraces.Record("analysis", _current!.TraceParent, now - TimeProvider.System.GetElapsedTime(_began), now, _current.RunId, error);
    }

    private void OnTrouble(Exception cause)
    {
        var wait = _settings.RetryAfter * Math.Pow(2, Math.Min(_failures, 20));
        if (wait > _settings.RetryAtMost) wait = _settings.RetryAtMost;
        _failures++;
        _trouble = cause.Message;
        _log.Error(cause, "Runs of {Package} cannot be judged; the next attempt is in {Wait}", _package, wait);
        Timers.StartSingleTimer(nameof(Retry), new Retry(), wait);
    }

    private void Done()
    {
        _doing = "";
        _current = null;
        _currentAskers = [];
        Next();
    }

    private bool IsIdle => _doing.Length == 0 && _analyses.Count == 0 && _decisions.Count == 0;

    private void OnIdle()
    {
        if (IsIdle) Context.Parent.Tell(new PassivatePackage(_package));
    }

    // Work may have been on its way when the supervisor was asked; stopping now would lose its answer.
    private void OnStop()
    {
        if (IsIdle) Context.Stop(Self);
        else Context.Parent.Tell(new PackageBusy(_package));
    }

    private string Describe()
    {
        var now = _doing.Length > 0 ? _doing : _analyses.Count > 0 ? $"waits to try again: {_trouble}" : "idle";
        return $"{now}, {_analyses.Count} runs and {_decisions.Count} decisions waiting, {_judged} judged";
    }
}
