using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>A deviation with the release that it was seen in.</summary>
public sealed record FoundDeviationRow
{
    /// <summary>The deviation.</summary>
    public DeviationRow Deviation { get; init; } = new();

    /// <summary>Package of its run.</summary>
    public string PackageName { get; init; } = "";

    /// <summary>Version of its run.</summary>
    public string Version { get; init; } = "";
}

/// <summary>How many deviations of a run are of one category and status.</summary>
public sealed record CategoryCountRow
{
    /// <summary>The category.</summary>
    public string Category { get; init; } = "";

    /// <summary>The status.</summary>
    public string Status { get; init; } = "";

    /// <summary>How many.</summary>
    public long Count { get; init; }
}

/// <summary>Reads pages of deviations, and of the runs that wait because of them.</summary>
public static class DeviationPageQueries
{
    /// <summary>Deviations, newest first.</summary>
    /// <param name="database">The database.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="category">Only of this category; empty for all.</param>
    /// <param name="position">Which page; keys are ids of deviations.</param>
    public static Page<FoundDeviationRow> Read(ReadOnlyDatabase database, DeviationFilter filter, string category, PagePosition position)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(category);
        ArgumentNullException.ThrowIfNull(position);
        var detected = position.Border.Length == 0
            ? null
            : database.Connection.ExecuteScalar<string?>("SELECT detected_at FROM deviations WHERE id = @id", new { id = position.Border });
        string[] wanted =
        [
            detected is null ? "" : $"AND (d.detected_at, d.id) {(position.IsBackward ? '>' : '<')} ({database.Instant("@detected")}, @border)",
            filter.RunId.Length > 0 ? "AND d.run_id = @RunId" : "",
            filter.Package.Length > 0 ? "AND d.run_id IN (SELECT id FROM runs WHERE package_name = @Package)" : "",
            filter.Severities.Count > 0 ? $"AND {database.IsOneOf("lower(d.severity)", "Severities")}" : "",
            filter.Status.Length > 0 ? "AND d.status = @Status" : "",
            category.Length > 0 ? "AND d.category = @category" : "",
        ];
        var order = position.IsBackward ? "ORDER BY d.detected_at, d.id" : "ORDER BY d.detected_at DESC, d.id DESC";
        var rows = database.Connection.Query<DeviationRow, FoundDeviationRow, FoundDeviationRow>(
            $"""
            SELECT {DeviationQueries.ColumnsOf(database)}, r.package_name AS PackageName, r.version AS Version
            FROM deviations d JOIN runs r ON r.id = d.run_id WHERE 1 = 1 {string.Join(' ', wanted)} {order} LIMIT @limit
            """,
            (deviation, found) => found with { Deviation = deviation },
            new { filter.RunId, filter.Package, filter.Severities, filter.Status, category, detected, border = position.Border, limit = position.Limit + 1 },
            splitOn: "PackageName").AsList();
        return Page.Of(rows, position);
    }

    /// <summary>Deviations whose ids begin with some lower-case hex digits, for a choice.</summary>
    public static IReadOnlyList<DeviationRow> WithPrefix(ReadOnlyDatabase database, string prefix, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.Query<DeviationRow>(
            $"SELECT {DeviationQueries.ColumnsOf(database)} FROM deviations d WHERE d.id >= @prefix AND d.id < @end ORDER BY d.id LIMIT @limit",
            new { prefix, end = prefix + "g", limit }).AsList();
    }

    /// <summary>Deviations of a run, worst first, then by category and value.</summary>
    /// <param name="database">The database.</param>
    /// <param name="runId">Full id of the run.</param>
    /// <param name="limit">At most this many.</param>
    public static IReadOnlyList<DeviationRow> OfRun(ReadOnlyDatabase database, string runId, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.Query<DeviationRow>(
            $"SELECT {DeviationQueries.ColumnsOf(database)} FROM deviations d WHERE d.run_id = @runId ORDER BY {SeveritySql.Rank} DESC, d.category, d.value, d.id LIMIT @limit",
            new { runId, limit }).AsList();
    }

    /// <summary>One page of what <see cref="DeviationQueries.Pending"/> reads.</summary>
    /// <param name="database">The database.</param>
    /// <param name="package">Only this package; empty for all.</param>
    /// <param name="minRank">Only runs with a deviation of at least this rank; 0 for all.</param>
    /// <param name="page">Number of the page, from 1.</param>
    /// <param name="limit">Rows of a page.</param>
    public static Page<PendingRow> Pending(ReadOnlyDatabase database, string package, int minRank, int page, int limit)
    {
        // The whole queue is ordered by its worst finding in any case; what is left out costs nothing but its rows.
        var rows = DeviationQueries.Pending(database, package, minRank, (page * limit) + 1);
        return Page.Numbered(rows.Skip((page - 1) * limit).ToList(), page, limit);
    }
}
