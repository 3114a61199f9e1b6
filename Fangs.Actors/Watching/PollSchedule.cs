namespace Fangs.Actors.Watching;

/// <summary>When a package is polled next. Pure but for the dice.</summary>
public static class PollSchedule
{
    /// <summary>After a poll that went well.</summary>
    /// <param name="settings">Interval and jitter.</param>
    /// <param name="dice">0 to 1.</param>
    public static TimeSpan AfterSuccess(WatchSettings settings, double dice)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Spread(settings.Interval, settings, dice);
    }

    /// <summary>After a poll that failed: twice as long with each failure in a row, up to a limit; what the registry asks for counts when it is longer.</summary>
    /// <param name="settings">Interval, limits and jitter.</param>
    /// <param name="failures">Failures in a row, this one included.</param>
    /// <param name="retryAfter">What the registry asks for.</param>
    /// <param name="dice">0 to 1.</param>
    public static TimeSpan AfterFailure(WatchSettings settings, int failures, TimeSpan? retryAfter, double dice)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var doublings = Math.Clamp(failures - 1, 0, 30);
        var wait = Math.Min(settings.Interval.TotalSeconds * (1L << doublings), settings.MaxBackOff.TotalSeconds);
        // Shorter than the limit, not longer: it is a limit.
        var backOff = TimeSpan.FromSeconds(Math.Min(Spread(TimeSpan.FromSeconds(wait), settings, dice).TotalSeconds, settings.MaxBackOff.TotalSeconds));
        var asked = retryAfter is { } after ? Min(after, settings.MaxRetryAfter) : TimeSpan.Zero;
        return asked > backOff ? asked : backOff;
    }

    private static TimeSpan Spread(TimeSpan wait, WatchSettings settings, double dice) => wait * (1 + (settings.Jitter * ((2 * dice) - 1)));

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
