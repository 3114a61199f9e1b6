using Fangs.Actors.Analysis;

namespace Fangs.Actors.Storage;

/// <summary>What the rewriting of baselines has done.</summary>
/// <param name="Examined">Rows of older rules.</param>
/// <param name="Changed">Rows whose value changed; the merged ones are among them.</param>
/// <param name="Merged">Rows that fell together with another one.</param>
public sealed record BaselineRewriteOutcome(int Examined, int Changed, int Merged);

/// <summary>Rewrites baselines that were learned under older rules, so that behaviour that is already known does not look new.</summary>
internal static class BaselineRewrite
{
    private const string StaleSql =
        "SELECT package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count FROM baseline_fingerprints WHERE rules_version < @p0 AND (package_name = @p1 OR @p1 IS NULL)";

    private const string FindSql =
        "SELECT first_seen_run_id, last_seen_run_id FROM baseline_fingerprints WHERE package_name = @p0 AND category = @p1 AND value = @p2";

    private const string RenameSql = "UPDATE baseline_fingerprints SET value = @p3 WHERE package_name = @p0 AND category = @p1 AND value = @p2";

    private const string DeleteSql = "DELETE FROM baseline_fingerprints WHERE package_name = @p0 AND category = @p1 AND value = @p2";

    private const string MergeSql = """
        UPDATE baseline_fingerprints SET first_seen_run_id = @p3, last_seen_run_id = @p4, occurrence_count = occurrence_count + @p5
        WHERE package_name = @p0 AND category = @p1 AND value = @p2
        """;

    // Ids tell nothing about time: the original and we make them differently, and callers may choose them.
    private const string EarlierSql = "SELECT id AS v FROM runs WHERE id IN (@p0, @p1) ORDER BY started_at NULLS LAST, id LIMIT 1";

    private const string LaterSql = "SELECT id AS v FROM runs WHERE id IN (@p0, @p1) ORDER BY started_at DESC NULLS LAST, id DESC LIMIT 1";

    private const string StampSql = "UPDATE baseline_fingerprints SET rules_version = @p0 WHERE rules_version < @p0 AND (package_name = @p1 OR @p1 IS NULL)";

    /// <summary>Rewrites what is older than <see cref="PathRules.Version"/>. Belongs into a transaction of the caller.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="package">Only of this package; null for all. The original's commands may have written since the file was opened.</param>
    public static BaselineRewriteOutcome Run(StoreSession session, string? package = null)
    {
        var (examined, changed) = FindChanged(session, package);
        var merged = 0;
        foreach (var (row, value) in changed)
        {
            if (session.First(FindSql, r => new Seen(r.GetString(0), r.GetString(1)), row.Package, row.Category, value) is not { } known)
            {
                session.Execute(RenameSql, row.Package, row.Category, row.Value, value);
                continue;
            }

            merged++;
            session.Execute(DeleteSql, row.Package, row.Category, row.Value);
            session.Execute(
                MergeSql, row.Package, row.Category, value, Pick(EarlierSql, known.First, row.First), Pick(LaterSql, known.Last, row.Last), row.Count);
        }

        if (examined > 0) session.Execute(StampSql, PathRules.Version, package);
        return new BaselineRewriteOutcome(examined, changed.Count, merged);

        string Pick(string sql, string known, string other) => known == other ? known : session.First(sql, r => r.GetString(0), known, other) ?? known;
    }

    private static (int Examined, List<(Row Row, string Value)> Changed) FindChanged(StoreSession session, string? package)
    {
        var extractor = new FingerprintExtractor();
        var changed = new List<(Row, string)>();
        var examined = 0;
        // Row by row: of a large baseline only what changes is kept in memory.
        session.Each(StaleSql, found =>
        {
            examined++;
            var row = new Row(found.GetString(0), found.GetString(1), found.GetString(2), found.GetString(3), found.GetString(4), found.GetInt64(5));
            if (BaselineValue.Renew(extractor, row.Category, row.Value) is var value && value != row.Value) changed.Add((row, value));
        }, PathRules.Version, package);

        return (examined, changed);
    }

    private sealed record Row(string Package, string Category, string Value, string First, string Last, long Count);

    private sealed record Seen(string First, string Last);
}
