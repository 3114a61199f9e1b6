using System.Globalization;

namespace Fangs.Actors.Analysis;

/// <summary>What became of a deviation, as stored.</summary>
public static class DeviationStatus
{
    /// <summary>Waits for a person.</summary>
    public const string Open = "open";

    /// <summary>Part of the baseline, but shown because it touched credentials.</summary>
    public const string Note = "note";

    /// <summary>A person has taken it into the baseline.</summary>
    public const string Accepted = "accepted";

    /// <summary>A person wants it kept out of the baseline.</summary>
    public const string Rejected = "rejected";

    /// <summary>Whether a person has decided.</summary>
    public static bool IsDecided(string status) => status is Accepted or Rejected;
}

/// <summary>Something that a run did and its baseline does not know, or that is shown for another reason; see <see cref="DeviationStatus"/>.</summary>
public sealed record Deviation
{
    /// <summary>32 hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>What.</summary>
    public required FingerprintKey Key { get; init; }

    /// <summary>A value of <see cref="DeviationStatus"/>.</summary>
    public string Status { get; init; } = DeviationStatus.Open;

    /// <summary>A word of <see cref="Analysis.Severity"/>.</summary>
    public required string Severity { get; init; }

    /// <summary>Id of the earliest event that shows it.</summary>
    public required long EvidenceEventId { get; init; }

    /// <summary>Whether credentials were touched.</summary>
    public bool IsCredential { get; init; }

    /// <summary>Who did it first; empty when the runner does not tell.</summary>
    public string Role { get; init; } = "";

    /// <summary>In which phase; empty when the runner does not tell.</summary>
    public string Phase { get; init; } = "";

    /// <summary>Events that show it.</summary>
    public long Count { get; init; } = 1;

    /// <summary>Stands for further deviations of its category beyond <see cref="Differ.CategoryLimit"/>; its value then tells how many.</summary>
    public bool IsSummary { get; init; }

    /// <summary>Who decided; empty while nobody has.</summary>
    public string DecidedBy { get; init; } = "";

    /// <summary>When; null while nobody has.</summary>
    public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>What he said about it.</summary>
    public string DecisionNote { get; init; } = "";

    /// <summary>The value of a row that stands for others.</summary>
    public static string SummaryValue(int count) => string.Create(CultureInfo.InvariantCulture, $"+{count} more");

    /// <summary>How many others the row stands for; 0 for an ordinary one.</summary>
    public int SummaryCount => IsSummary && Key.Value.Split(' ')[0] is ['+', .. var digits]
        && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;

    internal Deviation Undecided(string status) => this with { Status = status, DecidedBy = "", DecidedAt = null, DecisionNote = "" };
}
