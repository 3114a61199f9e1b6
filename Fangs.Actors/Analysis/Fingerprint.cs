using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>One thing that a run did. Baselines know category and value; role and phase tell who did it and when.</summary>
/// <param name="Category">A name of <see cref="FingerprintCategory"/>.</param>
/// <param name="Value">Normalised value, never empty.</param>
/// <param name="Role">Who did it; empty when the runner does not tell.</param>
/// <param name="Phase">Phase of the run; empty when the runner does not tell.</param>
public readonly record struct Fingerprint(string Category, string Value, string Role, string Phase);

/// <summary>What the events behind one fingerprint have in common.</summary>
/// <param name="Count">Contributing events.</param>
/// <param name="FirstEvent">The earliest of them: its index in the batch, or its id once stored.</param>
/// <param name="FirstKtimeNs">That event's kernel time in nanoseconds since boot; <see cref="UnknownKtime"/> when no event had one.</param>
/// <param name="Tags">All tags of the events.</param>
public readonly record struct FingerprintTally(long Count, long FirstEvent, long FirstKtimeNs, EventTags Tags)
{
    /// <summary>Later than every kernel time, so that an event with a time goes before one without.</summary>
    public const long UnknownKtime = long.MaxValue;

    /// <summary>Joins the tallies of two sets of events. The order does not matter.</summary>
    public FingerprintTally Merge(FingerprintTally other)
    {
        var isFirst = (FirstKtimeNs, FirstEvent).CompareTo((other.FirstKtimeNs, other.FirstEvent)) <= 0;
        var first = isFirst ? this : other;
        return new FingerprintTally(Count + other.Count, first.FirstEvent, first.FirstKtimeNs, Tags | other.Tags);
    }
}
