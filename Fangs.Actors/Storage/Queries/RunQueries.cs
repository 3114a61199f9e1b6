using System.Buffers;
using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>What an id prefix leads to.</summary>
/// <param name="Id">The id, when exactly one fits.</param>
/// <param name="IsAmbiguous">True when several ids begin with it.</param>
public readonly record struct PrefixMatch(string? Id, bool IsAmbiguous);

/// <summary>Reads runs and what belongs to them.</summary>
public static class RunQueries
{
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    private const string UpstreamColumns =
        """
        id AS Id, package_name AS PackageName, version AS Version, tarball_sha256 AS TarballSha256, lockfile_sha256 AS LockfileSha256,
        node_version AS NodeVersion, npm_version AS NpmVersion, state AS State, attempt AS Attempt, is_baseline AS IsBaseline,
        started_at AS StartedAt, finished_at AS FinishedAt, failure_reason AS FailureReason, events_emitted AS EventsEmitted,
        events_dropped AS EventsDropped, duration_ns AS DurationNs
        """;

    private const string Columns =
        UpstreamColumns + """
        , retry_of AS RetryOf, runner_id AS RunnerId, npm_exit AS NpmExit, output_tail AS OutputTail, conclusive AS Conclusive,
        inconclusive_reason AS InconclusiveReason
        """;

    private static string ColumnsOf(ReadOnlyDatabase database) => database.HasIngest ? Columns : UpstreamColumns;

    /// <summary>The newest runs first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">Only this package; empty for all.</param>
    /// <param name="limit">At most this many.</param>
    public static IReadOnlyList<RunRow> Newest(ReadOnlyDatabase database, string package, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        var where = package.Length == 0 ? "" : "WHERE package_name = @package";
        return database.Connection.Query<RunRow>(
            $"SELECT {ColumnsOf(database)} FROM runs {where} ORDER BY started_at DESC, id DESC LIMIT @limit", new { package, limit }).AsList();
    }

    /// <summary>One run by its full id; null when there is none.</summary>
    public static RunRow? ById(ReadOnlyDatabase database, string id)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.QuerySingleOrDefault<RunRow>($"SELECT {ColumnsOf(database)} FROM runs WHERE id = @id", new { id });
    }

    /// <summary>Finds the run whose id begins with lower-case hex digits. A full id wins over longer ones that begin with it.</summary>
    public static PrefixMatch Resolve(ReadOnlyDatabase database, string prefix)
    {
        ArgumentNullException.ThrowIfNull(database);
        // Range instead of LIKE: no wildcards, no case folding, and the primary key serves it. 'g' follows the last hex digit.
        const string Sql = "SELECT id FROM runs WHERE id >= @prefix AND id < @prefix || 'g' ORDER BY id LIMIT 2";
        if (prefix.Length == 0 || prefix.AsSpan().ContainsAnyExcept(LowerHex)) return default;
        var found = database.Connection.Query<string>(Sql, new { prefix }).AsList();
        return found switch
        {
            [] => default,
            [var first, ..] when first == prefix => new PrefixMatch(first, false),
            [var only] => new PrefixMatch(only, false),
            _ => new PrefixMatch(null, true),
        };
    }

    /// <summary>State changes, oldest first, at most 1,000.</summary>
    public static IReadOnlyList<HistoryRow> History(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql = "SELECT at AS At, what AS What, detail AS Detail FROM run_history WHERE run_id = @runId ORDER BY id LIMIT 1000";
        return database.HasIngest ? database.Connection.Query<HistoryRow>(Sql, new { runId }).AsList() : [];
    }

    /// <summary>Deviations of a run, newest first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="runId">Full id.</param>
    /// <param name="limit">At most this many.</param>
    public static IReadOnlyList<DeviationRow> Deviations(ReadOnlyDatabase database, string runId, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT id AS Id, run_id AS RunId, category AS Category, value AS Value, evidence_event_id AS EvidenceEventId, severity AS Severity,
                   detected_at AS DetectedAt, notified_at AS NotifiedAt, suppressed AS Suppressed
            FROM deviations WHERE run_id = @runId ORDER BY detected_at DESC, id LIMIT @limit
            """;
        return database.Connection.Query<DeviationRow>(Sql, new { runId, limit }).AsList();
    }

    /// <summary>Number of deviations of a run.</summary>
    public static long DeviationCount(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.ExecuteScalar<long>("SELECT COUNT(*) FROM deviations WHERE run_id = @runId", new { runId });
    }
}
