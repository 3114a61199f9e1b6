using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>The figures of the first page.</summary>
public sealed record OverviewRow
{
    /// <summary>Packages on the watch list.</summary>
    public long Watched { get; init; }

    /// <summary>Packages that have runs.</summary>
    public long WithRuns { get; init; }

    /// <summary>Runs.</summary>
    public long Runs { get; init; }

    /// <summary>Runs in a baseline.</summary>
    public long InBaseline { get; init; }

    /// <summary>Events that runners have lost.</summary>
    public long Dropped { get; init; }

    /// <summary>Packages with deviations that wait for a decision.</summary>
    public long Affected { get; init; }
}

/// <summary>How many deviations of one word for the severity wait for a decision.</summary>
public sealed record SeverityCountRow
{
    /// <summary>The word, as stored.</summary>
    public string Severity { get; init; } = "";

    /// <summary>How many.</summary>
    public long Count { get; init; }
}

/// <summary>When a run waited and ran.</summary>
public sealed record RunTimesRow
{
    /// <summary>When it was queued.</summary>
    public string QueuedAt { get; init; } = "";

    /// <summary>When it was first handed out; null before.</summary>
    public string? HandedOutAt { get; init; }

    /// <summary>When it ended; null before.</summary>
    public string? FinishedAt { get; init; }

    /// <summary>Its state.</summary>
    public string State { get; init; } = "";

    /// <summary>Whether its evidence is complete; null before it is judged.</summary>
    public bool? Conclusive { get; init; }

    /// <summary>Whether it has deviations, decided ones included.</summary>
    public bool HasDeviations { get; init; }
}

/// <summary>Reads what the first page shows.</summary>
public static class OverviewQueries
{
    private const int MostRuns = 100_000;

    /// <summary>Its figures.</summary>
    public static OverviewRow Read(ReadOnlyDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT (SELECT COUNT(*) FROM packages) AS Watched,
                   (SELECT COUNT(DISTINCT package_name) FROM runs WHERE package_name <> '') AS WithRuns,
                   (SELECT COUNT(*) FROM runs) AS Runs,
                   (SELECT COUNT(*) FROM runs WHERE is_baseline) AS InBaseline,
                   (SELECT CAST(coalesce(SUM(events_dropped), 0) AS BIGINT) FROM runs WHERE events_dropped > 0) AS Dropped,
                   (SELECT COUNT(DISTINCT r.package_name) FROM deviations d JOIN runs r ON r.id = d.run_id WHERE d.status = 'open') AS Affected
            """;
        return database.Connection.QuerySingle<OverviewRow>(Sql);
    }

    /// <summary>Deviations without a decision by severity.</summary>
    public static IReadOnlyList<SeverityCountRow> OpenBySeverity(ReadOnlyDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql = "SELECT severity AS Severity, COUNT(*) AS Count FROM deviations WHERE status = 'open' GROUP BY severity";
        return database.Connection.Query<SeverityCountRow>(Sql).AsList();
    }

    /// <summary>Number of runs that wait for a person.</summary>
    public static long Pending(ReadOnlyDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.ExecuteScalar<long>("SELECT COUNT(DISTINCT run_id) FROM deviations WHERE status = 'open'");
    }

    /// <summary>Runs that were queued, or ran, or ended since an instant; runs that are queued or running are always among them.</summary>
    /// <param name="database">The database.</param>
    /// <param name="since">Stored form of the instant.</param>
    public static IReadOnlyList<RunTimesRow> TimesSince(ReadOnlyDatabase database, string since)
    {
        ArgumentNullException.ThrowIfNull(database);
        // Each arm is served by an index of its own.
        var sql =
            $"""
            WITH wanted AS (
              SELECT id FROM runs WHERE started_at >= {database.Instant("@since")}
              UNION SELECT id FROM runs WHERE finished_at >= {database.Instant("@since")}
              UNION SELECT id FROM runs WHERE state IN ('pending', 'building', 'sandboxed', 'analyzed'))
            SELECT r.started_at AS QueuedAt, r.finished_at AS FinishedAt, r.state AS State, r.conclusive AS Conclusive,
                   (SELECT MIN(h.at) FROM run_history h WHERE h.run_id = r.id AND h.what = 'building') AS HandedOutAt,
                   EXISTS (SELECT 1 FROM deviations d WHERE d.run_id = r.id AND d.status <> 'note') AS HasDeviations
            FROM wanted w JOIN runs r ON r.id = w.id WHERE r.started_at IS NOT NULL LIMIT @most
            """;
        return database.Connection.Query<RunTimesRow>(sql, new { since, most = MostRuns }).AsList();
    }
}
