using System.Net;
using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Agent;

/// <summary>One slot: asks for a job, does it, asks again. As many loops as the runner has slots, so never more jobs than that.</summary>
internal sealed class PollLoop(
    OrchestratorClient client, Registration registration, JobRunner jobs, AgentTimings timings, ILoggerFactory logs, TimeProvider time)
{
    private readonly ILogger _log = logs.CreateLogger<PollLoop>();

    /// <summary>The loop. Returns when told to stop and the job in progress, if any, has been reported.</summary>
    /// <param name="stop">No more jobs; the one in progress is interrupted.</param>
    /// <param name="abort">Even its report is given up.</param>
    public async Task RunAsync(CancellationToken stop, CancellationToken abort)
    {
        try
        {
            while (!stop.IsCancellationRequested) await TurnAsync(stop, abort);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop while waiting: there is nothing to finish.
        }
    }

    private async Task TurnAsync(CancellationToken stop, CancellationToken abort)
    {
        var current = await registration.CurrentAsync(stop);
        var started = time.GetTimestamp();
        PolledJob polled;
        try
        {
            polled = await client.PollAsync(stop);
        }
        catch (OrchestratorException e) when (e.Status == HttpStatusCode.NotFound)
        {
            _log.IsForgotten("poll");
            // At once, unless that has just been tried: an orchestrator that forgets every registration must not be flooded with them.
            if (time.GetElapsedTime(current.At) < timings.PollErrorWait) await Task.Delay(timings.PollErrorWait, time, stop);
            registration.Renew(current);
            return;
        }
        catch (OrchestratorException e)
        {
            _log.PollFailed(e.Message);
            await Task.Delay(timings.PollErrorWait, time, stop);
            return;
        }

        if (polled.Job is { } job)
        {
            await jobs.RunAsync(job, stop, abort);
        }
        else if (polled.Fault is { } fault)
        {
            _log.JobIsUnreadable(fault);
            if (!polled.Run.IsEmpty) await jobs.RefuseAsync(polled.Run, "the runner cannot read the job: " + Words.OneLine(fault, 500), abort);
            await Task.Delay(timings.PollErrorWait, time, stop);
        }
        else if (current.PollInterval - time.GetElapsedTime(started) is var rest && rest > TimeSpan.Zero)
        {
            // The orchestrator did not hold the poll (it drains, or another poll took the place): do not spin.
            await Task.Delay(rest, time, stop);
        }
    }
}
