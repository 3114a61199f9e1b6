using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads runs and what belongs to them.</summary>
public static class RunQueries
{
    private const string UpstreamColumns =
        """
        id AS Id, package_name AS PackageName, version AS Version, tarball_sha256 AS TarballSha256, lockfile_sha256 AS LockfileSha256,
        node_version AS NodeVersion, npm_version AS NpmVersion, state AS State, attempt AS Attempt, is_baseline AS IsBaseline,
        started_at AS StartedAt, finished_at AS FinishedAt, failure_reason AS FailureReason
        """;

    private const string ResultColumns = ", events_emitted AS EventsEmitted, events_dropped AS EventsDropped, duration_ns AS DurationNs";

    private const string IngestColumns =
        """
        , retry_of AS RetryOf, runner_id AS RunnerId, npm_exit AS NpmExit, output_tail AS OutputTail, conclusive AS Conclusive,
        inconclusive_reason AS InconclusiveReason
        """;

    private const string VerdictColumns =
        """
        , analyzed_at AS AnalyzedAt, baseline_by AS BaselineBy,
        (SELECT COUNT(*) FROM deviations d WHERE d.run_id = runs.id AND d.status = 'open') AS OpenDeviations,
        (SELECT COUNT(*) FROM deviations d WHERE d.run_id = runs.id AND d.status = 'note') AS Notes
        """;

    // What upstream decides it forgets: an accepted deviation is gone.
    private const string UndecidedColumns =
        ", CASE WHEN is_baseline THEN 0 ELSE (SELECT COUNT(*) FROM deviations d WHERE d.run_id = runs.id) END AS OpenDeviations";

    // Upstream judges a run when it ends.
    private const string UpstreamAnalysisColumns = ", coalesce(finished_at, started_at) AS AnalyzedAt";

    /// <summary>Columns of <see cref="RunRow"/> from a table or subquery named <c>runs</c>.</summary>
    internal static string ColumnsOf(ReadOnlyDatabase database) => string.Concat(
        UpstreamColumns,
        database.HasResults ? ResultColumns : "",
        database.HasIngest ? IngestColumns : "",
        database.HasVerdicts ? VerdictColumns : UndecidedColumns,
        database.HasIngest ? "" : UpstreamAnalysisColumns);

    /// <summary>The newest runs first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">Only this package; empty for all.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<RunRow> Newest(ReadOnlyDatabase database, string package, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        var where = package.Length == 0 ? "" : "WHERE package_name = @package";
        var order = $"ORDER BY {database.InOrder("started_at")} DESC NULLS LAST, id DESC";
        // Limited first: what is counted for each row is counted for those that are shown.
        return database.Connection.Query<RunRow>(
            $"SELECT {ColumnsOf(database)} FROM (SELECT * FROM runs {where} {order} LIMIT @limit) AS runs {order}",
            new { package, limit = RowLimit.Of(limit) }).AsList();
    }

    /// <summary>One run by its full id; null when there is none.</summary>
    public static RunRow? ById(ReadOnlyDatabase database, string id)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.QuerySingleOrDefault<RunRow>($"SELECT {ColumnsOf(database)} FROM runs WHERE id = @id", new { id });
    }

    /// <summary>The newest run of a version that can be relied on; null when there is none.</summary>
    public static RunRow? NewestConclusive(ReadOnlyDatabase database, string package, string version)
    {
        ArgumentNullException.ThrowIfNull(database);
        // Runs of upstream do not say whether they are conclusive; the best that is known of them is that they ended well.
        var conclusive = database.HasIngest ? "AND coalesce(conclusive, state = 'done')" : "AND state = 'done'";
        return database.Connection.QueryFirstOrDefault<RunRow>(
            $"""
            SELECT {ColumnsOf(database)} FROM runs WHERE package_name = @package AND version = @version {conclusive}
            ORDER BY {database.InOrder("started_at")} DESC NULLS LAST, id DESC LIMIT 1
            """,
            new { package, version });
    }

    /// <summary>Number of runs of a version.</summary>
    public static long CountOf(ReadOnlyDatabase database, string package, string version)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.ExecuteScalar<long>(
            "SELECT COUNT(*) FROM runs WHERE package_name = @package AND version = @version", new { package, version });
    }

    /// <summary>State changes, oldest first, at most 1,000.</summary>
    public static IReadOnlyList<HistoryRow> History(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql = "SELECT at AS At, what AS What, detail AS Detail FROM run_history WHERE run_id = @runId ORDER BY id LIMIT 1000";
        return database.HasIngest ? database.Connection.Query<HistoryRow>(Sql, new { runId }).AsList() : [];
    }
}
