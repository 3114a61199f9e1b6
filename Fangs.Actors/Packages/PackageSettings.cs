namespace Fangs.Actors.Packages;

/// <summary>How the actors of packages behave in time.</summary>
public sealed record PackageSettings
{
    /// <summary>Wait before an analysis that has failed is tried again; doubled with each further failure.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest such wait.</summary>
    public TimeSpan RetryAtMost { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often it is looked whether an entry of the allow list has expired; runs that it had hidden something of show it that much later.</summary>
    public TimeSpan ExpiryInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the actor of a package without work stays in memory.</summary>
    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromSeconds(60);
}
