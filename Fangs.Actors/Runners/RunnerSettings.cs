namespace Fangs.Actors.Runners;

/// <summary>When a runner counts as alive.</summary>
public sealed record RunnerSettings
{
    /// <summary>Silence longer than this prunes a runner.</summary>
    public TimeSpan LivenessWindow { get; init; } = TimeSpan.FromSeconds(90);
}
