namespace Fangs.Actors.Notifiers;

/// <summary>When an alert that could not be delivered is tried again. Pure.</summary>
public static class RetrySchedule
{
    /// <summary>
    /// The wait after an attempt that failed: 3 s, then three times as long with each attempt, so that a hiccup costs seconds, an outage of ten
    /// minutes is survived with two attempts to spare, and all eight take about an hour. A receiver may ask for more.
    /// </summary>
    /// <param name="settings">Attempts, first wait, jitter and limits.</param>
    /// <param name="attempt">The attempt that failed, counted from 1.</param>
    /// <param name="retryAfter">What the receiver asked for; null for nothing.</param>
    /// <param name="dice">0 to 1.</param>
    /// <returns>The wait; null after the last attempt.</returns>
    public static TimeSpan? After(NotifierSettings settings, int attempt, TimeSpan? retryAfter, double dice)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (attempt >= settings.MaxAttempts) return null;
        var wait = settings.FirstRetry * Math.Pow(3, Math.Max(0, attempt - 1)) * (1 + (settings.Jitter * ((2 * dice) - 1)));
        var asked = Capped(settings, retryAfter) ?? TimeSpan.Zero;
        return asked > wait ? asked : wait;
    }

    /// <summary>What a receiver asks for, as far as it is granted.</summary>
    public static TimeSpan? Capped(NotifierSettings settings, TimeSpan? retryAfter)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return retryAfter is not { } asked ? null : asked > settings.MaxRetryAfter ? settings.MaxRetryAfter : asked < TimeSpan.Zero ? TimeSpan.Zero : asked;
    }
}
