namespace Fangs.Actors.Retention;

/// <summary>How long events are kept, and how gently they are deleted.</summary>
public sealed record RetentionSettings
{
    /// <summary>Events of runs that ended longer ago than this are deleted, and the delivery log likewise; zero keeps everything.</summary>
    public TimeSpan Horizon { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Time between two passes.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(24);

    /// <summary>When the first pass begins.</summary>
    public TimeSpan FirstPassAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A pass that takes longer stops.</summary>
    public TimeSpan PassLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>When a pass that was stopped goes on, unless <see cref="Interval"/> is shorter.</summary>
    public TimeSpan ResumeAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Rows of one write, at most.</summary>
    public int MaxRows { get; init; } = 5_000;

    /// <summary>How long one write should hold the database. Whoever stores events waits for one write at most.</summary>
    public TimeSpan StepTarget { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Shortest pause between two writes; otherwise it is as long as the write was, so that others get half of the writer's time.</summary>
    public TimeSpan MinPause { get; init; } = TimeSpan.FromMilliseconds(5);
}
