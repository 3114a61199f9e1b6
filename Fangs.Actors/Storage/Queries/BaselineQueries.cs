using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads baselines and the allow list.</summary>
public static class BaselineQueries
{
    /// <summary>What is known of a package, by category and value.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">npm package name.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<BaselineRow> OfPackage(ReadOnlyDatabase database, string package, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT package_name AS PackageName, category AS Category, value AS Value, first_seen_run_id AS FirstSeenRunId,
                   last_seen_run_id AS LastSeenRunId, occurrence_count AS OccurrenceCount
            FROM baseline_fingerprints WHERE package_name = @package ORDER BY category, value LIMIT @limit
            """;
        return database.Connection.Query<BaselineRow>(Sql, new { package, limit = RowLimit.Of(limit) }).AsList();
    }

    /// <summary>Entries of the allow list by scope, package, kind and value.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">Global entries and those of this package; empty for all entries.</param>
    /// <param name="limit">At most this many; 0 for all.</param>
    public static IReadOnlyList<AllowEntryRow> AllowList(ReadOnlyDatabase database, string package, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        if (!database.HasAllowList) return [];
        var where = package.Length > 0 ? "WHERE package_name IS NULL OR package_name = @package" : "";
        var sql = $"{AllowColumns(database)} {where} ORDER BY scope, package_name, kind, value LIMIT @limit";
        return database.Connection.Query<AllowEntryRow>(sql, new { package, limit = RowLimit.Of(limit) }).AsList();
    }

    /// <summary>One entry of the allow list by its full id; null when there is none.</summary>
    public static AllowEntryRow? AllowEntry(ReadOnlyDatabase database, string id)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.HasAllowList
            ? database.Connection.QuerySingleOrDefault<AllowEntryRow>($"{AllowColumns(database)} WHERE id = @id", new { id })
            : null;
    }

    private static string AllowColumns(ReadOnlyDatabase database) =>
        $"""
        SELECT id AS Id, scope AS Scope, package_name AS PackageName, kind AS Kind, value AS Value, note AS Note, created_at AS CreatedAt
               {(database.HasVerdicts ? ", expires_at AS ExpiresAt, created_by AS CreatedBy" : "")}
        FROM allowlists
        """;
}
