using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>What identifies a behaviour in a baseline.</summary>
/// <param name="Category">A name of <see cref="FingerprintCategory"/>.</param>
/// <param name="Value">Normalised value.</param>
public readonly record struct FingerprintKey(string Category, string Value);

/// <summary>One thing that a run did, whoever did it and in whatever phase.</summary>
/// <param name="Key">What.</param>
/// <param name="Role">Who did it first; empty when the runner does not tell.</param>
/// <param name="Phase">In which phase that was; empty when the runner does not tell.</param>
/// <param name="Tally">All its events; <see cref="FingerprintTally.FirstEvent"/> is the id of the earliest.</param>
public sealed record RunFingerprint(FingerprintKey Key, string Role, string Phase, FingerprintTally Tally)
{
    /// <summary>Whether one of the events touched credentials.</summary>
    public bool IsCredential => (Tally.Tags & EventTags.Credential) != 0;

    /// <summary>Severity of a deviation by it.</summary>
    public string Severity => Analysis.Severity.Of(Key.Category, Tally.Tags);

    /// <summary>Joins fingerprints that differ only in role and phase. The order does not matter.</summary>
    /// <returns>One per key, by category and value.</returns>
    public static IReadOnlyList<RunFingerprint> Merge(IEnumerable<(Fingerprint Fingerprint, FingerprintTally Tally)> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var merged = new Dictionary<FingerprintKey, RunFingerprint>();
        foreach (var (fingerprint, tally) in parts)
        {
            var key = new FingerprintKey(fingerprint.Category, fingerprint.Value);
            var part = new RunFingerprint(key, fingerprint.Role, fingerprint.Phase, tally);
            merged[key] = merged.TryGetValue(key, out var known) ? known.With(part) : part;
        }

        return [.. merged.Values.OrderBy(f => f.Key.Category, StringComparer.Ordinal).ThenBy(f => f.Key.Value, StringComparer.Ordinal)];
    }

    private RunFingerprint With(RunFingerprint other)
    {
        var tally = Tally.Merge(other.Tally);
        var isMine = (tally.FirstKtimeNs, tally.FirstEvent) == (Tally.FirstKtimeNs, Tally.FirstEvent);
        return (isMine ? this : other) with { Tally = tally };
    }
}
