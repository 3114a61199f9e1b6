using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runs;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Watching;

/// <summary>Where the watcher's scans go.</summary>
public interface IScanQueue
{
    /// <summary>Queues a job for any runner. Returns when the job and its run are durable.</summary>
    /// <exception cref="ScanQueueException">It is not known whether they are.</exception>
    Task QueueAsync(Job job);

    /// <summary>Which of these runs exist or have a job in the queue.</summary>
    /// <exception cref="ScanQueueException">That cannot be found out now.</exception>
    Task<IReadOnlySet<RunId>> KnownAsync(IReadOnlyList<RunId> runs);
}

/// <summary>The job queue does not answer. What was asked of it may have been done.</summary>
public sealed class ScanQueueException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ScanQueueException(string message) : base(message) { }

    /// <summary>Creates the exception with its cause.</summary>
    public ScanQueueException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>The job dispatcher and the runs as seen by the watcher.</summary>
/// <remarks>Asks, because the dispatcher's refusals do not say whose job they are about; the temporary actor of each question does.</remarks>
public sealed class ScanQueue(IActorRef dispatcher, IActorRef runActors, TimeSpan limit) : IScanQueue
{
    /// <inheritdoc/>
    public async Task QueueAsync(Job job)
    {
        ArgumentNullException.ThrowIfNull(job);
        switch (await AskAsync(dispatcher, new QueueJob(job, RunnerId.Any)))
        {
            case ScanAccepted:
            case ScanRejected: // the run id is in use, and nobody but us has it: the job was queued before
                return;
            case DispatcherUnavailable:
                throw new ScanQueueException("the job queue cannot be stored at the moment");
            case Status.Failure failure:
                throw new ScanQueueException($"the job queue failed: {failure.Cause.Message}", failure.Cause);
            case var other:
                throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to a scan.");
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlySet<RunId>> KnownAsync(IReadOnlyList<RunId> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        // In this order: a job leaves the queue only after its run is in the table, so what is in neither was never there.
        var jobs = await AskAsync(dispatcher, GetJobs.Instance) as JobList ?? throw new ScanQueueException("the job queue is being recovered");
        var known = jobs.Jobs.Select(j => j.Job.RunId).Where(runs.Contains).ToHashSet();
        foreach (var id in runs.Where(id => !known.Contains(id)))
        {
            switch (await AskAsync(runActors, new GetRun(id)))
            {
                case RunFound:
                    known.Add(id);
                    break;
                case RunNotFound:
                    break;
                case Status.Failure failure:
                    throw new ScanQueueException($"run {id} cannot be read: {failure.Cause.Message}", failure.Cause);
                case var other:
                    throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to a question for a run.");
            }
        }

        return known;
    }

    private async Task<object> AskAsync(IActorRef actor, object question)
    {
        try
        {
            return await actor.Ask<object>(question, limit);
        }
        catch (AskTimeoutException e)
        {
            throw new ScanQueueException("the job queue does not answer", e);
        }
        catch (StorageException e)
        {
            throw new ScanQueueException(e.Message, e);
        }
    }
}
