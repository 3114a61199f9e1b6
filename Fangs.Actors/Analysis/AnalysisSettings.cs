namespace Fangs.Actors.Analysis;

/// <summary>How runs are judged.</summary>
public sealed record AnalysisSettings
{
    /// <summary>How many conclusive runs of a package must agree before what they have in common becomes its baseline.</summary>
    public int MinRuns { get; init; } = 1;

    /// <summary>Whether destinations in the ranges of content delivery networks are hidden.</summary>
    public bool CdnEnabled { get; init; } = true;

    /// <summary>Further ranges that count as those of <see cref="CdnRanges"/>, in canonical form.</summary>
    public IReadOnlyList<string> CdnExtra { get; init; } = [];
}
