using Fangs.Actors.Notifiers;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>One alert for one target.</summary>
/// <param name="Run">The run that it tells of.</param>
/// <param name="Notifier">Name of the target.</param>
/// <param name="Revision">Which alert of the run it is.</param>
public sealed record DeliveryKey(RunId Run, string Notifier, long Revision);

/// <summary>What the outbox holds at one moment.</summary>
/// <param name="Due">Alerts whose time has come, for each target the longest due first and not more than were asked for.</param>
/// <param name="Next">When the next one is due; null when none waits.</param>
/// <param name="Targets">Names of all targets.</param>
public sealed record OutboxView(IReadOnlyList<DeliveryKey> Due, DateTimeOffset? Next, IReadOnlyList<string> Targets);

/// <summary>An alert with all that sending it needs, read at one moment.</summary>
/// <param name="Target">The target as it is now.</param>
/// <param name="Attempts">Attempts made so far.</param>
/// <param name="Alert">What to tell; may be without deviations, when all have been decided about meanwhile.</param>
public sealed record Delivery(NotifierTarget Target, int Attempts, Alert Alert);

/// <summary>An attempt for the log of deliveries.</summary>
/// <param name="Key">The alert.</param>
/// <param name="Attempt">Which attempt, counted from 1.</param>
/// <param name="Result">What came of it.</param>
/// <param name="At">When.</param>
/// <param name="NextAt">When the next one is due; null when there is none.</param>
/// <param name="Told">Ids of the deviations that it told of.</param>
public sealed record DeliveryAttempt(DeliveryKey Key, int Attempt, AttemptResult Result, DateTimeOffset At, DateTimeOffset? NextAt, IReadOnlyList<string> Told);

/// <summary>The outbox of alerts and the log of deliveries. What goes into the outbox is written by <see cref="IAnalysisStore.SaveAsync"/>.</summary>
public interface INotificationStore
{
    /// <summary>Looks what is due. Alerts for targets that are not enabled wait.</summary>
    /// <param name="now">The time.</param>
    /// <param name="perTarget">Due alerts per target, at most.</param>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<OutboxView> LookAsync(DateTimeOffset now, int perTarget);

    /// <summary>Reads an alert; null when it is not in the outbox any more, not due yet, or its target is not enabled.</summary>
    /// <param name="key">The alert.</param>
    /// <param name="now">The time; what a look has found due may have been attempted meanwhile.</param>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<Delivery?> LoadAsync(DeliveryKey key, DateTimeOffset now);

    /// <summary>Logs an attempt and moves the alert on, in one transaction. Doing it again changes nothing.</summary>
    /// <exception cref="StorageException">The database fails; nothing was changed.</exception>
    Task RecordAsync(DeliveryAttempt attempt);

    /// <summary>Takes an alert out of the outbox of which nothing is left to tell.</summary>
    /// <exception cref="StorageException">The database fails; nothing was changed.</exception>
    Task DropAsync(DeliveryKey key);

    /// <summary>Makes targets, or changes those of the same names, in one transaction with lines in the audit log. What is as it should be stays untouched.</summary>
    /// <param name="targets">The targets; checked.</param>
    /// <param name="actor">Who does it, for the audit log.</param>
    /// <returns>How many are new, and how many have changed.</returns>
    /// <exception cref="StorageException">The database fails; nothing was changed.</exception>
    Task<(int Added, int Changed)> SaveTargetsAsync(IReadOnlyList<NotifierTarget> targets, string actor);
}
