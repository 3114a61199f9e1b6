using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>
/// Parent of the packages: makes the actor of a package when something is addressed to it, finds the package of a decision, and has judged
/// what a former process left.
/// </summary>
/// <remarks><c>/user/packages</c>, for the life of the process.</remarks>
public sealed class PackageSupervisor : ReceiveActor, IWithTimers
{
    private sealed record PackageGone(string Package) : INoSerializationVerificationNeeded;

    private sealed record Located(Decide Decision, IActorRef Asker, string? Package, DecisionOutcome? Fault) : INoSerializationVerificationNeeded;

    private sealed record LocateFailed(IActorRef Asker, Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record DueLoaded(IReadOnlyList<PackageRun> Runs) : INoSerializationVerificationNeeded;

    private sealed record DueFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record LookForExpired : INoSerializationVerificationNeeded;

    private sealed record Expired(IReadOnlyList<AffectedRun> Runs) : INoSerializationVerificationNeeded;

    private sealed record ExpiryFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record LoadDue(RunId After) : INoSerializationVerificationNeeded;

    private const int DuePage = 1000;

    // Of no package: names are escaped, and escaping leaves no colon.
    private const string NoPackageName = "no-package:";
    private static readonly TimeSpan DueRetryAfter = TimeSpan.FromSeconds(2);

    private readonly PackageSettings _settings;
    private readonly PackageLedger _ledger;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<string, IActorRef> _packages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(IWithPackage Message, IActorRef Sender)>> _stopping = new(StringComparer.Ordinal);
    private RunId _dueAfter;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public PackageSupervisor(PackageSettings settings, PackageLedger ledger)
    {
        (_settings, _ledger) = (settings, ledger);
        Receive<Decide>(OnDecide);
        Receive<Located>(OnLocated);
        Receive<LocateFailed>(failed => failed.Asker.Tell(new Status.Failure(failed.Cause)));
        Receive<PassivatePackage>(OnPassivate);
        Receive<PackageBusy>(OnPackageBusy);
        Receive<PackageGone>(OnPackageGone);
        Receive<LoadDue>(load => Load(load.After));
        Receive<DueLoaded>(OnDueLoaded);
        Receive<DueFailed>(OnDueFailed);
        Receive<LookForExpired>(_ => LookForExpiredEntries());
        Receive<Expired>(OnExpired);
        Receive<ExpiryFailed>(OnExpiryFailed);
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine($"{_packages.Count} packages in memory")));
        Receive<IWithPackage>(message => Pass(message, Sender));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(PackageSettings settings, PackageLedger ledger) => Akka.Actor.Props.Create(() => new PackageSupervisor(settings, ledger));

    /// <summary>Name of the actor of a package.</summary>
    public static string NameOf(string package) => package.Length == 0 ? NoPackageName : Uri.EscapeDataString(package);

    // The store's failures reach a package as messages. What is thrown is a mistake of ours: the package starts again from the tables, alone,
    // and one that keeps failing is stopped and looked after again below.
    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(maxNrOfRetries: 5, withinTimeRange: TimeSpan.FromSeconds(10), localOnlyDecider: _ => Directive.Restart);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        Load(default);
        LookForExpiredEntries();
    }

    // Not at the moment of each expiry: entries come, go and are changed by others, and a look costs next to nothing.
    private void LookForExpiredEntries() => _ledger.ExpireAllowAsync().PipeTo(Self, success: runs => new Expired(runs), failure: e => new ExpiryFailed(e));

    private void OnExpired(Expired expired)
    {
        if (expired.Runs.Count > 0) _log.Info("Entries of the allow list have expired; {Count} runs are judged again", expired.Runs.Count);
        foreach (var run in expired.Runs) Pass(new AnalyseRun(run.RunId, run.Package), ActorRefs.Nobody);
        Timers.StartSingleTimer(nameof(LookForExpired), new LookForExpired(), _settings.ExpiryInterval);
    }

    private void OnExpiryFailed(ExpiryFailed failed)
    {
        _log.Error(failed.Cause, "It cannot be found out whether entries of the allow list have expired; the next attempt is in {Wait}", _settings.ExpiryInterval);
        Timers.StartSingleTimer(nameof(LookForExpired), new LookForExpired(), _settings.ExpiryInterval);
    }

    private void Load(RunId after)
    {
        _dueAfter = after;
        _ledger.DueAsync(after, DuePage).PipeTo(Self, success: runs => new DueLoaded(runs), failure: e => new DueFailed(e));
    }

    private void OnDueLoaded(DueLoaded due)
    {
        foreach (var run in due.Runs) Pass(new AnalyseRun(run.RunId, run.Package), ActorRefs.Nobody);
        if (due.Runs.Count == DuePage) Load(due.Runs[^1].RunId);
    }

    private void OnDueFailed(DueFailed failed)
    {
        _log.Error(failed.Cause, "Runs that wait to be judged cannot be read; the next attempt is in {Wait}", DueRetryAfter);
        Timers.StartSingleTimer(nameof(LoadDue), new LoadDue(_dueAfter), DueRetryAfter);
    }

    private void OnDecide(Decide decide)
    {
        var (request, asker) = (decide.Request, Sender);
        if (request.Action is DecisionAction.AllowAdd or DecisionAction.AllowRemove)
        {
            if (request.DryRun) _ledger.PreviewAllowAsync(request).PipeTo(asker, failure: e => new Status.Failure(e));
            else Context.ActorOf(AllowListActor.Props(request, asker, _ledger, Self));
            return;
        }

        _ledger.LocateAsync(request).PipeTo(Self,
            success: place => new Located(decide, asker, place.Package, place.Fault),
            failure: e => new LocateFailed(asker, e));
    }

    private void OnLocated(Located located)
    {
        if (located.Fault is { } fault) located.Asker.Tell(fault);
        else Pass(new DecideForPackage(located.Package!, located.Decision.Request, located.Asker), located.Asker);
    }

    private void Pass(IWithPackage message, IActorRef sender)
    {
        if (_stopping.TryGetValue(message.Package, out var waiting))
        {
            waiting.Add((message, sender));
            return;
        }

        if (!_packages.TryGetValue(message.Package, out var package))
        {
            package = Context.ActorOf(PackageActor.Props(message.Package, _settings, _ledger), NameOf(message.Package));
            Context.WatchWith(package, new PackageGone(message.Package));
            _packages.Add(message.Package, package);
        }

        package.Tell(message, sender);
    }

    private void OnPassivate(PassivatePackage passivate)
    {
        if (!_packages.TryGetValue(passivate.Package, out var package) || !package.Equals(Sender) || _stopping.ContainsKey(passivate.Package)) return;
        _stopping[passivate.Package] = []; // what comes now waits for the successor
        package.Tell(StopWhenIdle.Instance);
    }

    private void OnPackageBusy(PackageBusy busy)
    {
        if (!_stopping.Remove(busy.Package, out var waiting)) return;
        foreach (var (message, sender) in waiting) Pass(message, sender);
    }

    private void OnPackageGone(PackageGone gone)
    {
        _packages.Remove(gone.Package);
        if (_stopping.Remove(gone.Package, out var waiting))
        {
            foreach (var (message, sender) in waiting) Pass(message, sender);
            return;
        }

        // It broke for good. What it had to do is in the table.
        Timers.StartSingleTimer(nameof(LoadDue), new LoadDue(default), _settings.RetryAtMost);
    }
}
