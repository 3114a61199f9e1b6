using Akka.Actor;
using Fangs.Actors.Storage;

namespace Fangs.Actors.Notifiers;

/// <summary>To the notifier: something may have come into the outbox.</summary>
public sealed record OutboxFilled : INoSerializationVerificationNeeded
{
    /// <summary>The only one.</summary>
    public static readonly OutboxFilled Instance = new();
}

/// <summary>From a delivery to the notifier: the attempt has ended and is stored.</summary>
/// <param name="Key">The alert.</param>
/// <param name="RetryAfter">How long the receiver asked to be left alone; null when it did not.</param>
internal sealed record DeliveryEnded(DeliveryKey Key, TimeSpan? RetryAfter) : INoSerializationVerificationNeeded;

/// <summary>Tells those who send alerts that deviations have been committed. Raised in whatever thread has stored them.</summary>
public sealed class OutboxSignal
{
    /// <summary>Something may have come into the outbox.</summary>
    public event Action? Raised;

    /// <summary>Tells.</summary>
    public void Raise() => Raised?.Invoke();
}
