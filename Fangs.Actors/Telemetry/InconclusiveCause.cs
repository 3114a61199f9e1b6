namespace Fangs.Actors.Telemetry;

/// <summary>The causes of inconclusive runs as label values: the stored reason has numbers and texts in it.</summary>
public static class InconclusiveCause
{
    /// <summary>The runner disappeared or never reported.</summary>
    public const string NoResult = "no_result";

    /// <summary>The scan failed or ran out of time.</summary>
    public const string Failed = "failed";

    /// <summary>The runner lost events.</summary>
    public const string EventsLost = "events_lost";

    /// <summary>Batches are missing.</summary>
    public const string SeqGaps = "seq_gaps";

    /// <summary>Batches could not be read.</summary>
    public const string BadBatches = "bad_batches";

    /// <summary>There were more events than a run may have.</summary>
    public const string TooManyEvents = "too_many_events";

    /// <summary>No program was seen to start.</summary>
    public const string NoExec = "no_exec";

    /// <summary>Something else.</summary>
    public const string Other = "other";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [NoResult, Failed, EventsLost, SeqGaps, BadBatches, TooManyEvents, NoExec, Other];

    /// <summary>The cause of a stored reason.</summary>
    public static string Of(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        // A failure's own text follows its prefix and may say anything, so prefixes come first.
        if (reason.StartsWith("no result", StringComparison.Ordinal)) return NoResult;
        if (reason.StartsWith("the scan failed", StringComparison.Ordinal)) return Failed;
        if (reason.EndsWith(" events were lost", StringComparison.Ordinal)) return EventsLost;
        if (reason.EndsWith(" batches are missing", StringComparison.Ordinal)) return SeqGaps;
        if (reason.EndsWith(" batches could not be read", StringComparison.Ordinal)) return BadBatches;
        if (reason.Contains("beyond the limit of a run", StringComparison.Ordinal)) return TooManyEvents;
        return reason == "no program was seen to start" ? NoExec : Other;
    }
}
