namespace Fangs.Actors.Runs;

/// <summary>When a run counts as alive, and how long its actor stays.</summary>
public sealed record RunSettings
{
    /// <summary>A confirmed run without heartbeat, batch or result for longer than this is lost.</summary>
    public TimeSpan LivenessWindow { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>How often deadline and silence are looked at.</summary>
    public TimeSpan CheckEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A run that has ended and may still get events is judged when none have come for this long.</summary>
    public TimeSpan AnalyseAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the actor of an ended or unknown run stays in memory.</summary>
    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromSeconds(60);
}
