using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Which deviations are wanted. What is empty does not matter.</summary>
public sealed record DeviationFilter
{
    /// <summary>Of runs of this package.</summary>
    public string Package { get; init; } = "";

    /// <summary>Of this run, by its full id.</summary>
    public string RunId { get; init; } = "";

    /// <summary>With one of these words for the severity.</summary>
    public IReadOnlyList<string> Severities { get; init; } = [];

    /// <summary>In this status.</summary>
    public string Status { get; init; } = "";
}

/// <summary>Reads deviations and the runs that wait because of them.</summary>
public static class DeviationQueries
{
    private const string UpstreamColumns =
        """
        d.id AS Id, d.run_id AS RunId, d.category AS Category, d.value AS Value, d.evidence_event_id AS EvidenceEventId,
        d.severity AS Severity, d.detected_at AS DetectedAt, d.notified_at AS NotifiedAt, d.suppressed AS Suppressed
        """;

    private const string VerdictColumns =
        """
        , d.status AS Status, d.decided_by AS DecidedBy, d.decided_at AS DecidedAt, d.note AS Note, d.credential AS Credential,
        d.role AS Role, d.phase AS Phase, d.count AS Count, d.is_summary AS IsSummary
        """;

    /// <summary>Deviations, newest first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<DeviationRow> Newest(ReadOnlyDatabase database, DeviationFilter filter, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(filter);
        // Without statuses every deviation is open.
        if (!database.HasVerdicts && filter.Status is not ("" or "open")) return [];
        string[] wanted =
        [
            filter.RunId.Length > 0 ? "AND d.run_id = @RunId" : "",
            filter.Package.Length > 0 ? "AND d.run_id IN (SELECT id FROM runs WHERE package_name = @Package)" : "",
            filter.Severities.Count > 0 ? $"AND {database.IsOneOf("lower(d.severity)", "Severities")}" : "",
            database.HasVerdicts && filter.Status.Length > 0 ? "AND d.status = @Status" : "",
        ];
        return database.Connection.Query<DeviationRow>(
            $"SELECT {ColumnsOf(database)} FROM deviations d WHERE TRUE {string.Join(' ', wanted)} ORDER BY {database.InOrder("d.detected_at")} DESC, d.id LIMIT @limit",
            new { filter.RunId, filter.Package, Severities = filter.Severities.ToArray(), filter.Status, limit = RowLimit.Of(limit) }).AsList();
    }

    /// <summary>One deviation by its full id; null when there is none.</summary>
    public static DeviationRow? ById(ReadOnlyDatabase database, string id)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.QuerySingleOrDefault<DeviationRow>($"SELECT {ColumnsOf(database)} FROM deviations d WHERE d.id = @id", new { id });
    }

    /// <summary>Number of deviations of a run, decided ones included.</summary>
    public static long CountOf(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.ExecuteScalar<long>("SELECT COUNT(*) FROM deviations WHERE run_id = @runId", new { runId });
    }

    /// <summary>
    /// Runs that wait for an operator, worst first: those with deviations without a decision, and those that are inconclusive and not in the
    /// baseline. An inconclusive run without deviations no longer waits once a later run of the same version is conclusive. Runs of an image, whose
    /// name has a colon, have no baseline to wait for.
    /// </summary>
    /// <param name="database">The database.</param>
    /// <param name="package">Only this package; empty for all.</param>
    /// <param name="minRank">Only runs with a deviation of at least this rank; 0 for all.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<PendingRow> Pending(ReadOnlyDatabase database, string package, int minRank, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        var undecided = database.HasVerdicts
            ? "status IN ('open', 'note')"
            : "run_id IN (SELECT id FROM runs WHERE NOT is_baseline)";
        var detected = database.InOrder("detected_at");
        var inconclusive = database.HasIngest
            ? """
              OR (NOT runs.conclusive AND NOT runs.is_baseline AND runs.package_name <> '' AND runs.package_name NOT LIKE '%:%' AND NOT EXISTS (
                SELECT 1 FROM runs better WHERE better.package_name = runs.package_name AND better.version = runs.version
                  AND better.conclusive AND better.started_at >= runs.started_at))
              """
            : "";
        var sql =
            $"""
            WITH found AS MATERIALIZED (
              SELECT run_id, COUNT(*) AS findings, MAX({SeveritySql.Rank}) AS worst, MIN({detected}) AS first, MAX({detected}) AS last
              FROM deviations WHERE {undecided} GROUP BY run_id)
            SELECT {RunQueries.ColumnsOf(database)}, coalesce(findings, 0) AS Findings, coalesce(worst, 0) AS Rank, first AS FirstDetected, last AS LastDetected
            FROM runs LEFT JOIN found ON found.run_id = runs.id
            WHERE (findings > 0 {inconclusive}) AND coalesce(worst, 0) >= @minRank {(package.Length > 0 ? "AND runs.package_name = @package" : "")}
            ORDER BY coalesce(worst, 0) DESC, coalesce(last, {database.InOrder("coalesce(finished_at, started_at)")}) DESC NULLS LAST, id LIMIT @limit
            """;
        return database.Connection.Query<RunRow, PendingRow, PendingRow>(
            sql, (run, row) => row with { Run = run }, new { package, minRank, limit = RowLimit.Of(limit) }, splitOn: "Findings").AsList();
    }

    /// <summary>Columns of <see cref="DeviationRow"/> from a table named <c>d</c>.</summary>
    internal static string ColumnsOf(ReadOnlyDatabase database) => database.HasVerdicts ? UpstreamColumns + VerdictColumns : UpstreamColumns;
}
