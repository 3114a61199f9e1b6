using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Ingest;

/// <summary>Computes a run's fingerprints again from its stored events, in the way in which they were kept while the events arrived.</summary>
public sealed class EventReplay
{
    private readonly BatchPreparer _preparer;
    private readonly RunId _run;
    private readonly Dictionary<Fingerprint, FingerprintTally> _fingerprints = [];

    /// <summary>Replays for a run.</summary>
    public EventReplay(BatchPreparer preparer, RunId run) => (_preparer, _run) = (preparer, run);

    /// <summary>What the events so far say; <see cref="FingerprintTally.FirstEvent"/> is an id.</summary>
    public IReadOnlyDictionary<Fingerprint, FingerprintTally> Fingerprints => _fingerprints;

    /// <summary>Whether a program other than the sandbox's own was executed.</summary>
    public bool SawExec { get; private set; }

    /// <summary>Events so far.</summary>
    public int Events { get; private set; }

    /// <summary>Adds events.</summary>
    public void Add(IReadOnlyList<StoredEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        using var batch = _preparer.Prepare(events, _run);
        foreach (var (fingerprint, part) in batch.Fingerprints)
        {
            var tally = part with { FirstEvent = events[(int)part.FirstEvent].Id };
            _fingerprints[fingerprint] = _fingerprints.TryGetValue(fingerprint, out var known) ? known.Merge(tally) : tally;
        }

        SawExec |= batch.SawExec;
        Events += events.Count;
    }
}
