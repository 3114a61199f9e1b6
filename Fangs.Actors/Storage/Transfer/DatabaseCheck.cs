using System.Globalization;
using Fangs.Actors.Jobs;

namespace Fangs.Actors.Storage.Transfer;

/// <summary>Something in a database that is not as it must be.</summary>
/// <param name="Check">Which rule it breaks.</param>
/// <param name="Detail">What it is.</param>
public sealed record DatabaseDefect(string Check, string Detail);

/// <summary>Looks whether a database is sound: its structure, its references, and what has to agree between its tables. Changes nothing.</summary>
public static class DatabaseCheck
{
    private const int MostPerCheck = 20;

    // Retention takes events from ended runs, except evidence: of those runs a batch may hold fewer than it once did.
    private static readonly (string Name, string Sql)[] Rules =
    [
        ("batches hold as many events as they say",
            """
            SELECT b.run_id, 'batch ' || b.seq || ' says ' || b.events || ' events and has ' || count(e.id)
            FROM event_batches b JOIN runs r ON r.id = b.run_id
            LEFT JOIN events e ON e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1 AND e.run_id = b.run_id AND e.seq = b.seq
            GROUP BY b.run_id, b.seq, b.events, r.pruned_at HAVING CASE WHEN r.pruned_at IS NULL THEN count(e.id) <> b.events ELSE count(e.id) > b.events END
            ORDER BY b.run_id, b.seq LIMIT @p0
            """),
        ("ids of events are contiguous within a batch and of one batch only",
            """
            SELECT run_id, 'batch ' || seq || ' has the ids from ' || first_event_id || ' on, ' || events || ' of them, and another batch those from ' || next_id || ' on'
            FROM (SELECT run_id, seq, first_event_id, events, lead(first_event_id) OVER (ORDER BY first_event_id) AS next_id FROM event_batches WHERE events > 0) AS batches
            WHERE first_event_id + events > next_id ORDER BY first_event_id LIMIT @p0
            """),
        ("numbers of batches begin at 1", "SELECT run_id, 'batch ' || seq FROM event_batches WHERE seq < 1 OR events < 0 ORDER BY run_id, seq LIMIT @p0"),
        ("events by type add up to those of the batches",
            """
            SELECT b.run_id, 'the batches have ' || b.events || ' events, the counts by type ' || coalesce(c.events, 0)
            FROM (SELECT run_id, sum(events) AS events FROM event_batches GROUP BY run_id) AS b
            JOIN runs r ON r.id = b.run_id AND r.pruned_at IS NULL
            LEFT JOIN (SELECT run_id, sum(count) AS events FROM run_event_counts GROUP BY run_id) AS c ON c.run_id = b.run_id
            WHERE b.events <> coalesce(c.events, 0) ORDER BY b.run_id LIMIT @p0
            """),
        ("fingerprints count no more events than there were",
            """
            SELECT f.run_id, f.category || ' ' || f.value || ' counts ' || f.count FROM run_fingerprints f
            JOIN (SELECT run_id, sum(count) AS events FROM run_event_counts GROUP BY run_id) AS c ON c.run_id = f.run_id
            WHERE f.count < 1 OR f.count > c.events ORDER BY f.run_id, f.category, f.value LIMIT @p0
            """),
        ("runs are in a known state",
            "SELECT id, 'state ' || state FROM runs WHERE state NOT IN ('pending', 'building', 'sandboxed', 'analyzed', 'done', 'failed') ORDER BY id LIMIT @p0"),
        ("runs that have ended say when", "SELECT id, 'state ' || state FROM runs WHERE state IN ('done', 'failed') AND finished_at IS NULL ORDER BY id LIMIT @p0"),
        ("runs that count for a baseline belong to its package",
            """
            SELECT b.run_id, 'counts for ' || b.package_name || ' and is of ' || r.package_name FROM baseline_runs b JOIN runs r ON r.id = b.run_id
            WHERE r.package_name <> b.package_name ORDER BY b.run_id LIMIT @p0
            """),
        ("values of baselines were seen at least once",
            "SELECT package_name, category || ' ' || value FROM baseline_fingerprints WHERE occurrence_count < 1 ORDER BY package_name, category, value LIMIT @p0"),
        ("evidence is an event of the run that it is evidence for",
            """
            SELECT d.id, 'the evidence ' || d.evidence_event_id || ' is of run ' || e.run_id FROM deviations d JOIN events e ON e.id = d.evidence_event_id
            WHERE e.run_id <> d.run_id ORDER BY d.id LIMIT @p0
            """),
    ];

    // Only where no event is older than batches.
    private static readonly (string Name, string Sql) EveryEventHasABatch = ("every event belongs to a batch",
        """
        SELECT e.run_id, 'event ' || e.id FROM events e WHERE NOT EXISTS (
          SELECT 1 FROM event_batches b WHERE b.run_id = e.run_id AND b.seq = e.seq AND e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1)
        ORDER BY e.id LIMIT @p0
        """);

    private static readonly (string Name, string Sql)[] JournalRules =
    [
        ("the journal has no gaps",
            """
            SELECT persistence_id, 'numbers from ' || min(sequence_number) || ' to ' || max(sequence_number) || ', ' || count(*) || ' entries'
            FROM journal GROUP BY persistence_id HAVING max(sequence_number) - min(sequence_number) + 1 <> count(*) ORDER BY persistence_id LIMIT @p0
            """),
        ("the journal goes on where its snapshot ends",
            """
            SELECT j.persistence_id, 'the journal begins at ' || j.first || ', the last snapshot is at ' || coalesce(s.last, 0)
            FROM (SELECT persistence_id, min(sequence_number) AS first FROM journal GROUP BY persistence_id) AS j
            LEFT JOIN (SELECT persistence_id, max(sequence_number) AS last FROM snapshot GROUP BY persistence_id) AS s ON s.persistence_id = j.persistence_id
            WHERE j.first > coalesce(s.last, 0) + 1 ORDER BY j.persistence_id LIMIT @p0
            """),
    ];

    /// <summary>Does it. One look at one moment, beside an orchestrator that may go on.</summary>
    /// <param name="target">A database of this build's schema.</param>
    /// <param name="progress">Told of each check, with the defects that it found.</param>
    /// <param name="cancellationToken">Stops it between two checks.</param>
    /// <returns>What is wrong; of each rule the first cases.</returns>
    /// <exception cref="System.Data.Common.DbException">The database cannot be read.</exception>
    public static IReadOnlyList<DatabaseDefect> Run(StorageTarget target, Action<TransferProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(progress);
        using var session = target.OpenReadSession();
        session.BeginRead();
        var defects = new List<DatabaseDefect>();
        if (session.Dialect.Integrity is { } integrity)
            Do("structure of the file", () => session.Rows(integrity, row => row.GetString(0)).Where(line => line != "ok"));
        var tables = PortableTable.Read(session);
        Do("tables", () => PortableTable.Names.Except(tables.Select(t => t.Name)).Except(PortableTable.Journal).Select(name => $"{name} is missing"));
        Do("references", () => tables.SelectMany(table => Orphans(session, table)));
        if (session.Dialect.IsTime is { } isTime) Do("instants", () => tables.SelectMany(table => BadTimes(session, table, isTime)));
        foreach (var (name, sql) in Rules) Rule(name, sql);
        if (session.Number(session.Dialect.HasLooseEvents) == 0) Rule(EveryEventHasABatch.Name, EveryEventHasABatch.Sql);
        if (tables.Count(table => PortableTable.Journal.Contains(table.Name)) == PortableTable.Journal.Count)
        {
            foreach (var (name, sql) in JournalRules) Rule(name, sql);
            Do("entries of the job queue can be read", () => Unreadable(session, "journal", "message").Concat(Unreadable(session, "snapshot", "snapshot")).Take(MostPerCheck));
        }

        session.Rollback();
        return defects;

        void Rule(string name, string sql) => Do(name, () => session.Rows(sql, row => $"{row.GetString(0)}: {row.GetString(1)}", MostPerCheck));

        void Do(string name, Func<IEnumerable<string>> look)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var found = look().Select(detail => new DatabaseDefect(name, detail)).ToList();
            defects.AddRange(found);
            progress(new TransferProgress(name, found.Count, null, true));
        }
    }

    // Without this an orchestrator that cannot recover its queue would be the first to say so.
    private static IEnumerable<string> Unreadable(StoreSession session, string table, string column) => session
        .Rows($"SELECT sequence_number, coalesce(manifest, ''), {column} FROM {table} ORDER BY sequence_number",
            row => (Number: row.GetInt64(0), Fault: JobSerializer.FaultOf(row.GetString(1), row.GetValue(2) as byte[])))
        .Where(entry => entry.Fault is not null)
        .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{table}, entry {entry.Number}: {entry.Fault}"));

    private static IEnumerable<string> Orphans(StoreSession session, PortableTable table)
    {
        foreach (var (column, parent, key) in session.Rows(session.Dialect.ForeignKeysOf, row => (row.GetString(0), row.GetString(1), row.GetString(2)), table.Name))
        {
            var count = session.Number(
                $"SELECT count(*) FROM {table.Name} c WHERE c.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.{(key.Length > 0 ? key : "id")} = c.{column})");
            if (count > 0) yield return string.Create(CultureInfo.InvariantCulture, $"{count} rows of {table.Name} refer by {column} to nothing in {parent}");
        }
    }

    private static IEnumerable<string> BadTimes(StoreSession session, PortableTable table, Func<string, string> isTime)
    {
        foreach (var column in table.Columns.Where(PortableTable.HoldsTime))
        {
            foreach (var value in session.Rows(
                $"SELECT DISTINCT CAST({column} AS TEXT) FROM {table.Name} WHERE {column} IS NOT NULL AND NOT ({isTime(column)}) LIMIT {MostPerCheck}", row => row.GetString(0)))
                yield return $"{table.Name}.{column} holds '{value}'";
        }
    }
}
