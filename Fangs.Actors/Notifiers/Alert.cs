using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Notifiers;

/// <summary>A deviation as alerts tell of it.</summary>
/// <param name="Id">32 hex digits.</param>
/// <param name="Category">A name of <see cref="FingerprintCategory"/>.</param>
/// <param name="Value">What was seen; of hostile origin.</param>
/// <param name="Severity">A word of <see cref="Analysis.Severity"/>.</param>
/// <param name="EvidenceEventId">Id of the earliest event that shows it.</param>
public sealed record AlertDeviation(string Id, string Category, string Value, string Severity, long EvidenceEventId);

/// <summary>What there is to tell of a run. The deviations are in the order in which they are told: the worst first.</summary>
public sealed record Alert
{
    /// <summary>The run.</summary>
    public required RunId Run { get; init; }

    /// <summary>Package as stored; may be empty.</summary>
    public required string Package { get; init; }

    /// <summary>Version as stored; may be empty.</summary>
    public required string Version { get; init; }

    /// <summary>State of the run.</summary>
    public required string State { get; init; }

    /// <summary>Whether the run is in the baseline.</summary>
    public bool IsBaseline { get; init; }

    /// <summary>Deviations that nobody has decided about.</summary>
    public required IReadOnlyList<AlertDeviation> Deviations
    {
        get;
        init => field = [.. value.OrderByDescending(d => Severity.RankOf(d.Severity)).ThenBy(d => d.Category, StringComparer.Ordinal)
            .ThenBy(d => d.Value, StringComparer.Ordinal).ThenBy(d => d.Id, StringComparer.Ordinal)];
    }

    /// <summary>The highest severity; empty when there is no deviation.</summary>
    public string MaxSeverity => Severity.Highest(Deviations.Select(d => d.Severity)) ?? "";

    /// <summary>What people call the run: package and version, as far as there are any.</summary>
    public string Label => Package.Length == 0 ? $"run {ShortRun}" : Version.Length == 0 ? Package : $"{Package}@{Version}";

    /// <summary>Beginning of the run's id, enough for the command line.</summary>
    public string ShortRun => Run.ToString()[..12];

    /// <summary>How many findings there are, in words.</summary>
    public string Count => Deviations.Count == 1 ? "1 finding" : $"{Deviations.Count} findings";
}
