using Fangs.Actors.Analysis;

namespace Fangs.Actors.Storage;

/// <summary>Keeps the settings of the analysis beside the runs that were judged by them.</summary>
internal static class SettingsReconciler
{
    private const string ReadSql = "SELECT min_runs, cdn_enabled, cdn_extra FROM analysis_settings";

    private const string WriteSql = """
        INSERT INTO analysis_settings (one, min_runs, cdn_enabled, cdn_extra, changed_at) VALUES (1, @p0, @p1, @p2, @p3)
        ON CONFLICT (one) DO UPDATE SET min_runs = excluded.min_runs, cdn_enabled = excluded.cdn_enabled, cdn_extra = excluded.cdn_extra, changed_at = excluded.changed_at
        """;

    // Runs that wait for a decision, and those that wait for others to agree with them.
    private const string MarkSql = """
        UPDATE runs SET analyzed_at = NULL
        WHERE analyzed_at IS NOT NULL AND state IN ('done', 'failed') AND (
          id IN (SELECT run_id FROM deviations WHERE status IN ('open', 'note'))
          OR (conclusive AND package_name <> '' AND NOT EXISTS (SELECT 1 FROM baseline_fingerprints b WHERE b.package_name = runs.package_name)))
        """;

    /// <summary>The settings with which the orchestrator was last started; those of a new installation before that.</summary>
    public static AnalysisSettings Read(StoreSession session) => session.First(ReadSql, Map) ?? new AnalysisSettings();

    /// <summary>Writes the settings when they are others, and marks the runs that they may concern. Belongs into a transaction of the caller.</summary>
    /// <returns>How many runs are to be judged again.</returns>
    public static int Write(StoreSession session, AnalysisSettings settings, DateTimeOffset now)
    {
        var isFirst = session.First(ReadSql, Map) is null;
        if (!isFirst && AnalysisSettingsText.Of(Read(session)) == AnalysisSettingsText.Of(settings)) return 0;
        // A database from before this table was judged by settings that nobody noted: the defaults, more often than not.
        var hasChanged = AnalysisSettingsText.Of(Read(session)) != AnalysisSettingsText.Of(settings);
        session.Execute(WriteSql, settings.MinRuns, settings.CdnEnabled ? 1 : 0, AnalysisSettingsText.Ranges(settings), StorageText.Time(now));
        return hasChanged ? session.Execute(MarkSql) : 0;
    }

    private static AnalysisSettings Map(StoreRow row) => AnalysisSettingsText.Parse((int)row.GetInt64(0), row.GetInt64(1) != 0, row.GetString(2));
}
