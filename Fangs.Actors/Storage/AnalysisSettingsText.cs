using System.Globalization;
using Fangs.Actors.Analysis;

namespace Fangs.Actors.Storage;

/// <summary>The form in which the settings of the analysis are stored.</summary>
internal static class AnalysisSettingsText
{
    /// <summary>All of them in one line; equal for equal settings.</summary>
    public static string Of(AnalysisSettings settings) =>
        string.Create(CultureInfo.InvariantCulture, $"{settings.MinRuns} {settings.CdnEnabled} {Ranges(settings)}");

    /// <summary>The further CDN ranges, separated by spaces and in a fixed order.</summary>
    public static string Ranges(AnalysisSettings settings) => string.Join(' ', settings.CdnExtra.Order(StringComparer.Ordinal));

    /// <summary>Reads what was stored.</summary>
    public static AnalysisSettings Parse(int minRuns, bool isCdnEnabled, string ranges) => new()
    {
        MinRuns = minRuns,
        CdnEnabled = isCdnEnabled,
        CdnExtra = ranges.Split(' ', StringSplitOptions.RemoveEmptyEntries),
    };
}
