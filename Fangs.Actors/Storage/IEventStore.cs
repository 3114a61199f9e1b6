using Fangs.Actors.Ingest;

namespace Fangs.Actors.Storage;

/// <summary>What became of a batch.</summary>
/// <param name="IsDuplicate">It had been stored before; nothing was added.</param>
/// <param name="Persisted">Its events that are stored now, counting those stored before.</param>
/// <param name="Error">Why it could not be stored, or null.</param>
public readonly record struct AppendOutcome(bool IsDuplicate, int Persisted, StorageException? Error);

/// <summary>Sensor events and what is kept up to date with them: batches, fingerprints, counts by type.</summary>
public interface IEventStore
{
    /// <summary>Stores batches in one transaction, each once: a batch is known by run and seq. Completes after the commit.</summary>
    /// <returns>One outcome per batch, in order.</returns>
    /// <exception cref="StorageException">Nothing of the group was stored.</exception>
    Task<IReadOnlyList<AppendOutcome>> AppendAsync(IReadOnlyList<PreparedBatch> batches);
}
