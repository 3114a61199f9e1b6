using Dapper;
using Fangs.Actors.Analysis;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads the settings by which runs are judged.</summary>
public static class SettingsQueries
{
    /// <summary>The version that keeps them in the database.</summary>
    public const string Settings = "0011_settings";

    /// <summary>The settings with which the orchestrator was last started; the defaults when it keeps none.</summary>
    public static AnalysisSettings Analysis(ReadOnlyDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        if (!database.HasSettings) return new AnalysisSettings();
        const string Sql = "SELECT min_runs AS MinRuns, cdn_enabled AS IsCdnEnabled, cdn_extra AS Ranges FROM analysis_settings";
        return database.Connection.QuerySingleOrDefault<Row>(Sql) is { } row
            ? AnalysisSettingsText.Parse((int)row.MinRuns, row.IsCdnEnabled, row.Ranges)
            : new AnalysisSettings();
    }

    private sealed record Row
    {
        public long MinRuns { get; init; }

        public bool IsCdnEnabled { get; init; }

        public string Ranges { get; init; } = "";
    }
}
