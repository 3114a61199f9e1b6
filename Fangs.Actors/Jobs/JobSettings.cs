namespace Fangs.Actors.Jobs;

/// <summary>Time limits of the dispatcher.</summary>
public sealed record JobSettings
{
    /// <summary>How long a poll without work is held.</summary>
    public TimeSpan PollWindow { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>How long a handed-out job may go without a sign of life.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>How long after duration and grace period a result may still come in.</summary>
    public TimeSpan ResultSlack { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Journal events between two snapshots.</summary>
    public int SnapshotEvery { get; init; } = 2000;
}
