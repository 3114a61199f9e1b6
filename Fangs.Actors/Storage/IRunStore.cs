using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>States of a run, as stored.</summary>
public static class RunStates
{
    /// <summary>Queued.</summary>
    public const string Pending = "pending";

    /// <summary>Handed out.</summary>
    public const string Building = "building";

    /// <summary>The first events have arrived.</summary>
    public const string Sandboxed = "sandboxed";

    /// <summary>The result has been received, analysis is due.</summary>
    public const string Analyzed = "analyzed";

    /// <summary>Ended well.</summary>
    public const string Done = "done";

    /// <summary>Ended otherwise; the failure reason says why.</summary>
    public const string Failed = "failed";

    /// <summary>A run never leaves these.</summary>
    public static bool IsTerminal(string state) => state is Done or Failed;

    /// <summary>The runner has nothing more to do for it: what is left is judging it.</summary>
    public static bool HasEnded(string state) => state is Analyzed or Done or Failed;
}

/// <summary>What a run actor needs to know of its row.</summary>
/// <param name="Id">The run.</param>
/// <param name="State">One of <see cref="RunStates"/>.</param>
/// <param name="RunnerId">Who has or had it; empty before it is handed out.</param>
/// <param name="FailureReason">Why it failed; empty otherwise.</param>
/// <param name="ResultDigest">Identifies the accepted result; empty before.</param>
/// <param name="Interrupted">Whether the result said that the runner was stopped before the job was done.</param>
public sealed record RunRow(RunId Id, string State, string RunnerId, string FailureReason, string ResultDigest, bool Interrupted)
{
    /// <summary>Its package; empty for none.</summary>
    public string Package { get; init; } = "";

    /// <summary>Whether every event that the result tells of has been received, and no batch is missing.</summary>
    public bool IsComplete { get; init; }

    /// <summary>Whether it has been judged since its last events came.</summary>
    public bool IsAnalysed { get; init; }

    /// <summary>Batches missing between those that were stored; judged at the end of the run.</summary>
    public long SeqGaps { get; init; }

    /// <summary>Why an ended run is not conclusive; empty when it is.</summary>
    public string InconclusiveReason { get; init; } = "";
}

/// <summary>How a run ended.</summary>
/// <param name="State"><see cref="RunStates.Analyzed"/> or <see cref="RunStates.Failed"/>.</param>
/// <param name="Reason">Why it failed; empty otherwise.</param>
/// <param name="Result">The runner's result, or null when there is none.</param>
/// <param name="EventsDropped">Events lost in this run.</param>
/// <param name="ResultDigest">Identifies the result.</param>
public sealed record RunEnd(string State, string Reason, ResultRequest? Result, ulong EventsDropped, string ResultDigest);

/// <summary>Rows of runs and their history. Every method is one transaction; all are idempotent.</summary>
public interface IRunStore
{
    /// <summary>Finds a run.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<RunRow?> FindAsync(RunId id);

    /// <summary>Creates the row of a queued run unless it exists; returns the row and whether it was created.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<(RunRow Row, bool Created)> EnsureAsync(Job job, DateTimeOffset queuedAt, RunId? retryOf);

    /// <summary>Moves a run that has not ended to another state that is no end, with an entry in its history.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task SetStateAsync(RunId id, string state, string? runnerId, int? attempt, string detail);

    /// <summary>Ends a run that has not ended, and judges whether it is conclusive.</summary>
    /// <returns>The row as it stands now.</returns>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<RunRow> FinishAsync(RunId id, RunEnd end);

    /// <summary>Counts the runs by state. States of which there are none may be missing.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<IReadOnlyDictionary<string, long>> CountByStateAsync();

    /// <summary>Looks again whether an ended run is conclusive, after late batches; it has to be judged again.</summary>
    /// <returns>The row as it stands now.</returns>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<RunRow> ReassessAsync(RunId id);

    /// <summary>Notes that a batch of the run could not be read, which makes it inconclusive; when it has ended, it has to be judged again.</summary>
    /// <returns>The row as it stands now.</returns>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<RunRow> NoteBadBatchAsync(RunId id, string detail);
}
