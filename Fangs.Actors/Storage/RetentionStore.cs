using System.Data.Common;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>Retention: looks with a reader, deletes through the one writer.</summary>
/// <param name="database">The database.</param>
/// <param name="writer">Its writer.</param>
/// <param name="clock">Times of the deletions, and how long they take.</param>
/// <param name="onPruned">Called in the writer's loop for a run of which batches are gone, so that what is cached of it is dropped.</param>
public sealed class RetentionStore(StoreDatabase database, StoreWriter writer, TimeProvider clock, Action<RunId> onPruned) : IRetentionStore
{
    // A run that waits to be judged keeps its events: its deviations will refer to some of them.
    // A batch may go when it has no events any more, and it is worth a visit when one of its events is no evidence.
    private const string FindByBatchesSql = """
        SELECT r.id AS Id, r.finished_at AS FinishedAt FROM runs r
        WHERE r.state IN ('done', 'failed') AND r.analyzed_at IS NOT NULL AND r.finished_at < @p0 AND (r.finished_at, r.id) > (@p1, @p2)
          AND EXISTS (
            SELECT 1 FROM event_batches b WHERE b.run_id = r.id AND (
              NOT EXISTS (SELECT 1 FROM events e WHERE e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1)
              OR EXISTS (
                SELECT 1 FROM events e WHERE e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1
                  AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id = e.id))))
        ORDER BY r.finished_at, r.id LIMIT @p3
        """;

    // A database that upstream began also holds events without batches, and an index that finds them by run.
    private const string FindLooseSql = """
        SELECT r.id AS Id, r.finished_at AS FinishedAt FROM runs r
        WHERE r.state IN ('done', 'failed') AND r.analyzed_at IS NOT NULL AND r.finished_at < @p0 AND (r.finished_at, r.id) > (@p1, @p2)
          AND (EXISTS (SELECT 1 FROM event_batches b WHERE b.run_id = r.id)
            OR EXISTS (SELECT 1 FROM events e WHERE e.run_id = r.id AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id = e.id)))
        ORDER BY r.finished_at, r.id LIMIT @p3
        """;

    private const string HasEndedSql = "SELECT 1 FROM runs WHERE id = @p0 AND state IN ('done', 'failed') AND analyzed_at IS NOT NULL";
    private const string BatchSql = "SELECT seq, first_event_id, events FROM event_batches WHERE run_id = @p0 AND seq >= @p1 ORDER BY seq LIMIT 1";

    private const string DeleteEventsSql = """
        DELETE FROM events WHERE id BETWEEN @p0 AND @p1 AND run_id = @p2
          AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id = events.id)
        """;

    private const string DeleteBatchSql = """
        DELETE FROM event_batches WHERE run_id = @p0 AND seq = @p1
          AND NOT EXISTS (SELECT 1 FROM events WHERE id BETWEEN @p2 AND @p3)
        """;

    private const string DeleteLooseSql = """
        DELETE FROM events WHERE id IN (
          SELECT e.id FROM events e
          WHERE e.run_id = @p0 AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id = e.id) LIMIT @p1)
        """;

    private const string HasBatchesSql = "SELECT 1 FROM event_batches WHERE run_id = @p0 LIMIT 1";

    private const string NotePrunedSql =
        "UPDATE runs SET pruned_at = @p1, pruned_batches = pruned_batches + @p2, pruned_seq = CASE WHEN @p3 > pruned_seq THEN @p3 ELSE pruned_seq END WHERE id = @p0";

    private const string DeliveryRangeSql = "SELECT max(id) FROM (SELECT id FROM notifications WHERE id > @p0 ORDER BY id LIMIT @p1) AS next";

    private const string DeleteDeliveriesSql =
        "DELETE FROM notifications WHERE id > @p0 AND id <= @p1 AND created_at < @p2 AND status <> 'queued'";

    private const int RowsBetweenLooks = 256;

    private static readonly object More = new();

    /// <inheritdoc/>
    public Task<IReadOnlyList<PrunableRun>> FindRunsAsync(DateTimeOffset cutoff, PrunableRun? after, int limit) => Task.Run(IReadOnlyList<PrunableRun> () =>
    {
        try
        {
            using var session = database.OpenReadSession();
            var sql = session.Number(session.Dialect.HasLooseEvents) == 1 ? FindLooseSql : FindByBatchesSql;
            return session.Rows(sql, row => new PrunableRun(RunId.Parse(row.GetString(0)), row.GetString(1)),
                StorageText.Time(cutoff), after?.FinishedAt ?? StorageText.Time(default), after?.Run.ToString() ?? "", limit);
        }
        catch (DbException e)
        {
            throw new StorageException($"Runs to prune cannot be looked up: {e.Message}", e);
        }
    });

    /// <inheritdoc/>
    public Task<PruneStep<PrunePosition>> PruneRunAsync(RunId run, PrunePosition from, int maxRows, TimeSpan stopAfter)
    {
        ArgumentNullException.ThrowIfNull(from);
        return writer.WriteAsync(session =>
        {
            var began = clock.GetTimestamp();
            var id = run.ToString();
            // Found by a reader some time ago: only an ended run may lose its batches.
            if (session.Number(HasEndedSql, id) is null) return new PruneStep<PrunePosition>(0, 0, clock.GetElapsedTime(began), null);
            var (events, batches, next) = session.Number(HasBatchesSql, id) is null
                ? PruneLoose(session, id, maxRows)
                : PruneBatches(session, run, id, from, maxRows, () => clock.GetElapsedTime(began) >= stopAfter);
            return new PruneStep<PrunePosition>(events, batches, clock.GetElapsedTime(began), next);
        });
    }

    /// <inheritdoc/>
    public Task<PruneStep<object>> PruneDeliveriesAsync(DateTimeOffset cutoff, object? after, int maxRows) => writer.WriteAsync(session =>
    {
        var began = clock.GetTimestamp();
        var from = after as string ?? "";
        var to = session.First(DeliveryRangeSql, row => row.IsDBNull(0) ? "" : row.GetString(0), from, maxRows);
        if (string.IsNullOrEmpty(to))
            return new PruneStep<object>(0, 0, clock.GetElapsedTime(began), null);
        var deleted = session.Execute(DeleteDeliveriesSql, from, to, StorageText.Time(cutoff));
        return new PruneStep<object>(deleted, 0, clock.GetElapsedTime(began), to);
    });

    /// <inheritdoc/>
    public Task<PruneStep<object>> ReclaimAsync(int maxPages) => writer.WriteAsync(session =>
    {
        var began = clock.GetTimestamp();
        var (pages, more) = session.Reclaim(maxPages);
        return new PruneStep<object>(pages, 0, clock.GetElapsedTime(began), more ? More : null);
    });

    private (int Events, int Batches, PrunePosition? Next) PruneBatches(
        StoreSession session, RunId run, string id, PrunePosition from, int maxRows, Func<bool> isTimeUp)
    {
        var (events, batches, lastSeq) = (0, 0, 0L);
        PrunePosition? next = from;
        var left = maxRows;
        do
        {
            if (session.First(BatchSql, row => new Batch(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2)), id, next.Seq) is not { } batch)
            {
                next = null;
                break;
            }

            var end = batch.FirstId + batch.Events - 1;
            var begin = batch.Seq == next.Seq ? Math.Max(next.EventId, batch.FirstId) : batch.FirstId;
            var stop = Math.Min(end, begin + Math.Min(left, RowsBetweenLooks) - 1);
            if (stop >= begin)
            {
                events += session.Execute(DeleteEventsSql, begin, stop, id);
                left -= (int)(stop - begin + 1);
            }

            if (stop < end)
            {
                next = new PrunePosition(batch.Seq, stop + 1);
                continue;
            }

            left--;
            next = new PrunePosition(batch.Seq + 1, 0);
            if (session.Execute(DeleteBatchSql, id, batch.Seq, batch.FirstId, end) == 0) continue; // evidence keeps its batch
            batches++;
            lastSeq = batch.Seq;
        }
        while (left > 0 && !isTimeUp());

        if (events + batches > 0)
        {
            session.Execute(NotePrunedSql, id, StorageText.Time(clock.GetUtcNow()), batches, lastSeq);
            onPruned(run);
        }

        return (events, batches, next);
    }

    private (int Events, int Batches, PrunePosition? Next) PruneLoose(StoreSession session, string id, int maxRows)
    {
        if (session.Number(session.Dialect.HasLooseEvents) != 1) return (0, 0, null);
        var events = session.Execute(DeleteLooseSql, id, maxRows);
        if (events > 0) session.Execute(NotePrunedSql, id, StorageText.Time(clock.GetUtcNow()), 0, 0);
        return (events, 0, events == maxRows ? PrunePosition.Start : null);
    }

    private sealed record Batch(long Seq, long FirstId, long Events);
}
