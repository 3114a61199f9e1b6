using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads packages.</summary>
public static class PackageQueries
{
    /// <summary>Every package that has runs, by name.</summary>
    /// <param name="database">The database.</param>
    /// <param name="limit">At most this many.</param>
    public static IReadOnlyList<PackageRow> WithRuns(ReadOnlyDatabase database, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        var open = database.HasVerdicts ? "AND d.status = 'open'" : "";
        var sql =
            $"""
            WITH ranked AS (
              SELECT id, package_name, version,
                     ROW_NUMBER() OVER (PARTITION BY package_name ORDER BY {database.InOrder("started_at")} DESC NULLS LAST, id DESC) AS place,
                     COUNT(*) OVER (PARTITION BY package_name) AS total,
                     COUNT(*) FILTER (WHERE is_baseline) OVER (PARTITION BY package_name) AS baselines
              FROM runs WHERE package_name <> '')
            SELECT package_name AS Name, total AS RunsTotal, baselines AS RunsBaseline, id AS LatestRunId, version AS LatestVersion,
                   (SELECT COUNT(*) FROM deviations d WHERE d.run_id = ranked.id {open}) AS DeviationsLatest
            FROM ranked WHERE place = 1 ORDER BY package_name LIMIT @limit
            """;
        return database.Connection.Query<PackageRow>(sql, new { limit }).AsList();
    }

    /// <summary>The watch list by name.</summary>
    /// <param name="database">The database.</param>
    /// <param name="limit">At most this many.</param>
    public static IReadOnlyList<WatchedPackageRow> Watched(ReadOnlyDatabase database, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT name AS Name, added_at AS AddedAt, last_checked_at AS LastCheckedAt, last_seen_version AS LastSeenVersion
            FROM packages ORDER BY name LIMIT @limit
            """;
        return database.Connection.Query<WatchedPackageRow>(Sql, new { limit }).AsList();
    }

    /// <summary>One package of the watch list; null when it is not watched.</summary>
    public static WatchedPackageRow? Watched(ReadOnlyDatabase database, string name)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT name AS Name, added_at AS AddedAt, last_checked_at AS LastCheckedAt, last_seen_version AS LastSeenVersion
            FROM packages WHERE name = @name
            """;
        return database.Connection.QuerySingleOrDefault<WatchedPackageRow>(Sql, new { name });
    }

    /// <summary>Releases of a watched package, last discovered first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">npm package name.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<ReleaseRow> Releases(ReadOnlyDatabase database, string package, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        // Upstream writes year 1 for an unknown time of publication.
        var published = database.Dialect.IsPostgres ? "published_at < '0002-01-01T00:00:00Z'" : "published_at LIKE '0001-%'";
        var sql =
            $"""
            SELECT package_name AS PackageName, version AS Version, tarball_sha256 AS TarballSha256, npm_integrity AS NpmIntegrity,
                   CASE WHEN NOT ({published}) THEN published_at END AS PublishedAt, discovered_at AS DiscoveredAt
            FROM releases WHERE package_name = @package
            ORDER BY {database.InOrder("discovered_at")} DESC, {database.InOrder("published_at")} DESC NULLS LAST, version LIMIT @limit
            """;
        return database.Connection.Query<ReleaseRow>(sql, new { package, limit = RowLimit.Of(limit) }).AsList();
    }
}
