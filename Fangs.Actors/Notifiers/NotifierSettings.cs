namespace Fangs.Actors.Notifiers;

/// <summary>Settings of the notifier.</summary>
public sealed record NotifierSettings
{
    /// <summary>Whether alerts may go to addresses inside the operator's own networks.</summary>
    public bool AllowPrivate { get; init; }

    /// <summary>Targets that the notifiers file describes: saved at the start. Others stay.</summary>
    public IReadOnlyList<NotifierTarget> FromFile { get; init; } = [];

    /// <summary>Reads an environment variable, for secrets that targets refer to.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Limit of one attempt: look-up, connection and answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Attempts before an alert is given up.</summary>
    public int MaxAttempts { get; init; } = 8;

    /// <summary>Wait after the first attempt; see <see cref="RetrySchedule"/>.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>By which part of itself each wait is made longer or shorter at random, so that receivers are not hit in step.</summary>
    public double Jitter { get; init; } = 0.25;

    /// <summary>Longest wait that a receiver may ask for with Retry-After.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Attempts in flight per target.</summary>
    public int PerTarget { get; init; } = 2;

    /// <summary>
    /// Longest time between two looks at the outbox. A commit in this process and the time of the next attempt wake the notifier by
    /// themselves; this is for what others change: targets that come and go, decisions of the command line, the clock.
    /// </summary>
    public TimeSpan LookInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an alert is left alone after a failure of our own: the database, or a mistake.</summary>
    public TimeSpan CoolDown { get; init; } = TimeSpan.FromSeconds(30);
}
