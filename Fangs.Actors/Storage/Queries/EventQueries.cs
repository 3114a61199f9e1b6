using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads the events of a run: through its batches, or by run id where a database made by upstream has none.</summary>
public static class EventQueries
{
    // The comparison of run_id is a safeguard, should ids of another run ever lie in the range.
    private static string FromBatches(ReadOnlyDatabase database) =>
        $"""
        FROM event_batches b {database.Dialect.ForEach} events e ON e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1
        WHERE b.run_id = @runId AND e.run_id = @runId
        """;

    private const string FromEvents = "FROM events e WHERE e.run_id = @runId";
    private const string Columns = "SELECT e.id AS Id, e.ts_ns AS TsNs, e.type AS Type, CAST(e.data AS TEXT) AS Data";

    /// <summary>Number of events by type, largest first.</summary>
    public static IReadOnlyList<EventCountRow> CountsByType(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Kept = "SELECT type AS Type, count AS Count FROM run_event_counts WHERE run_id = @runId ORDER BY count DESC, type";
        const string Counted = "SELECT type AS Type, COUNT(*) AS Count FROM events WHERE run_id = @runId GROUP BY type ORDER BY 2 DESC, 1";
        var counts = database.HasIngest ? database.Connection.Query<EventCountRow>(Kept, new { runId }).AsList() : [];
        return counts.Count > 0 || !MayHoldLooseEvents(database)
            ? counts
            : database.Connection.Query<EventCountRow>(Counted, new { runId }).AsList();
    }

    /// <summary>The newest events of a run, oldest first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="runId">Full id.</param>
    /// <param name="type">Only this stored type name; empty for all.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<EventRow> Last(ReadOnlyDatabase database, string runId, string type, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        var ofType = type.Length == 0 ? "" : "AND e.type = @type";
        var hasBatches = HasBatches(database, runId);
        if (!hasBatches && !MayHoldLooseEvents(database)) return [];
        var sql = hasBatches
            ? $"{Columns} {FromBatches(database)} {ofType} ORDER BY b.seq DESC, e.id DESC LIMIT @limit"
            : $"{Columns} {FromEvents} {ofType} ORDER BY e.ts_ns DESC, e.id DESC LIMIT @limit";
        var rows = database.Connection.Query<EventRow>(sql, new { runId, type, limit = RowLimit.Of(limit) }).AsList();
        rows.Reverse();
        return rows;
    }

    /// <summary>One event by its id; null when it is gone.</summary>
    public static EventRow? ById(ReadOnlyDatabase database, long id)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.QuerySingleOrDefault<EventRow>($"{Columns} FROM events e WHERE e.id = @id", new { id });
    }

    /// <summary>Streams every event of a run in order, without holding them in memory.</summary>
    public static IEnumerable<EventRow> All(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        var hasBatches = HasBatches(database, runId);
        if (!hasBatches && !MayHoldLooseEvents(database)) return [];
        var sql = hasBatches
            ? $"{Columns} {FromBatches(database)} ORDER BY b.seq, e.id"
            : $"{Columns} {FromEvents} ORDER BY e.ts_ns, e.id";
        return database.Connection.Query<EventRow>(sql, new { runId }, buffered: false);
    }

    private static bool HasBatches(ReadOnlyDatabase database, string runId) =>
        database.HasIngest && database.Connection.ExecuteScalar<long>(
            "SELECT count(*) FROM (SELECT 1 FROM event_batches WHERE run_id = @runId LIMIT 1) AS one", new { runId }) == 1;

    // Only a database that upstream began can hold events without batches, and it is known by its index on events. Elsewhere a run
    // without batches has no events, and looking for them would read the whole table.
    internal static bool MayHoldLooseEvents(ReadOnlyDatabase database) =>
        !database.HasIngest || database.Connection.ExecuteScalar<bool>(database.Dialect.HasLooseEvents);
}
