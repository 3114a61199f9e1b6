using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;

namespace Fangs.Actors.Notifiers;

/// <summary>One attempt to deliver one alert: reads what there is to tell, sends it, stores what came of it, and is gone.</summary>
/// <remarks>
/// <c>/user/notifier/{target}-{run}-{revision}</c>. An outcome that cannot be stored is kept and stored later, however long that takes: forgotten, the
/// alert would be sent again. Only the end of the process forgets it; an alert is delivered at least once, not exactly once.
/// </remarks>
public sealed class DeliveryActor : ReceiveActor, IWithTimers
{
    private sealed record Loaded(Delivery? Delivery) : INoSerializationVerificationNeeded;

    private sealed record Attempted(AttemptResult Result) : INoSerializationVerificationNeeded;

    private sealed record Stored : INoSerializationVerificationNeeded;

    private sealed record NotStored(Exception Cause) : INoSerializationVerificationNeeded;

    private sealed record StoreAgain : INoSerializationVerificationNeeded;

    private sealed record Broke(Exception Cause) : INoSerializationVerificationNeeded;

    private static readonly TimeSpan FirstStoreRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestStoreRetry = TimeSpan.FromSeconds(30);

    private readonly DeliveryKey _key;
    private readonly NotifierSettings _settings;
    private readonly INotificationStore _store;
    private readonly WebhookSender _sender;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly Action _cancel;
    private readonly CancellationToken _stopping;
    private Delivery? _delivery;
    private DeliveryAttempt? _attempt;
    private int _storeFailures;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public DeliveryActor(DeliveryKey key, NotifierSettings settings, INotificationStore store, WebhookSender sender, TimeProvider clock)
    {
        (_key, _settings, _store, _sender, _clock) = (key, settings, store, sender, clock);
        var stop = new CancellationTokenSource();
        (_cancel, _stopping) = (stop.Cancel, stop.Token);
        Receive<Loaded>(OnLoaded);
        Receive<Attempted>(attempted => OnAttempted(attempted.Result));
        Receive<Stored>(_ => OnStored());
        Receive<NotStored>(failed => OnNotStored(failed.Cause));
        Receive<StoreAgain>(_ => Store());
        Receive<Broke>(broke => throw new StorageException($"The alert of run {_key.Run} could not be sent: {broke.Cause.Message}", broke.Cause));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make one.</summary>
    public static Props Props(DeliveryKey key, NotifierSettings settings, INotificationStore store, WebhookSender sender, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new DeliveryActor(key, settings, store, sender, clock));

    /// <inheritdoc/>
    protected override void PreStart() => _store.LoadAsync(_key, _clock.GetUtcNow()).PipeTo(Self, success: delivery => new Loaded(delivery), failure: cause => new Broke(cause));

    /// <inheritdoc/>
    protected override void PostStop() => _cancel();

    private void OnLoaded(Loaded loaded)
    {
        if (loaded.Delivery is not { } delivery)
        {
            End(null); // a newer alert of the run has taken its place, or the target is gone
            return;
        }

        _delivery = delivery;
        if (delivery.Alert.Deviations.Count == 0)
        {
            _log.Info("Notifier {Notifier} is not told of run {Run}: all its deviations have been decided about or are none any more", _key.Notifier, _key.Run);
            _store.DropAsync(_key).PipeTo(Self, success: () => new Stored(), failure: cause => new Broke(cause));
            return;
        }

        // On the thread pool: building a long message is not for the mailbox's thread.
        var (sender, token) = (_sender, _stopping);
        Task.Run(() => sender.SendAsync(delivery.Target, WebhookPayload.Of(delivery.Target.Template, delivery.Alert), token), token)
            .PipeTo(Self, success: result => new Attempted(result), failure: cause => new Broke(cause));
    }

    private void OnAttempted(AttemptResult result)
    {
        var now = _clock.GetUtcNow();
        var number = _delivery!.Attempts + 1;
        var wait = result.Status == AttemptStatus.Failed ? RetrySchedule.After(_settings, number, result.RetryAfter, Random.Shared.NextDouble()) : null;
        // "Permanent" is what will not be tried again, also when patience was what ended it.
        if (result.Status == AttemptStatus.Failed && wait is null) result = result with { Status = AttemptStatus.Permanent, Error = $"{result.Error}; given up after {number} attempts" };
        _attempt = new DeliveryAttempt(_key, number, result, now, wait is { } w ? now + w : null, [.. _delivery.Alert.Deviations.Select(d => d.Id)]);
        _metrics.Notified(_key.Notifier, result.Status);
        switch (result.Status)
        {
            case AttemptStatus.Sent:
                _log.Info("Notifier {Notifier} was told of run {Run}: {Deviations} deviations, attempt {Attempt}", _key.Notifier, _key.Run, _attempt.Told.Count, number);
                break;
            case AttemptStatus.Failed:
                _log.Warning("Notifier {Notifier} could not be told of run {Run}, attempt {Attempt}: {Error}. Next attempt at {Next:O}", _key.Notifier, _key.Run, number, result.Error, _attempt.NextAt);
                break;
            default:
                _log.Error("Notifier {Notifier} will not be told of run {Run}, attempt {Attempt}: {Error}", _key.Notifier, _key.Run, number, result.Error);
                break;
        }

        Store();
    }

    private void Store() => _store.RecordAsync(_attempt!).PipeTo(Self, success: () => new Stored(), failure: cause => new NotStored(cause));

    private void OnStored() => End(_attempt?.Result.RetryAfter);

    private void OnNotStored(Exception cause)
    {
        var wait = FirstStoreRetry * Math.Pow(2, Math.Min(_storeFailures++, 10));
        if (wait > LongestStoreRetry) wait = LongestStoreRetry;
        _log.Error(cause, "The outcome of telling notifier {Notifier} of run {Run} cannot be stored; the next try is in {Wait}", _key.Notifier, _key.Run, wait);
        Timers.StartSingleTimer(nameof(StoreAgain), new StoreAgain(), wait);
    }

    private void End(TimeSpan? retryAfter)
    {
        Context.Parent.Tell(new DeliveryEnded(_key, retryAfter));
        Context.Stop(Self);
    }

    private string Describe() => _attempt is { } attempt ? $"{attempt.Result.Status}, to be stored" : _delivery is { } delivery ? $"attempt {delivery.Attempts + 1} under way" : "reading";
}
