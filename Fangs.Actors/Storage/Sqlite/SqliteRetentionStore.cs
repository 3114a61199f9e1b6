using Dapper;
using Fangs.Protocol;
using Microsoft.Data.Sqlite;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Retention in SQLite: looks with a reader, deletes through the one writer.</summary>
/// <param name="database">The database.</param>
/// <param name="writer">Its writer.</param>
/// <param name="clock">Times of the deletions, and how long they take.</param>
/// <param name="onPruned">Called in the writer's loop for a run of which batches are gone, so that what is cached of it is dropped.</param>
public sealed class SqliteRetentionStore(SqliteDatabase database, SqliteWriter writer, TimeProvider clock, Action<RunId> onPruned) : IRetentionStore
{
    // A run that waits to be judged keeps its events: its deviations will refer to some of them.
    // A batch may go when it has no events any more, and it is worth a visit when one of its events is no evidence.
    private const string FindByBatchesSql = """
        SELECT r.id AS Id, r.finished_at AS FinishedAt FROM runs r
        WHERE r.state IN ('done', 'failed') AND r.analyzed_at IS NOT NULL AND r.finished_at < @cutoff AND (r.finished_at, r.id) > (@afterTime, @afterRun)
          AND EXISTS (
            SELECT 1 FROM event_batches b WHERE b.run_id = r.id AND (
              NOT EXISTS (SELECT 1 FROM events e WHERE e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1)
              OR EXISTS (
                SELECT 1 FROM events e WHERE e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1
                  AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id = e.id))))
        ORDER BY r.finished_at, r.id LIMIT @limit
        """;

    // A database that upstream began also holds events without batches, and an index that finds them by run.
    private const string FindLooseSql = """
        SELECT r.id AS Id, r.finished_at AS FinishedAt FROM runs r
        WHERE r.state IN ('done', 'failed') AND r.analyzed_at IS NOT NULL AND r.finished_at < @cutoff AND (r.finished_at, r.id) > (@afterTime, @afterRun)
          AND (EXISTS (SELECT 1 FROM event_batches b WHERE b.run_id = r.id)
            OR EXISTS (SELECT 1 FROM events e WHERE e.run_id = r.id AND NOT EXISTS (SELECT 1 FROM deviations d WHERE d.evidence_event_id = e.id)))
        ORDER BY r.finished_at, r.id LIMIT @limit
        """;

    private const string HasLooseSql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = 'events')";
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
        "UPDATE runs SET pruned_at = @p1, pruned_batches = pruned_batches + @p2, pruned_seq = max(pruned_seq, @p3) WHERE id = @p0";

    private const string DeliveryRangeSql = "SELECT max(rowid) FROM (SELECT rowid FROM notifications WHERE rowid > @p0 ORDER BY rowid LIMIT @p1)";

    private const string DeleteDeliveriesSql =
        "DELETE FROM notifications WHERE rowid > @p0 AND rowid <= @p1 AND created_at < @p2 AND status <> 'queued'";

    private const string FreePagesSql = "PRAGMA freelist_count";
    private const string AutoVacuumSql = "PRAGMA auto_vacuum";
    private const int Incremental = 2;
    private const int RowsBetweenLooks = 256;

    private static readonly object More = new();

    /// <inheritdoc/>
    public Task<IReadOnlyList<PrunableRun>> FindRunsAsync(DateTimeOffset cutoff, PrunableRun? after, int limit) => Task.Run(IReadOnlyList<PrunableRun> () =>
    {
        try
        {
            using var connection = database.OpenReader();
            var place = new { cutoff = StorageText.Time(cutoff), afterTime = after?.FinishedAt ?? "", afterRun = after?.Run.ToString() ?? "", limit };
            var sql = connection.ExecuteScalar<long>(HasLooseSql) == 1 ? FindLooseSql : FindByBatchesSql;
            return [.. connection.Query<(string Id, string FinishedAt)>(sql, place).Select(row => new PrunableRun(RunId.Parse(row.Id), row.FinishedAt))];
        }
        catch (SqliteException e)
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
        var from = after as long? ?? 0;
        if (session.Number(DeliveryRangeSql, from, maxRows) is not { } to) return new PruneStep<object>(0, 0, clock.GetElapsedTime(began), null);
        var deleted = session.Execute(DeleteDeliveriesSql, from, to, StorageText.Time(cutoff));
        return new PruneStep<object>(deleted, 0, clock.GetElapsedTime(began), to);
    });

    /// <inheritdoc/>
    public Task<PruneStep<object>> ReclaimAsync(int maxPages) => writer.WriteAsync(session =>
    {
        var began = clock.GetTimestamp();
        var free = session.Number(FreePagesSql) ?? 0;
        // A file that was made without incremental vacuum (upstream's) keeps its free pages and uses them again.
        if (free == 0 || session.Number(AutoVacuumSql) != Incremental) return new PruneStep<object>(0, 0, clock.GetElapsedTime(began), null);
        session.Reclaim(maxPages);
        var left = session.Number(FreePagesSql) ?? 0;
        return new PruneStep<object>((int)(free - left), 0, clock.GetElapsedTime(began), left > 0 && left < free ? More : null);
    });

    private (int Events, int Batches, PrunePosition? Next) PruneBatches(
        SqliteSession session, RunId run, string id, PrunePosition from, int maxRows, Func<bool> isTimeUp)
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

    private (int Events, int Batches, PrunePosition? Next) PruneLoose(SqliteSession session, string id, int maxRows)
    {
        if (session.Number(HasLooseSql) != 1) return (0, 0, null);
        var events = session.Execute(DeleteLooseSql, id, maxRows);
        if (events > 0) session.Execute(NotePrunedSql, id, StorageText.Time(clock.GetUtcNow()), 0, 0);
        return (events, 0, events == maxRows ? PrunePosition.Start : null);
    }

    private sealed record Batch(long Seq, long FirstId, long Events);
}
