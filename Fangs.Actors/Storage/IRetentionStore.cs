using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>The tables from which retention deletes, as label values.</summary>
public static class RetentionTables
{
    /// <summary>Events.</summary>
    public const string Events = "events";

    /// <summary>Batches.</summary>
    public const string Batches = "event_batches";

    /// <summary>The delivery log.</summary>
    public const string Deliveries = "notifications";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Events, Batches, Deliveries];
}

/// <summary>A run that has something to delete.</summary>
/// <param name="Run">The run.</param>
/// <param name="FinishedAt">When it ended, as stored; with the run's id the place in the order of runs.</param>
public sealed record PrunableRun(RunId Run, string FinishedAt);

/// <summary>Where the deletion of a run's events goes on.</summary>
/// <param name="Seq">The batch.</param>
/// <param name="EventId">The first event not looked at yet.</param>
public sealed record PrunePosition(long Seq, long EventId)
{
    /// <summary>The beginning of a run.</summary>
    public static readonly PrunePosition Start = new(0, 0);
}

/// <summary>What one small write has deleted.</summary>
/// <param name="Rows">Rows of the table in question.</param>
/// <param name="Batches">Batches, where events were deleted.</param>
/// <param name="Took">How long the database was held.</param>
/// <param name="Next">Where to go on; null when nothing is left.</param>
public sealed record PruneStep<T>(int Rows, int Batches, TimeSpan Took, T? Next) where T : class;

/// <summary>Deletes what is older than the horizon, in writes that are short enough not to be noticed by those who store events.</summary>
public interface IRetentionStore
{
    /// <summary>Ended runs with events or batches that may go, oldest first. Reads only, and so delays nobody.</summary>
    /// <param name="cutoff">Runs that ended before it.</param>
    /// <param name="after">The last run of the previous answer; null to begin.</param>
    /// <param name="limit">At most this many.</param>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<IReadOnlyList<PrunableRun>> FindRunsAsync(DateTimeOffset cutoff, PrunableRun? after, int limit);

    /// <summary>Deletes events of an ended run that no deviation refers to, and its batches that have no events any more. One transaction.</summary>
    /// <param name="run">The run.</param>
    /// <param name="from">Where to begin.</param>
    /// <param name="maxRows">Rows to look at, at most.</param>
    /// <param name="stopAfter">The step ends soon after this time, however little it has done: a busy machine makes any number of rows slow.</param>
    /// <exception cref="StorageException">The database fails; nothing of this step is deleted.</exception>
    Task<PruneStep<PrunePosition>> PruneRunAsync(RunId run, PrunePosition from, int maxRows, TimeSpan stopAfter);

    /// <summary>Deletes entries of the delivery log that are older than the cutoff and not waiting to be sent. One transaction.</summary>
    /// <param name="cutoff">Entries made before it.</param>
    /// <param name="after">Where to go on; null to begin.</param>
    /// <param name="maxRows">Rows to look at, at most.</param>
    /// <exception cref="StorageException">The database fails; nothing of this step is deleted.</exception>
    Task<PruneStep<object>> PruneDeliveriesAsync(DateTimeOffset cutoff, object? after, int maxRows);

    /// <summary>Gives free pages back to the file system. One transaction.</summary>
    /// <param name="maxPages">Pages, at most.</param>
    /// <returns>Pages given back as <see cref="PruneStep{T}.Rows"/>; <see cref="PruneStep{T}.Next"/> is null when none is left, or when the backend does this by itself.</returns>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<PruneStep<object>> ReclaimAsync(int maxPages);
}
