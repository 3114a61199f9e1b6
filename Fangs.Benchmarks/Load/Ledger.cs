using Microsoft.Data.Sqlite;

namespace Fangs.Benchmarks.Load;

/// <summary>Compares what was acknowledged with what the database holds, after the orchestrator has stopped.</summary>
internal static class Ledger
{
    private const string BatchesSql = """
        SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0), coalesce(sum(events), 0), coalesce(min(first_event_id), 0), coalesce(max(first_event_id + events), 0)
        FROM event_batches WHERE run_id = $run
        """;

    // Rows have no index by run: they are counted by the ids that the batches name, which must hold rows of their run and batch only.
    private const string RowsSql = """
        SELECT count(*) FROM event_batches b JOIN events e ON e.id >= b.first_event_id AND e.id < b.first_event_id + b.events
        WHERE b.run_id = $run AND e.run_id = $run AND e.seq = b.seq
        """;

    /// <summary>Checks that of each run exactly the acknowledged batches are stored, each once, with all events.</summary>
    /// <exception cref="LoadException">Something is missing or too much.</exception>
    public static void Check(string database, IEnumerable<(string Run, long Batches, long Events)> acknowledged)
    {
        using var connection = Open(database);
        var total = 0L;
        foreach (var (run, batches, events) in acknowledged)
        {
            using var command = connection.CreateCommand();
            command.CommandText = BatchesSql;
            command.Parameters.AddWithValue("$run", run);
            using (var row = command.ExecuteReader())
            {
                row.Read();
                if (row.GetInt64(0) != batches || (batches > 0 && (row.GetInt64(1) != 1 || row.GetInt64(2) != batches)) || row.GetInt64(3) != events)
                    throw new LoadException($"Run {run}: {batches} batches and {events} events were acknowledged, {row.GetInt64(0)} batches ({row.GetInt64(1)} to {row.GetInt64(2)}) and {row.GetInt64(3)} events are stored.");
            }

            using var count = connection.CreateCommand();
            count.CommandText = RowsSql;
            count.Parameters.AddWithValue("$run", run);
            var rows = (long)count.ExecuteScalar()!;
            if (rows != events) throw new LoadException($"Run {run}: {events} events were acknowledged, {rows} rows are stored.");
            total += events;
        }

        var stored = Number(connection, "SELECT count(*) FROM events");
        if (stored != total) throw new LoadException($"{total} events were acknowledged, {stored} rows are stored.");
    }

    /// <summary>Checks that each accepted scan has its row and was delivered once, and nothing else was delivered.</summary>
    public static void CheckDelivered(string database, IReadOnlyCollection<string> accepted, IReadOnlyCollection<string> delivered)
    {
        if (accepted.Distinct().Count() != accepted.Count) throw new LoadException("Two scans got the same run.");
        var lost = accepted.Except(delivered).Count();
        var surplus = delivered.Count - delivered.Distinct().Count();
        if (lost > 0 || surplus > 0 || delivered.Except(accepted).Any())
            throw new LoadException($"{accepted.Count} scans were accepted, {delivered.Count} jobs delivered: {lost} never, {surplus} again.");
        using var connection = Open(database);
        var rows = Number(connection, "SELECT count(*) FROM runs");
        if (rows != accepted.Count) throw new LoadException($"{accepted.Count} scans were accepted, {rows} runs are stored.");
    }

    public static SqliteConnection Open(string database)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database, Mode = SqliteOpenMode.ReadOnly, DefaultTimeout = 5 }.ToString());
        connection.Open();
        return connection;
    }

#pragma warning disable CA2100 // constants of this assembly
    public static long Number(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar() is long value ? value : 0;
    }
#pragma warning restore CA2100
}
