using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Which runs are wanted. What is empty does not matter.</summary>
public sealed record RunFilter
{
    /// <summary>How runs can stand, as <see cref="Standing"/> names it.</summary>
    public static IReadOnlyList<string> Standings { get; } = ["deviating", "inconclusive", "failed", "clean", "running", "queued"];

    /// <summary>Of this package.</summary>
    public string Package { get; init; } = "";

    /// <summary>Of this version.</summary>
    public string Version { get; init; } = "";

    /// <summary>Of this runner.</summary>
    public string Runner { get; init; } = "";

    /// <summary>How they stand: one of <see cref="Standings"/>.</summary>
    public string Standing { get; init; } = "";
}

/// <summary>Something that a run did, counted by phase and by who did it.</summary>
public sealed record PhaseRow
{
    /// <summary>Phase of the scan; empty when the runner does not tell.</summary>
    public string Phase { get; init; } = "";

    /// <summary>Who did it; empty when the runner does not tell.</summary>
    public string Role { get; init; } = "";

    /// <summary>Different things.</summary>
    public long Fingerprints { get; init; }

    /// <summary>Events that show them.</summary>
    public long Events { get; init; }

    /// <summary>Different things that touch credentials.</summary>
    public long Credentials { get; init; }

    /// <summary>Kernel time of the first, in nanoseconds since boot.</summary>
    public long FirstKtimeNs { get; init; }
}

/// <summary>Reads pages of the list of runs, and what a run consists of.</summary>
public static class RunPageQueries
{
    private const string OpenOfRun = "(SELECT 1 FROM deviations d WHERE d.run_id = runs.id AND d.status = 'open')";

    /// <summary>Runs, newest first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="position">Which page; keys are run ids.</param>
    public static Page<RunRow> Read(ReadOnlyDatabase database, RunFilter filter, PagePosition position)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(position);
        var started = position.Border.Length == 0
            ? null
            : database.Connection.ExecuteScalar<string?>("SELECT started_at FROM runs WHERE id = @id", new { id = position.Border });
        var order = position.IsBackward ? "ORDER BY started_at, id" : "ORDER BY started_at DESC, id DESC";
        string[] wanted =
        [
            started is null ? "" : $"AND (started_at, id) {(position.IsBackward ? '>' : '<')} ({database.Instant("@started")}, @border)",
            filter.Package.Length > 0 ? "AND package_name = @Package" : "",
            filter.Version.Length > 0 ? "AND version = @Version" : "",
            filter.Runner.Length > 0 ? "AND runner_id = @Runner" : "",
            SqlOf(filter.Standing),
        ];
        var rows = database.Connection.Query<RunRow>(
            $"SELECT {RunQueries.ColumnsOf(database)} FROM (SELECT * FROM runs WHERE 1 = 1 {string.Join(' ', wanted)} {order} LIMIT @limit) AS runs {order}",
            new { filter.Package, filter.Version, filter.Runner, started, border = position.Border, limit = position.Limit + 1 }).AsList();
        return Page.Of(rows, position);
    }

    /// <summary>Runs whose ids begin with some lower-case hex digits, for a choice.</summary>
    public static IReadOnlyList<RunRow> WithPrefix(ReadOnlyDatabase database, string prefix, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.Query<RunRow>(
            $"SELECT {RunQueries.ColumnsOf(database)} FROM runs WHERE id >= @prefix AND id < @end ORDER BY id LIMIT @limit",
            new { prefix, end = prefix + "g", limit }).AsList();
    }

    /// <summary>What a run did by phase and by who did it, in the order in which it happened.</summary>
    public static IReadOnlyList<PhaseRow> Phases(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT phase AS Phase, role AS Role, COUNT(*) AS Fingerprints, CAST(SUM(count) AS BIGINT) AS Events,
                   CAST(SUM(CASE WHEN tags >= 2 THEN 1 ELSE 0 END) AS BIGINT) AS Credentials, MIN(first_ktime_ns) AS FirstKtimeNs
            FROM run_fingerprints WHERE run_id = @runId GROUP BY phase, role ORDER BY 6, 1, 2
            """;
        return database.Connection.Query<PhaseRow>(Sql, new { runId }).AsList();
    }

    /// <summary>The newest run of a package that is in its baseline, other than one run; null when there is none.</summary>
    public static RunRow? BaselineRunBefore(ReadOnlyDatabase database, RunRow run)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(run);
        return database.Connection.QueryFirstOrDefault<RunRow>(
            $"""
            SELECT {RunQueries.ColumnsOf(database)} FROM runs
            WHERE package_name = @package AND is_baseline AND id <> @id AND started_at <= {database.Instant("@started")} ORDER BY started_at DESC, id DESC LIMIT 1
            """,
            new { package = run.PackageName, id = run.Id, started = run.StartedAt });
    }

    private static string SqlOf(string standing) => standing switch
    {
        "deviating" => $"AND state = 'done' AND EXISTS {OpenOfRun}",
        "inconclusive" => "AND state = 'done' AND NOT conclusive",
        "failed" => "AND state = 'failed'",
        "clean" => $"AND state = 'done' AND (conclusive OR conclusive IS NULL) AND analyzed_at IS NOT NULL AND NOT EXISTS {OpenOfRun}",
        "running" => "AND state NOT IN ('done', 'failed', 'pending')",
        "queued" => "AND state = 'pending'",
        _ => "",
    };
}
