using System.Data.Common;
using Fangs.Actors.Ingest;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>Sensor events, through the one writer: what both databases have in common.</summary>
public abstract class EventStore : IEventStore, IDisposable
{
    private const int MaxCachedRuns = 4096;

    private readonly StoreWriter _writer;

    // Only the writer's loop touches these; they are dropped when something was rolled back.
    private readonly Dictionary<RunId, RunTotals> _totals = [];

    /// <summary>Stores through a writer.</summary>
    private protected EventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun)
    {
        ArgumentNullException.ThrowIfNull(writer);
        (_writer, Clock, MaxEventsPerRun) = (writer, clock, maxEventsPerRun);
        writer.RolledBack += Forget;
    }

    private protected TimeProvider Clock { get; }

    private protected int MaxEventsPerRun { get; }

    // Ids are given here and not by the database, so that those of a batch are contiguous whatever else is inserted.
    private protected long? LastEventId { get; set; }

    /// <inheritdoc/>
    public Task<IReadOnlyList<AppendOutcome>> AppendAsync(IReadOnlyList<PreparedBatch> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        return _writer.WriteAsync<IReadOnlyList<AppendOutcome>>(session => Append(session, batches));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Drops what is cached of a run. To be called in the writer's loop, by whoever changes its batches.</summary>
    internal void Forget(RunId run) => _totals.Remove(run);

    /// <summary>Stores batches inside the transaction of a session: all of them, or none and an exception of the database.</summary>
    private protected abstract AppendOutcome[] AppendGroup(StoreSession session, IReadOnlyList<PreparedBatch> batches);

    // One batch that the schema refuses (its run was deleted meanwhile) must not take the others with it. Each savepoint costs a copy of each
    // page that changes after it, or a round trip, so that there is one for all of them, and one for each only when that was taken back.
    private AppendOutcome[] Append(StoreSession session, IReadOnlyList<PreparedBatch> batches)
    {
        session.Execute("SAVEPOINT batches");
        try
        {
            var outcomes = AppendGroup(session, batches);
            session.Execute("RELEASE batches");
            return outcomes;
        }
        catch (DbException e) when (session.IsInTransaction)
        {
            Forget();
            session.Execute("ROLLBACK TO batches");
            session.Execute("RELEASE batches");
            return batches.Count == 1
                ? [new AppendOutcome(false, 0, NotStored(batches[0], e is Npgsql.PostgresException postgres ? postgres.MessageText : e.Message, e))]
                : [.. batches.SelectMany(batch => Append(session, [batch]))];
        }
    }

    private protected bool TryGetTotals(RunId run, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out RunTotals? totals) => _totals.TryGetValue(run, out totals);

    private protected RunTotals Remember(RunId run, long stored, long prunedSeq)
    {
        if (_totals.Count >= MaxCachedRuns) _totals.Clear();
        return _totals[run] = new RunTotals { Stored = stored, PrunedSeq = prunedSeq };
    }

    private protected void Forget()
    {
        _totals.Clear();
        LastEventId = null;
    }

    private protected static long Nanoseconds(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).Ticks * 100;

    private protected static StorageException NotStored(PreparedBatch batch, string why, Exception? cause) => cause is null
        ? new StorageException($"Batch {batch.Seq} of run {batch.RunId} was not stored: {why}")
        : new StorageException($"Batch {batch.Seq} of run {batch.RunId} was not stored: {why}", cause);

    /// <summary>Stops following the writer.</summary>
    protected virtual void Dispose(bool disposing) => _writer.RolledBack -= Forget;

    private protected sealed class RunTotals
    {
        public long Stored { get; set; }

        public long PrunedSeq { get; init; }
    }
}
