using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;

namespace Fangs.Actors.Watching;

/// <summary>Polls the registry for every watched package: knows who is watched and when each is due, and lets a few poll at a time.</summary>
/// <remarks>
/// <c>/user/watcher</c>, for the life of the process. The table of packages is the truth: it is read every few seconds, so that packages that
/// the command line adds and removes come and go. A first poll of everything begins at the start, except of packages whose polls have failed, which keep
/// the wait that is stored with them.
/// </remarks>
public sealed class PackageWatcher : ReceiveActor, IWithTimers
{
    private sealed record Look : INoSerializationVerificationNeeded;

    private sealed record ListRead(IReadOnlyList<WatchListEntry> Packages) : INoSerializationVerificationNeeded;

    private sealed record ListUnreadable(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record PollerGone(string Package, IActorRef Poller) : INoSerializationVerificationNeeded;

    private sealed class Watched(DateTimeOffset due)
    {
        public DateTimeOffset Due { get; set; } = due;

        public IActorRef? Poller { get; set; }

        public bool IsInLine { get; set; }

        public bool IsPolling { get; set; }

        /// <summary>Who waits for the running poll.</summary>
        public List<IActorRef> Askers { get; } = [];

        /// <summary>Who asked while a poll was running, and so wants one that begins later.</summary>
        public List<IActorRef> LaterAskers { get; } = [];
    }

    private readonly WatchSettings _settings;
    private readonly IWatchStore _store;
    private readonly PackagePoll _poll;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly Dictionary<string, Watched> _packages = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _line = [];
    private readonly HashSet<string> _leaving = new(StringComparer.Ordinal); // removed, their actors not yet gone
    private readonly List<(string Package, IActorRef Asker, long Read)> _unknown = []; // asked for, to be answered after that reading of the table
    private DateTimeOffset _registryRests;
    private int _polling;
    private long _reads;
    private bool _isReading;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public PackageWatcher(WatchSettings settings, IWatchStore store, PackagePoll poll, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _store, _poll, _clock) = (settings, store, poll, clock);
        Receive<Look>(_ => OnLook());
        Receive<ListRead>(OnListRead);
        Receive<ListUnreadable>(OnListUnreadable);
        Receive<CheckPackage>(OnCheck);
        Receive<PackagePolled>(OnPolled);
        Receive<PollerGone>(OnPollerGone);
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine($"{_packages.Count} packages watched, {_polling} polls running, {_line.Count} due")));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(WatchSettings settings, IWatchStore store, PackagePoll poll, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new PackageWatcher(settings, store, poll, clock));

    // A package's actor fails when the store does, or by a mistake of ours. What counts is in the tables: it is stopped, its slot is given back,
    // and its next poll makes it anew. That wait is the limit of restarts.
    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        OnLook();
        Timers.StartPeriodicTimer(nameof(Look), new Look(), _settings.TableInterval);
    }

    private void OnLook()
    {
        if (_isReading) return;
        _isReading = true;
        _reads++;
        _store.ListAsync().PipeTo(Self, success: list => new ListRead(list), failure: cause => new ListUnreadable(cause));
    }

    private void OnListRead(ListRead read)
    {
        var now = _clock.GetUtcNow();
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in read.Packages)
        {
            listed.Add(entry.Name);
            if (!_packages.ContainsKey(entry.Name)) _packages.Add(entry.Name, new Watched(FirstDue(entry, now)));
        }

        foreach (var name in _packages.Keys.Where(name => !listed.Contains(name)).ToArray()) Forget(name);
        EndReading((package, asker) =>
        {
            if (_packages.ContainsKey(package)) Check(package, asker);
            else asker.Tell(new PackageNotWatched(package));
        });
        LineUp(now);
        StartPolls(now);
    }

    private DateTimeOffset FirstDue(WatchListEntry entry, DateTimeOffset now)
    {
        if (entry.FailureCount > 0) return entry.NextCheckAt ?? now;
        var settled = entry.AddedAt + _settings.AddGrace;
        return entry.NextCheckAt is null && settled > now && settled - now <= _settings.AddGrace ? settled : now;
    }

    private void OnListUnreadable(ListUnreadable unreadable)
    {
        _metrics.WatcherFailed();
        _log.Error(unreadable.Cause, "The list of watched packages cannot be read; trying again in {Seconds} s", _settings.TableInterval.TotalSeconds);
        EndReading((_, asker) => asker.Tell(new Status.Failure(unreadable.Cause)));
    }

    private void EndReading(Action<string, IActorRef> answer)
    {
        _isReading = false;
        foreach (var (package, asker, _) in _unknown.Where(u => u.Read <= _reads)) answer(package, asker);
        _unknown.RemoveAll(u => u.Read <= _reads);
        if (_unknown.Count > 0) OnLook();
    }

    private void OnCheck(CheckPackage check)
    {
        if (_packages.ContainsKey(check.Package))
        {
            Check(check.Package, Sender);
            StartPolls(_clock.GetUtcNow());
            return;
        }

        // Perhaps it was added a moment ago: the next reading of the table that begins from now on will tell.
        _unknown.Add((check.Package, Sender, _reads + 1));
        OnLook();
    }

    private void Check(string package, IActorRef asker)
    {
        var watched = _packages[package];
        if (watched.IsPolling)
        {
            watched.LaterAskers.Add(asker);
            return;
        }

        // A person waits: to the head of the line.
        watched.Askers.Add(asker);
        if (watched.IsInLine) _line.Remove(package);
        watched.IsInLine = true;
        _line.AddFirst(package);
    }

    private void LineUp(DateTimeOffset now)
    {
        foreach (var (name, watched) in _packages.Where(p => p.Value is { IsInLine: false, IsPolling: false } && p.Value.Due <= now).OrderBy(p => p.Value.Due).ThenBy(p => p.Key, StringComparer.Ordinal))
        {
            watched.IsInLine = true;
            _line.AddLast(name);
        }
    }

    private void StartPolls(DateTimeOffset now)
    {
        for (var node = _line.First; node is not null && _polling < _settings.Concurrency;)
        {
            var (name, next) = (node.Value, node.Next);
            var watched = _packages[name];
            // A registry that asked to be left alone is left alone by all packages; an operator's question is asked all the same.
            if (!_leaving.Contains(name) && (now >= _registryRests || watched.Askers.Count > 0))
            {
                _line.Remove(node);
                (watched.IsInLine, watched.IsPolling) = (false, true);
                _polling++;
                (watched.Poller ??= StartPoller(name)).Tell(StartPoll.Instance);
            }

            node = next;
        }
    }

    private IActorRef StartPoller(string package)
    {
        var poller = Context.ActorOf(WatchedPackageActor.Props(package, _poll), Uri.EscapeDataString(package));
        return Context.WatchWith(poller, new PollerGone(package, poller));
    }

    private void OnPolled(PackagePolled ended)
    {
        if (!_packages.TryGetValue(ended.Package, out var watched) || !Sender.Equals(watched.Poller)) return; // removed meanwhile; the slot was given back
        var (outcome, now) = (ended.Outcome, _clock.GetUtcNow());
        Report(ended.Package, outcome);
        if (outcome.RegistryPause is { } pause && now + pause > _registryRests)
        {
            _registryRests = now + pause;
            if (pause > TimeSpan.Zero) _log.Warning("The registry asks to be left alone for {Seconds} s", pause.TotalSeconds);
        }

        watched.Due = outcome.NextCheckAt;
        EndPoll(ended.Package, watched, Answer(ended.Package, outcome));
        if (!outcome.IsWatched) Forget(ended.Package);
        StartPolls(now);
    }

    private void OnPollerGone(PollerGone gone)
    {
        var now = _clock.GetUtcNow();
        _leaving.Remove(gone.Package);
        if (_packages.TryGetValue(gone.Package, out var watched) && gone.Poller.Equals(watched.Poller))
        {
            watched.Poller = null;
            if (!watched.IsPolling) return;
            _metrics.WatcherFailed();
            watched.Due = now + PollSchedule.AfterSuccess(_settings, Random.Shared.NextDouble());
            EndPoll(gone.Package, watched, new CheckFailed("the poll broke off; the orchestrator's log has the details", watched.Due));
        }

        StartPolls(now);
    }

    private void EndPoll(string package, Watched watched, object answer)
    {
        _polling--;
        watched.IsPolling = false;
        foreach (var asker in watched.Askers) asker.Tell(answer);
        watched.Askers.Clear();
        foreach (var asker in watched.LaterAskers.ToArray()) Check(package, asker);
        watched.LaterAskers.Clear();
    }

    private void Forget(string package)
    {
        if (!_packages.Remove(package, out var watched)) return;
        if (watched.IsInLine) _line.Remove(package);
        if (watched.IsPolling) _polling--;
        foreach (var asker in watched.Askers.Concat(watched.LaterAskers)) asker.Tell(new PackageNotWatched(package));
        if (watched.Poller is null) return;
        _leaving.Add(package); // a package that is added again meanwhile waits until the name is free
        Context.Stop(watched.Poller);
    }

    private void Report(string package, PollOutcome outcome)
    {
        if (outcome.Error.Length > 0)
        {
            _metrics.WatcherFailed();
            _log.Warning("{Package} could not be polled: {Error}. Next poll at {Next:O}", package, outcome.Error, outcome.NextCheckAt);
        }

        if (outcome.Result is not { } result) return;
        foreach (var release in result.Queued) _log.Info("New release {Package}@{Version}: run {Run}", package, release.Version, release.RunId);
        if (result.Skipped > 0) _log.Info("{Package}: {Skipped} versions are recorded and not scanned; 'fangs coverage' says why", package, result.Skipped);
        if (result.Waiting > 0) _log.Info("{Package}: {Waiting} releases wait for the next polls", package, result.Waiting);
    }

    private static object Answer(string package, PollOutcome outcome) => outcome switch
    {
        { IsWatched: false } => new PackageNotWatched(package),
        { Result: { } result } => new PackageChecked(result),
        _ => new CheckFailed(outcome.Error, outcome.NextCheckAt),
    };
}
