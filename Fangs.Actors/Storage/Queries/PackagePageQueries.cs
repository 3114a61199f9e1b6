using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>One package of the list: watched, or with runs, or both.</summary>
public sealed record TrackedPackageRow
{
    /// <summary>npm package name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Number of runs.</summary>
    public long RunsTotal { get; init; }

    /// <summary>Number of runs in the baseline.</summary>
    public long RunsBaseline { get; init; }

    /// <summary>Deviations of all its runs that wait for a decision.</summary>
    public long OpenDeviations { get; init; }

    /// <summary>The newest run; null when there is none.</summary>
    public string? LatestRunId { get; init; }

    /// <summary>Whether it is on the watch list.</summary>
    public bool IsWatched { get; init; }

    /// <summary>Last look at the registry that went well; null before.</summary>
    public string? LastCheckedAt { get; init; }

    /// <summary>Failed looks at the registry in a row.</summary>
    public long FailureCount { get; init; }
}

/// <summary>How the watcher stands with one package.</summary>
public sealed record WatchStateRow
{
    /// <summary>npm package name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Since when it is watched.</summary>
    public string AddedAt { get; init; } = "";

    /// <summary>Last look at the registry that went well; null before.</summary>
    public string? LastCheckedAt { get; init; }

    /// <summary>When the next look is due; null for at once.</summary>
    public string? NextCheckAt { get; init; }

    /// <summary>Failed looks in a row.</summary>
    public long FailureCount { get; init; }

    /// <summary>What the last of them said.</summary>
    public string LastError { get; init; } = "";

    /// <summary>What the registry calls latest; empty when unknown.</summary>
    public string LatestVersion { get; init; } = "";
}

/// <summary>One release with what became of it.</summary>
public sealed record ReleaseFateRow
{
    /// <summary>Its version.</summary>
    public string Version { get; init; } = "";

    /// <summary>When it was published; null when the registry does not tell, or when it is known by its runs only.</summary>
    public string? PublishedAt { get; init; }

    /// <summary>When it was noticed here, or first scanned.</summary>
    public string? DiscoveredAt { get; init; }

    /// <summary>What the watcher has done with it: <c>waiting</c>, <c>queueing</c>, <c>queued</c>, <c>skipped</c>, or empty.</summary>
    public string State { get; init; } = "";

    /// <summary>Why it was skipped; empty otherwise.</summary>
    public string SkipReason { get; init; } = "";

    /// <summary>Number of its runs.</summary>
    public long Runs { get; init; }

    /// <summary>Its newest run; null when there is none.</summary>
    public string? LatestRunId { get; init; }
}

/// <summary>Reads pages of packages, and what a package consists of.</summary>
public static class PackagePageQueries
{
    /// <summary>Packages by name: watched ones and those that have runs.</summary>
    /// <param name="database">The database.</param>
    /// <param name="text">Only names that contain this; empty for all.</param>
    /// <param name="onlyWatched">Only those on the watch list.</param>
    /// <param name="position">Which page; keys are names.</param>
    public static Page<TrackedPackageRow> Read(ReadOnlyDatabase database, string text, bool onlyWatched, PagePosition position)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(position);
        var border = position.Border.Length == 0 ? "" : $"AND name {(position.IsBackward ? '<' : '>')} @border";
        var contains = text.Length == 0 ? "" : $"AND {database.Contains("name", "@text")}";
        var order = position.IsBackward ? "DESC" : "ASC";
        var withRuns = onlyWatched ? "" : "UNION SELECT DISTINCT package_name FROM runs WHERE package_name <> ''";
        var rows = database.Connection.Query<TrackedPackageRow>(
            $"""
            WITH known AS (SELECT name FROM packages {withRuns}),
            wanted AS (SELECT name FROM known WHERE 1 = 1 {border} {contains} ORDER BY name {order} LIMIT @limit)
            SELECT w.name AS Name,
                   (SELECT COUNT(*) FROM runs r WHERE r.package_name = w.name) AS RunsTotal,
                   (SELECT COUNT(*) FROM runs r WHERE r.package_name = w.name AND r.is_baseline) AS RunsBaseline,
                   (SELECT COUNT(*) FROM runs r JOIN deviations d ON d.run_id = r.id WHERE r.package_name = w.name AND d.status = 'open') AS OpenDeviations,
                   (SELECT r.id FROM runs r WHERE r.package_name = w.name ORDER BY r.started_at DESC, r.id DESC LIMIT 1) AS LatestRunId,
                   p.name IS NOT NULL AS IsWatched, p.last_checked_at AS LastCheckedAt, coalesce(p.failure_count, 0) AS FailureCount
            FROM wanted w LEFT JOIN packages p ON p.name = w.name ORDER BY w.name {order}
            """,
            new { border = position.Border, text = text.ToLowerInvariant(), limit = position.Limit + 1 }).AsList();
        return Page.Of(rows, position);
    }

    /// <summary>Runs by their ids.</summary>
    public static IReadOnlyDictionary<string, RunRow> Runs(ReadOnlyDatabase database, IReadOnlyCollection<string> ids)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.Query<RunRow>($"SELECT {RunQueries.ColumnsOf(database)} FROM runs WHERE {database.IsOneOf("id", "ids")}", new { ids = ids.ToArray() })
            .ToDictionary(run => run.Id, StringComparer.Ordinal);
    }

    /// <summary>Whether there is anything about a package.</summary>
    public static bool Exists(ReadOnlyDatabase database, string name)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.ExecuteScalar<long>(
            "SELECT COUNT(*) FROM (SELECT 1 FROM packages WHERE name = @name UNION ALL SELECT 1 FROM (SELECT 1 FROM runs WHERE package_name = @name LIMIT 1) AS one) AS found",
            new { name }) > 0;
    }

    /// <summary>How the watcher stands with a package; null when it is not watched.</summary>
    public static WatchStateRow? WatchState(ReadOnlyDatabase database, string name)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT name AS Name, added_at AS AddedAt, last_checked_at AS LastCheckedAt, next_check_at AS NextCheckAt, failure_count AS FailureCount,
                   last_error AS LastError, latest_version AS LatestVersion
            FROM packages WHERE name = @name
            """;
        return database.Connection.QuerySingleOrDefault<WatchStateRow>(Sql, new { name });
    }

    /// <summary>The releases of a package that are recorded or were scanned, newest first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="name">npm package name.</param>
    /// <param name="page">Number of the page, from 1.</param>
    /// <param name="limit">Rows of a page.</param>
    public static Page<ReleaseFateRow> Releases(ReadOnlyDatabase database, string name, int page, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            WITH scanned AS (
              SELECT version, COUNT(*) AS runs, MIN(started_at) AS first_at FROM runs WHERE package_name = @name GROUP BY version),
            known AS (
              SELECT r.version, r.published_at, r.discovered_at, r.state, r.skip_reason, coalesce(s.runs, 0) AS runs
              FROM releases r LEFT JOIN scanned s ON s.version = r.version WHERE r.package_name = @name
              UNION ALL
              SELECT s.version, NULL, s.first_at, '', '', s.runs FROM scanned s
              WHERE NOT EXISTS (SELECT 1 FROM releases r WHERE r.package_name = @name AND r.version = s.version)),
            wanted AS (SELECT * FROM known ORDER BY coalesce(published_at, discovered_at) DESC, version DESC LIMIT @limit OFFSET @skip)
            SELECT version AS Version, published_at AS PublishedAt, discovered_at AS DiscoveredAt, state AS State, skip_reason AS SkipReason, runs AS Runs,
                   (SELECT r.id FROM runs r WHERE r.package_name = @name AND r.version = wanted.version ORDER BY r.started_at DESC, r.id DESC LIMIT 1) AS LatestRunId
            FROM wanted ORDER BY coalesce(published_at, discovered_at) DESC, version DESC
            """;
        return Page.Numbered(database.Connection.Query<ReleaseFateRow>(Sql, new { name, limit = limit + 1, skip = (page - 1) * limit }).AsList(), page, limit);
    }

    /// <summary>The baseline of a package by category and value.</summary>
    /// <param name="database">The database.</param>
    /// <param name="name">npm package name.</param>
    /// <param name="category">Only of this category; empty for all.</param>
    /// <param name="page">Number of the page, from 1.</param>
    /// <param name="limit">Rows of a page.</param>
    public static Page<BaselineRow> Baseline(ReadOnlyDatabase database, string name, string category, int page, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(category);
        var sql =
            $"""
            SELECT package_name AS PackageName, category AS Category, value AS Value, first_seen_run_id AS FirstSeenRunId,
                   last_seen_run_id AS LastSeenRunId, occurrence_count AS OccurrenceCount
            FROM baseline_fingerprints WHERE package_name = @name {(category.Length > 0 ? "AND category = @category" : "")}
            ORDER BY category, value LIMIT @limit OFFSET @skip
            """;
        return Page.Numbered(database.Connection.Query<BaselineRow>(sql, new { name, category, limit = limit + 1, skip = (page - 1) * limit }).AsList(), page, limit);
    }

    /// <summary>Size of a package's baseline by category.</summary>
    public static IReadOnlyList<CategoryCountRow> BaselineCounts(ReadOnlyDatabase database, string name)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql = "SELECT category AS Category, '' AS Status, COUNT(*) AS Count FROM baseline_fingerprints WHERE package_name = @name GROUP BY category ORDER BY category";
        return database.Connection.Query<CategoryCountRow>(Sql, new { name }).AsList();
    }
}
