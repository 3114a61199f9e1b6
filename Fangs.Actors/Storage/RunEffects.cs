using Fangs.Actors.Analysis;
using Fangs.Actors.Ingest;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>What the batches of one transaction do to rows of their runs, joined, so that each row is written once and not once per batch.</summary>
internal sealed class RunEffects
{
    private readonly Dictionary<RunId, OfRun> _runs = [];

    /// <summary>The runs and what happens to them.</summary>
    public IReadOnlyDictionary<RunId, OfRun> Runs => _runs;

    /// <summary>Adds a batch that has been inserted.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="firstId">Id of its first event.</param>
    public void Add(PreparedBatch batch, long firstId)
    {
        if (!_runs.TryGetValue(batch.RunId, out var run)) _runs[batch.RunId] = run = new OfRun();
        run.SawExec |= batch.SawExec;
        foreach (var (type, count) in batch.TypeCounts) run.Counts[type] = run.Counts.GetValueOrDefault(type) + count;
        foreach (var (fingerprint, inBatch) in batch.Fingerprints)
        {
            var tally = inBatch with { FirstEvent = firstId + inBatch.FirstEvent };
            run.Fingerprints[fingerprint] = run.Fingerprints.TryGetValue(fingerprint, out var known) ? known.Merge(tally) : tally;
        }
    }

    internal sealed class OfRun
    {
        /// <summary>Tallies with ids of events.</summary>
        public Dictionary<Fingerprint, FingerprintTally> Fingerprints { get; } = [];

        public Dictionary<string, long> Counts { get; } = [];

        public bool SawExec { get; set; }
    }
}
