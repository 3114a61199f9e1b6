using Akka.Actor;
using Fangs.Protocol;

namespace Fangs.Actors.Runs;

/// <summary>Addressed to one run; <see cref="RunSupervisor"/> passes it on to its actor, which it makes where needed.</summary>
public interface IWithRunId
{
    /// <summary>The run.</summary>
    RunId RunId { get; }
}

/// <summary>The run of a journalled job must have its row.</summary>
/// <param name="Job">The job.</param>
/// <param name="QueuedAt">When it was queued.</param>
/// <param name="RetryOf">The lost run that it repeats.</param>
/// <param name="Asker">Who waits for <see cref="Jobs.ScanAccepted"/>, or nobody.</param>
public sealed record EnsureRun(Job Job, DateTimeOffset QueuedAt, RunId? RetryOf, IActorRef Asker) : IWithRunId
{
    /// <inheritdoc/>
    public RunId RunId => Job.RunId;
}

/// <summary>The job of the run was handed out, or its runner has shown that it works on it.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Runner">Who has it.</param>
/// <param name="Attempt">Which delivery.</param>
/// <param name="DropsPerRun">Whether that runner reports drops per run.</param>
/// <param name="Confirmed">Whether a sign of life has come.</param>
/// <param name="TimeLimit">How long after the confirmation a result may come in.</param>
public sealed record RunLeased(RunId RunId, RunnerId Runner, int Attempt, bool DropsPerRun, bool Confirmed, TimeSpan TimeLimit) : IWithRunId;

/// <summary>The job of the run is back in the queue.</summary>
public sealed record RunReturned(RunId RunId, string Reason) : IWithRunId;

/// <summary>The run has failed without a result.</summary>
public sealed record EndRun(RunId RunId, string Reason) : IWithRunId;

/// <summary>A heartbeat has named the run.</summary>
public sealed record RunAlive(RunId RunId, RunnerId Runner) : IWithRunId;

/// <summary>Who sends something about a run, as far as the connection proves it.</summary>
/// <param name="Names">The runner ids that the client certificate may use.</param>
public sealed record RunSender(IReadOnlySet<string> Names)
{
    /// <summary>Whether the sender may speak for a runner.</summary>
    public bool IsRunner(string runner) => Names.Contains(runner);
}

/// <summary>A client wants to send events.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Stream">Names the stream, see <see cref="EventStreamClosed"/>.</param>
/// <param name="Sender">Who it is; null when the connection proves nothing, and then everybody may.</param>
public sealed record OpenEventStream(RunId RunId, Guid Stream, RunSender? Sender = null) : IWithRunId;

/// <summary>A stream has ended, however that came; all that it brought is committed or lost.</summary>
public sealed record EventStreamClosed(RunId RunId, Guid Stream) : IWithRunId;

/// <summary>Answer to <see cref="OpenEventStream"/>: go on.</summary>
public sealed record EventStreamOpened(RunId RunId);

/// <summary>There is no such run; answer to anything addressed to it.</summary>
public sealed record RunNotFound(RunId RunId);

/// <summary>A batch has been committed.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Seq">Its number.</param>
/// <param name="Events">How many events.</param>
public sealed record BatchStored(RunId RunId, ulong Seq, int Events) : IWithRunId;

/// <summary>A batch could not be read.</summary>
public sealed record BatchUnreadable(RunId RunId, string Detail) : IWithRunId;

/// <summary>The sender is not the runner that has or had the run; answer to what only that one may send.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Holder">The runner that it was handed to; null when it has not been handed out.</param>
public sealed record NotTheRunner(RunId RunId, RunnerId? Holder);

/// <summary>The run has been read from the table but the queue has not said yet who has it: ask again in a moment.</summary>
public sealed record RunnerNotKnownYet(RunId RunId);

/// <summary>The runner reports how the job ended.</summary>
/// <param name="Result">How.</param>
/// <param name="Sender">Who reports; null when the connection proves nothing, and then everybody may.</param>
public sealed record RecordResult(ResultRequest Result, RunSender? Sender = null) : IWithRunId
{
    /// <inheritdoc/>
    public RunId RunId => Result.RunId;
}

/// <summary>The result is stored.</summary>
public sealed record ResultRecorded(RunId RunId);

/// <summary>The result contradicts what is stored.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Reason">In words, for the caller.</param>
public sealed record ResultRejected(RunId RunId, string Reason);

/// <summary>Asks whether a run exists.</summary>
public sealed record GetRun(RunId RunId) : IWithRunId, INotInfluenceReceiveTimeout;

/// <summary>Answer to <see cref="GetRun"/>.</summary>
public sealed record RunFound(Storage.RunRow Row);

/// <summary>From a run to its supervisor: nothing more to do, stop me.</summary>
public sealed record PassivateRun(RunId RunId) : IWithRunId;

/// <summary>To the dispatcher: tell me again what the queue knows of this run; my memory is gone.</summary>
public sealed record AnnounceRun(RunId RunId);
