using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>How many releases of a package share a fate.</summary>
public sealed record CoverageRow
{
    /// <summary>npm package name.</summary>
    public string Package { get; init; } = "";

    /// <summary><c>scanned</c>, <c>running</c>, <c>queued</c>, <c>failed</c> or <c>skipped</c>; empty for a package without releases.</summary>
    public string Fate { get; init; } = "";

    /// <summary>Why they are skipped; empty for other fates.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Number of releases.</summary>
    public long Count { get; init; }

    /// <summary>How many of them were scanned without a conclusive run.</summary>
    public long Inconclusive { get; init; }
}

/// <summary>Reads what became of the releases of watched packages.</summary>
public static class CoverageQueries
{
    /// <summary>The version that adds the columns of the watcher.</summary>
    public const string Watching = "0008_watching";

    // Every release falls into exactly one arm, and each row counts the releases of one: whatever states there are, the rows of a package add up to
    // its releases. All runs of a release count, not only the one that the watcher queued: a lost run is repeated under a new id, and an operator
    // may scan again what failed.
    private const string Sql =
        """
        WITH of_release AS (
          SELECT r.package_name, r.version, r.state, r.skip_reason,
            count(*) FILTER (WHERE n.state = 'done') AS done,
            count(*) FILTER (WHERE n.state = 'done' AND n.conclusive) AS conclusive,
            count(*) FILTER (WHERE n.state NOT IN ('done', 'failed', 'pending')) AS running,
            count(*) FILTER (WHERE n.state = 'pending') AS pending,
            count(*) FILTER (WHERE n.state = 'failed') AS failed
          FROM releases r LEFT JOIN runs n ON n.package_name = r.package_name AND n.version = r.version
          GROUP BY r.package_name, r.version),
        fates AS (
          SELECT package_name, CASE
              WHEN done > 0 THEN 'scanned'
              WHEN running > 0 THEN 'running'
              WHEN pending > 0 OR state IN ('waiting', 'queueing') THEN 'queued'
              WHEN failed > 0 THEN 'failed'
              WHEN state = 'skipped' THEN 'skipped'
              ELSE 'queued' END AS fate,
            skip_reason, done > 0 AND conclusive = 0 AS inconclusive
          FROM of_release)
        SELECT p.name AS Package, coalesce(f.fate, '') AS Fate, CASE WHEN f.fate = 'skipped' THEN f.skip_reason ELSE '' END AS Reason,
               count(f.fate) AS Count, count(*) FILTER (WHERE f.inconclusive) AS Inconclusive
        FROM packages p LEFT JOIN fates f ON f.package_name = p.name
        WHERE @package = '' OR p.name = @package
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """;

    /// <summary>The fates of the releases of one watched package or of all, by package.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">Only this package; empty for all.</param>
    /// <exception cref="StorageReadException">The database is older than the watcher.</exception>
    public static IReadOnlyList<CoverageRow> Read(ReadOnlyDatabase database, string package)
    {
        ArgumentNullException.ThrowIfNull(database);
        if (!database.Connection.Query<string>("SELECT version FROM schema_migrations").Any(v => SchemaVersions.NameOf(v) == Watching))
            throw new StorageReadException($"the database has not been brought to schema {Watching}: start the orchestrator of this version once");
        return database.Connection.Query<CoverageRow>(Sql, new { package }).AsList();
    }
}
