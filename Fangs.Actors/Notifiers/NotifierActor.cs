using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;

namespace Fangs.Actors.Notifiers;

/// <summary>Delivers what is in the outbox: a child for each attempt in flight, a few at a time per target, so that no target waits for another.</summary>
/// <remarks>
/// <c>/user/notifier</c>, for the life of the process. The outbox is a table, and the truth: it is read at the start, when deviations have been
/// committed, when the next attempt is due, and every few seconds in any case. What this actor knows besides is only who is at work and who
/// asked to be left alone, so its end loses nothing.
/// </remarks>
public sealed class NotifierActor : ReceiveActor, IWithTimers
{
    private sealed record Look : INoSerializationVerificationNeeded;

    private sealed record Looked(OutboxView View) : INoSerializationVerificationNeeded;

    private sealed record LookFailed(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record DeliveryGone(DeliveryKey Key) : INoSerializationVerificationNeeded;

    private readonly NotifierSettings _settings;
    private readonly INotificationStore _store;
    private readonly WebhookSender _sender;
    private readonly OutboxSignal _signal;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly Action _onSignal;
    private readonly HashSet<DeliveryKey> _inFlight = [];
    private readonly HashSet<DeliveryKey> _ended = []; // stored, their actors not yet gone
    private readonly Dictionary<DeliveryKey, DateTimeOffset> _cooling = []; // their actors broke
    private readonly Dictionary<string, DateTimeOffset> _resting = new(StringComparer.Ordinal); // targets that asked to be left alone
    private bool _isLooking;
    private bool _mustLookAgain;
    private string _trouble = "";

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public NotifierActor(NotifierSettings settings, INotificationStore store, WebhookSender sender, OutboxSignal signal, TimeProvider clock)
    {
        (_settings, _store, _sender, _signal, _clock) = (settings, store, sender, signal, clock);
        var self = Self;
        _onSignal = () => self.Tell(OutboxFilled.Instance, ActorRefs.NoSender);
        Receive<OutboxFilled>(_ => OnLook());
        Receive<Look>(_ => OnLook());
        Receive<Looked>(looked => OnLooked(looked.View));
        Receive<LookFailed>(failed => OnLookFailed(failed.Cause));
        Receive<DeliveryEnded>(OnEnded);
        Receive<DeliveryGone>(OnGone);
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(NotifierSettings settings, INotificationStore store, WebhookSender sender, OutboxSignal signal, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new NotifierActor(settings, store, sender, signal, clock));

    // A delivery fails when the store does, or by a mistake of ours. Its alert is still in the outbox: the actor is stopped, its slot is given
    // back, and after a while the alert is taken up anew. That wait is the limit of restarts.
    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        _signal.Raised += _onSignal;
        OnLook();
    }

    /// <inheritdoc/>
    protected override void PostStop() => _signal.Raised -= _onSignal;

    private void OnLook()
    {
        _mustLookAgain = _isLooking;
        if (_isLooking) return;
        _isLooking = true;
        // Those in flight are still in the outbox and due, and so are those whose actors broke. With that many rows, there are enough others among them.
        _store.LookAsync(_clock.GetUtcNow(), (_settings.PerTarget * 2) + _cooling.Count).PipeTo(Self, success: view => new Looked(view), failure: cause => new LookFailed(cause));
    }

    private void OnLooked(OutboxView view)
    {
        _trouble = "";
        var now = _clock.GetUtcNow();
        foreach (var name in view.Targets) _metrics.NotifierKnown(name);
        foreach (var (key, _) in _cooling.Where(c => c.Value <= now).ToArray()) _cooling.Remove(key);
        foreach (var (name, _) in _resting.Where(r => r.Value <= now).ToArray()) _resting.Remove(name);
        var slots = _inFlight.GroupBy(key => key.Notifier, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        foreach (var key in view.Due)
        {
            var taken = slots.GetValueOrDefault(key.Notifier);
            if (taken >= _settings.PerTarget || _inFlight.Contains(key) || _cooling.ContainsKey(key) || _resting.ContainsKey(key.Notifier)) continue;
            slots[key.Notifier] = taken + 1;
            Start(key);
        }

        EndLook(now, view.Next);
    }

    private void OnLookFailed(Exception cause)
    {
        _trouble = cause.Message;
        _log.Error(cause, "The outbox of alerts cannot be read; trying again in {Seconds} s", _settings.LookInterval.TotalSeconds);
        _isLooking = false;
        Timers.StartSingleTimer(nameof(Look), new Look(), _settings.LookInterval); // whatever else wanted a look gets it then
    }

    private void EndLook(DateTimeOffset now, DateTimeOffset? next)
    {
        _isLooking = false;
        var wake = now + _settings.LookInterval;
        foreach (var at in _resting.Values.Concat(_cooling.Values).Append(next ?? wake).Where(at => at < wake)) wake = at;
        // One key: a later look replaces the wait of an earlier one. What has become due while this one was under way wants another at once.
        if (_mustLookAgain || wake <= now) OnLook();
        else Timers.StartSingleTimer(nameof(Look), new Look(), wake - now);
    }

    private void Start(DeliveryKey key)
    {
        _inFlight.Add(key);
        var child = Context.ActorOf(
            DeliveryActor.Props(key, _settings, _store, _sender, _clock), string.Create(null, $"{Uri.EscapeDataString(key.Notifier)}-{key.Run}-{key.Revision}"));
        Context.WatchWith(child, new DeliveryGone(key));
    }

    private void OnEnded(DeliveryEnded ended)
    {
        _ended.Add(ended.Key);
        if (RetrySchedule.Capped(_settings, ended.RetryAfter) is not { } rest || rest <= TimeSpan.Zero) return;
        // For the target, not for the alert alone: the others would only use up their attempts.
        var until = _clock.GetUtcNow() + rest;
        if (until > _resting.GetValueOrDefault(ended.Key.Notifier)) _resting[ended.Key.Notifier] = until;
    }

    private void OnGone(DeliveryGone gone)
    {
        _inFlight.Remove(gone.Key);
        if (!_ended.Remove(gone.Key)) _cooling[gone.Key] = _clock.GetUtcNow() + _settings.CoolDown;
        OnLook();
    }

    private string Describe() => _trouble.Length > 0 ? $"cannot read the outbox: {_trouble}" : $"{_inFlight.Count} deliveries in flight, {_resting.Count} targets asked to be left alone";
}
