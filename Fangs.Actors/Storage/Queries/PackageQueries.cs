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
        const string Sql =
            """
            WITH ranked AS (
              SELECT id, package_name, version,
                     ROW_NUMBER() OVER (PARTITION BY package_name ORDER BY started_at DESC, id DESC) AS place,
                     COUNT(*) OVER (PARTITION BY package_name) AS total,
                     SUM(is_baseline) OVER (PARTITION BY package_name) AS baselines
              FROM runs WHERE package_name <> '')
            SELECT package_name AS Name, total AS RunsTotal, baselines AS RunsBaseline, id AS LatestRunId, version AS LatestVersion,
                   (SELECT COUNT(*) FROM deviations d WHERE d.run_id = ranked.id) AS DeviationsLatest
            FROM ranked WHERE place = 1 ORDER BY package_name LIMIT @limit
            """;
        return database.Connection.Query<PackageRow>(Sql, new { limit }).AsList();
    }
}
