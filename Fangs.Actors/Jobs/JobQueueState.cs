using System.Collections.Immutable;
using Fangs.Protocol;

namespace Fangs.Actors.Jobs;

/// <summary>Where a job stands.</summary>
public enum JobStage
{
    /// <summary>Waiting for a runner.</summary>
    Queued,

    /// <summary>Handed out, no sign of life yet.</summary>
    Leased,

    /// <summary>Its runner works on it.</summary>
    Confirmed,

    /// <summary>Its run is to be ended as failed in the tables.</summary>
    Ending,
}

/// <summary>A job that is not finished.</summary>
/// <param name="Job">The job.</param>
/// <param name="Target">Who must do it.</param>
/// <param name="Order">Its place; it keeps it when it comes back, which puts it at the head.</param>
/// <param name="Stage">Where it stands.</param>
/// <param name="Attempt">Deliveries so far.</param>
/// <param name="Runner">Who has it or had it last.</param>
/// <param name="DropsPerRun">Whether that runner reports drops per run.</param>
/// <param name="Since">Since when it stands there.</param>
/// <param name="QueuedAt">When it was queued.</param>
/// <param name="RetryOf">The lost run that this one repeats.</param>
/// <param name="Retry">How many runs of this job were lost before.</param>
/// <param name="Reason">Why it is ending or came back.</param>
public sealed record JobEntry(
    Job Job,
    RunnerId Target,
    long Order,
    JobStage Stage,
    int Attempt,
    RunnerId? Runner,
    bool DropsPerRun,
    DateTimeOffset Since,
    DateTimeOffset QueuedAt,
    RunId? RetryOf,
    int Retry,
    string Reason);

/// <summary>Every job that is not finished, and the order in which the waiting ones may be handed out.</summary>
public sealed record JobQueueState
{
    /// <summary>Deliveries of one run before it fails as "not picked up".</summary>
    public const int MaxDeliveries = 3;

    /// <summary>Runs of one job, the first included, before a lost one is not repeated any more.</summary>
    public const int MaxRuns = 3;

    /// <summary>No jobs.</summary>
    public static readonly JobQueueState Empty = new();

    private static readonly ImmutableSortedDictionary<long, RunId> NoneWaiting = ImmutableSortedDictionary<long, RunId>.Empty;

    /// <summary>All jobs by run.</summary>
    public ImmutableDictionary<RunId, JobEntry> Jobs { get; private init; } = ImmutableDictionary<RunId, JobEntry>.Empty;

    /// <summary>The place that the next job gets.</summary>
    public long NextOrder { get; private init; } = 1;

    private ImmutableDictionary<RunnerId, ImmutableSortedDictionary<long, RunId>> Waiting { get; init; } =
        ImmutableDictionary<RunnerId, ImmutableSortedDictionary<long, RunId>>.Empty;

    /// <summary>Rebuilds a state from its jobs, for snapshots.</summary>
    public static JobQueueState From(IEnumerable<JobEntry> jobs, long nextOrder)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        return jobs.Aggregate(Empty with { NextOrder = nextOrder }, (state, entry) => state.With(entry));
    }

    /// <summary>The waiting job that a runner would get: the oldest of its own and of those for any.</summary>
    public JobEntry? NextFor(RunnerId runner)
    {
        var own = Waiting.GetValueOrDefault(runner, NoneWaiting);
        var any = Waiting.GetValueOrDefault(RunnerId.Any, NoneWaiting);
        if (own.IsEmpty && any.IsEmpty) return null;
        if (own.IsEmpty) return Jobs[any.First().Value];
        if (any.IsEmpty) return Jobs[own.First().Value];
        var (ownFirst, anyFirst) = (own.First(), any.First());
        return Jobs[ownFirst.Key < anyFirst.Key ? ownFirst.Value : anyFirst.Value];
    }

    /// <summary>What a command may change now. Pure: the time comes in, the events go out, nothing is stored.</summary>
    public (JobReply Reply, ImmutableArray<IJobEvent> Events) Decide(IJobCommand command, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (command is QueueJob queue)
            return Jobs.ContainsKey(queue.RunId) ? (JobReply.Duplicate, []) : (JobReply.Accepted, [new JobQueued(queue.Job, queue.Target, NextOrder, now, null, 0)]);
        if (!Jobs.TryGetValue(command.RunId, out var entry)) return (JobReply.Unknown, []);
        return command switch
        {
            LeaseJob c when entry.Stage == JobStage.Queued && (entry.Target == c.Runner || entry.Target == RunnerId.Any) =>
                (JobReply.Accepted, [new JobLeased(c.RunId, c.Runner, c.DropsPerRun, now)]),
            ConfirmLease c => DecideConfirm(entry, c, now),
            ReturnJob c when entry.Stage == JobStage.Leased && entry.Attempt == c.Attempt => entry.Attempt < MaxDeliveries
                ? (JobReply.Accepted, [new JobReturned(c.RunId, c.Reason, now)])
                : (JobReply.Accepted, [new RunEnding(c.RunId, $"not picked up: handed out {entry.Attempt} times without a sign of life ({c.Reason})", now)]),
            LoseRun c when entry.Stage == JobStage.Confirmed => (JobReply.Accepted, [new RunEnding(c.RunId, $"runner lost: {c.Reason}", now), .. Again(entry, c.RetryRunId, now)]),
            RetryJob c when entry.Stage is JobStage.Leased or JobStage.Confirmed => (JobReply.Accepted, [new JobForgotten(c.RunId), .. Again(entry, c.RetryRunId, now)]),
            FinishJob c => (JobReply.Accepted, [new JobForgotten(c.RunId)]),
            _ => (JobReply.NotApplicable, []),
        };
    }

    /// <summary>How a fact changes the state. Total and deterministic, because recovery replays it.</summary>
    public JobQueueState Apply(IJobEvent fact)
    {
        ArgumentNullException.ThrowIfNull(fact);
        if (fact is JobQueued queued)
        {
            var waiting = new JobEntry(queued.Job, queued.Target, queued.Order, JobStage.Queued, 0, null, false, queued.At, queued.At, queued.RetryOf, queued.Retry, "");
            return With(waiting) with { NextOrder = Math.Max(NextOrder, queued.Order + 1) };
        }

        if (!Jobs.TryGetValue(fact.RunId, out var entry)) return this;
        return fact switch
        {
            JobLeased e => With(entry with { Stage = JobStage.Leased, Attempt = entry.Attempt + 1, Runner = e.Runner, DropsPerRun = e.DropsPerRun, Since = e.At }),
            LeaseConfirmed e => With(entry with { Stage = JobStage.Confirmed, Runner = e.Runner, Since = e.At }),
            JobReturned e => With(entry with { Stage = JobStage.Queued, Since = e.At, Reason = e.Reason }),
            RunEnding e => With(entry with { Stage = JobStage.Ending, Since = e.At, Reason = e.Reason }),
            JobForgotten => Without(entry),
            _ => throw new InvalidOperationException($"The job queue does not know the event {fact.GetType().Name}."),
        };
    }

    private static (JobReply, ImmutableArray<IJobEvent>) DecideConfirm(JobEntry entry, ConfirmLease command, DateTimeOffset now)
    {
        var holds = entry.Runner is { } runner && (command.Runner is null || command.Runner == runner);
        return entry.Stage switch
        {
            JobStage.Leased when holds => (JobReply.Accepted, [new LeaseConfirmed(entry.Job.RunId, entry.Runner!.Value, now)]),
            // The lease had run out but nobody else has the job yet: better late than twice.
            JobStage.Queued when holds => (JobReply.Accepted, [new LeaseConfirmed(entry.Job.RunId, entry.Runner!.Value, now)]),
            JobStage.Confirmed when holds => (JobReply.Accepted, []),
            _ => (JobReply.NotApplicable, []),
        };
    }

    // The new run keeps the place of the old one, so a lost run does not wait behind everything queued since. Its id is new, so late batches
    // of the old run can never mix with its own.
    private static IEnumerable<IJobEvent> Again(JobEntry lost, RunId retryRunId, DateTimeOffset now) => lost.Retry + 1 < MaxRuns
        ? [new JobQueued(lost.Job with { RunId = retryRunId }, lost.Target, lost.Order, now, lost.Job.RunId, lost.Retry + 1)]
        : [];

    private JobQueueState With(JobEntry entry)
    {
        var state = Jobs.TryGetValue(entry.Job.RunId, out var old) && old.Stage == JobStage.Queued ? Unqueue(old) : this;
        state = state with { Jobs = state.Jobs.SetItem(entry.Job.RunId, entry) };
        if (entry.Stage != JobStage.Queued) return state;
        var queue = state.Waiting.GetValueOrDefault(entry.Target, NoneWaiting);
        return state with { Waiting = state.Waiting.SetItem(entry.Target, queue.SetItem(entry.Order, entry.Job.RunId)) };
    }

    private JobQueueState Without(JobEntry entry)
    {
        var state = entry.Stage == JobStage.Queued ? Unqueue(entry) : this;
        return state with { Jobs = state.Jobs.Remove(entry.Job.RunId) };
    }

    private JobQueueState Unqueue(JobEntry entry)
    {
        var queue = Waiting.GetValueOrDefault(entry.Target, NoneWaiting).Remove(entry.Order);
        return this with { Waiting = queue.IsEmpty ? Waiting.Remove(entry.Target) : Waiting.SetItem(entry.Target, queue) };
    }
}
