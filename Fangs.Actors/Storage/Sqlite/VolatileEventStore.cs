using Fangs.Actors.Ingest;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Takes events and stores none of them.</summary>
internal sealed class VolatileEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun) : EventStore(writer, clock, maxEventsPerRun)
{
    private protected override AppendOutcome[] AppendGroup(StoreSession session, IReadOnlyList<PreparedBatch> batches) => new AppendOutcome[batches.Count];
}
