using Akka.Actor;
using Fangs.Protocol;

namespace Fangs.Actors.Jobs;

/// <summary>A command of the job queue, see <see cref="JobQueueState.Decide"/>.</summary>
public interface IJobCommand
{
    /// <summary>The run whose job it is about.</summary>
    RunId RunId { get; }
}

/// <summary>Take a new job.</summary>
/// <param name="Job">The job, complete.</param>
/// <param name="Target">The runner that must do it, or <see cref="RunnerId.Any"/>.</param>
public sealed record QueueJob(Job Job, RunnerId Target) : IJobCommand
{
    /// <inheritdoc/>
    public RunId RunId => Job.RunId;
}

/// <summary>Hand a waiting job to a runner, which opens a lease.</summary>
/// <param name="RunId">The job's run.</param>
/// <param name="Runner">Who gets it.</param>
/// <param name="DropsPerRun">Whether this runner reports drops per run.</param>
public sealed record LeaseJob(RunId RunId, RunnerId Runner, bool DropsPerRun) : IJobCommand;

/// <summary>A sign of life of a run has come in.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Runner">Who gave it, or null where the sign does not say (an events or result POST).</param>
public sealed record ConfirmLease(RunId RunId, RunnerId? Runner) : IJobCommand;

/// <summary>The job did not reach its runner, or nothing was heard of it: back to the head of the queue.</summary>
/// <param name="RunId">The job's run.</param>
/// <param name="Attempt">The delivery that failed; a later one is left alone.</param>
/// <param name="Reason">In words.</param>
public sealed record ReturnJob(RunId RunId, int Attempt, string Reason) : IJobCommand;

/// <summary>The runner of a confirmed run has disappeared: end the run and, when attempts are left, run the job again as a new run.</summary>
/// <param name="RunId">The lost run.</param>
/// <param name="Reason">In words.</param>
/// <param name="RetryRunId">Id for the new run, should there be one.</param>
public sealed record LoseRun(RunId RunId, string Reason, RunId RetryRunId) : IJobCommand;

/// <summary>The run has ended in the tables; the queue can forget its job.</summary>
public sealed record FinishJob(RunId RunId) : IJobCommand;

/// <summary>The runner was stopped before the job was done and said so: run the job again as a new run. The old run has ended in the tables.</summary>
/// <param name="RunId">The interrupted run.</param>
/// <param name="RetryRunId">Id for the new run, should there be one.</param>
public sealed record RetryJob(RunId RunId, RunId RetryRunId) : IJobCommand;

/// <summary>What became of a command.</summary>
public enum JobReply
{
    /// <summary>Done.</summary>
    Accepted,

    /// <summary>A job of this run exists already.</summary>
    Duplicate,

    /// <summary>The queue has no such job.</summary>
    Unknown,

    /// <summary>The job is not in the state that the command is about; nothing changed.</summary>
    NotApplicable,
}

/// <summary>A fact of the job queue, as journalled.</summary>
public interface IJobEvent
{
    /// <summary>The run whose job it is about.</summary>
    RunId RunId { get; }
}

/// <summary>A job waits.</summary>
/// <param name="Job">The job.</param>
/// <param name="Target">Who must do it.</param>
/// <param name="Order">Its place: smaller is handed out first.</param>
/// <param name="At">When.</param>
/// <param name="RetryOf">The lost run that this one repeats.</param>
/// <param name="Retry">How many runs of this job were lost before.</param>
public sealed record JobQueued(Job Job, RunnerId Target, long Order, DateTimeOffset At, RunId? RetryOf, int Retry) : IJobEvent
{
    /// <inheritdoc/>
    public RunId RunId => Job.RunId;
}

/// <summary>A job was handed out.</summary>
public sealed record JobLeased(RunId RunId, RunnerId Runner, bool DropsPerRun, DateTimeOffset At) : IJobEvent;

/// <summary>The runner works on it.</summary>
public sealed record LeaseConfirmed(RunId RunId, RunnerId Runner, DateTimeOffset At) : IJobEvent;

/// <summary>The job is back at its place in the queue.</summary>
public sealed record JobReturned(RunId RunId, string Reason, DateTimeOffset At) : IJobEvent;

/// <summary>The run of the job has to end as failed; the job stays until the tables say so.</summary>
public sealed record RunEnding(RunId RunId, string Reason, DateTimeOffset At) : IJobEvent;

/// <summary>The queue has forgotten the job.</summary>
public sealed record JobForgotten(RunId RunId) : IJobEvent;

/// <summary>A registered runner wants a job. Sent by its actor on behalf of the asker.</summary>
/// <param name="Runner">The runner.</param>
/// <param name="PollId">Names this poll.</param>
/// <param name="Slots">How many jobs the runner takes at once, hence how many of its polls are kept.</param>
/// <param name="DropsPerRun">Whether it reports drops per run.</param>
/// <param name="RunnerRef">Its actor, told when the poll ends.</param>
public sealed record Poll(RunnerId Runner, Guid PollId, int Slots, bool DropsPerRun, IActorRef RunnerRef);

/// <summary>Answer to a poll.</summary>
/// <param name="Job">The job, or null when the window ended without one.</param>
/// <param name="Attempt">Which delivery of the job this is.</param>
public sealed record PollResult(Job? Job, int Attempt)
{
    /// <summary>No work.</summary>
    public static readonly PollResult NoJob = new(null, 0);
}

/// <summary>The HTTP client of a poll has gone, or its answer could not be written. A job that it was given goes back.</summary>
public sealed record PollAbandoned(RunnerId Runner, Guid PollId);

/// <summary>Answer every parked poll now and all later ones at once: the process is stopping.</summary>
public sealed record DrainPolls
{
    /// <summary>The only instance.</summary>
    public static readonly DrainPolls Instance = new();
}

/// <summary>Answer to <see cref="DrainPolls"/>.</summary>
public sealed record PollsDrained
{
    /// <summary>The only instance.</summary>
    public static readonly PollsDrained Instance = new();
}

/// <summary>A scan was accepted: journal and run row are durable.</summary>
public sealed record ScanAccepted(RunId RunId);

/// <summary>A scan was refused.</summary>
/// <param name="Reason">In words, for the caller.</param>
public sealed record ScanRejected(string Reason);

/// <summary>The runner registry has started and can be told whom to expect.</summary>
public sealed record RegistryStarted(IActorRef Registry);

/// <summary>The supervisor of the runs has started and can be told which runs there are.</summary>
public sealed record RunsStarted(IActorRef Runs);

/// <summary>The dispatcher is recovering or backing off; answer to everything sent to it meanwhile.</summary>
public sealed record DispatcherUnavailable
{
    /// <summary>The only instance.</summary>
    public static readonly DispatcherUnavailable Instance = new();
}

/// <summary>Asks for the figures of the queue, for metrics.</summary>
public sealed record GetQueueFigures
{
    /// <summary>The only instance.</summary>
    public static readonly GetQueueFigures Instance = new();
}

/// <summary>Answer to <see cref="GetQueueFigures"/>.</summary>
/// <param name="Depths">Jobs by stage; a stage without jobs may be missing.</param>
/// <param name="OldestQueued">How long the oldest waiting job has been in the queue; zero when none waits.</param>
/// <param name="ParkedPolls">Polls that wait.</param>
public sealed record QueueFigures(IReadOnlyDictionary<JobStage, int> Depths, TimeSpan OldestQueued, int ParkedPolls);

/// <summary>Lists the jobs in the queue.</summary>
public sealed record GetJobs
{
    /// <summary>The only instance.</summary>
    public static readonly GetJobs Instance = new();
}

/// <summary>Answer to <see cref="GetJobs"/>.</summary>
/// <param name="Jobs">Waiting and running jobs, in their order.</param>
public sealed record JobList(IReadOnlyList<JobEntry> Jobs);

/// <summary>Asks whether the queue can be stored; answered when all that came before is durable.</summary>
public sealed record ProbeQueue
{
    /// <summary>The only instance.</summary>
    public static readonly ProbeQueue Instance = new();
}

/// <summary>Answer to <see cref="ProbeQueue"/>: everything so far is durable.</summary>
public sealed record QueueServes
{
    /// <summary>The only instance.</summary>
    public static readonly QueueServes Instance = new();
}
