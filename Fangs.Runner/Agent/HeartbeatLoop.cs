using System.Net;
using Fangs.Protocol;
using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Agent;

/// <summary>Tells the orchestrator that the runner lives and which runs it has: every interval, and at once when that changes.</summary>
/// <remarks>The prompt heartbeat at the start of a run is its first sign of life: it confirms the lease.</remarks>
internal sealed class HeartbeatLoop(
    OrchestratorClient client, Registration registration, RunnerState state, RunnerId runner, ILoggerFactory logs, TimeProvider time)
{
    private readonly ILogger _log = logs.CreateLogger<HeartbeatLoop>();

    /// <summary>The loop.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var last = 0L;
        while (true)
        {
            var current = await registration.CurrentAsync(cancellationToken);
            var since = Math.Max(last, current.At);
            await state.Changed.WaitAsync(current.HeartbeatInterval - time.GetElapsedTime(since), time, cancellationToken);
            last = time.GetTimestamp();
            await BeatAsync(current, cancellationToken);
        }
    }

    /// <summary>Sends one heartbeat outside the rhythm. A failure is logged.</summary>
    public async Task BeatOnceAsync(CancellationToken cancellationToken)
    {
        try
        {
            await client.HeartbeatAsync(state.Describe(runner), cancellationToken);
        }
        catch (Exception e) when (e is OrchestratorException or OperationCanceledException)
        {
            _log.HeartbeatFailed(e.Message);
        }
    }

    private async Task BeatAsync(Registered current, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await client.HeartbeatAsync(state.Describe(runner), cancellationToken);
            if (answer.UnknownRunner) Renew(current);
        }
        catch (OrchestratorException e) when (e.Status == HttpStatusCode.NotFound)
        {
            Renew(current);
        }
        catch (OrchestratorException e)
        {
            _log.HeartbeatFailed(e.Message);
        }
    }

    private void Renew(Registered current)
    {
        _log.IsForgotten("heartbeat");
        registration.Renew(current);
    }
}
