using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

/// <summary>Why a run waits for an operator, and what to do about it.</summary>
public static class PendingWords
{
    /// <summary><c>deviating</c>, <c>inconclusive</c>, or <c>note</c> for values that were learned but touch credentials.</summary>
    public static string Reason(PendingRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return RunVerdict.Word(row.Run) == "inconclusive" ? "inconclusive" : row.Run.OpenDeviations > 0 ? "deviating" : "note";
    }

    /// <summary>The reason in words. Safe to print.</summary>
    public static string Why(PendingRow row) => Reason(row) switch
    {
        "inconclusive" => TerminalText.Fit("inconclusive: " + RunVerdict.Reason(row.Run), 100),
        "note" => "learned, but touches credentials",
        var other => other,
    };

    /// <summary>A command ready to be copied. Promoting a run whose evidence is incomplete must be asked for twice; what was learned already is decided one by one.</summary>
    public static string Command(PendingRow row) => Reason(row) switch
    {
        "note" => $"fangs deviation list -status note -run {TerminalText.ShortId(row.Run.Id)}",
        "inconclusive" => $"fangs baseline promote {TerminalText.ShortId(row.Run.Id)} -force",
        _ => $"fangs baseline promote {TerminalText.ShortId(row.Run.Id)}",
    };

    /// <summary>The word that stands for a rank; empty for 0.</summary>
    public static string SeverityOf(int rank) => rank switch { 0 => "", 1 => "info", 2 => "warn", 3 => "high", _ => "crit" };

    /// <summary>The JSON form of a row.</summary>
    public static PendingJson ToJson(PendingRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new PendingJson(RunJson.Of(row.Run), row.Findings, SeverityOf(row.Rank), row.FirstDetected, row.LastDetected, Reason(row));
    }
}
