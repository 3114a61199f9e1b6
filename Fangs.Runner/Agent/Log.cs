using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Agent;

/// <summary>Every log line of the agent.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Critical, "The runner cannot start: {Fault}")]
    public static partial void CannotStart(this ILogger log, string fault);

    [LoggerMessage(2, LogLevel.Information, "Removed what an earlier runner left behind: {What}")]
    public static partial void IsSwept(this ILogger log, string what);

    [LoggerMessage(3, LogLevel.Error, "What an earlier runner left behind could not be removed: {Message}")]
    public static partial void SweepFailed(this ILogger log, string message);

    [LoggerMessage(4, LogLevel.Information, "Runner {Runner} starts with {Slots} slots, instance {Instance}, orchestrator {Orchestrator}")]
    public static partial void IsStarting(this ILogger log, string runner, int slots, string instance, Uri orchestrator);

    [LoggerMessage(5, LogLevel.Information, "The runner stops: jobs in progress are interrupted and reported")]
    public static partial void IsStopping(this ILogger log);

    [LoggerMessage(6, LogLevel.Error, "The runner stopped before everything was reported")]
    public static partial void StopCutShort(this ILogger log);

    [LoggerMessage(7, LogLevel.Critical, "A loop of the runner broke")]
    public static partial void LoopBroke(this ILogger log, Exception e);

    [LoggerMessage(10, LogLevel.Information, "Registered as {Runner} with orchestrator {OrchestratorId}")]
    public static partial void IsRegistered(this ILogger log, string? runner, string orchestratorId);

    [LoggerMessage(11, LogLevel.Warning, "Registration failed, next try in {Delay}: {Message}")]
    public static partial void RegistrationFailed(this ILogger log, string message, TimeSpan delay);

    [LoggerMessage(12, LogLevel.Warning, "The orchestrator does not know this runner (answer to a {Call}): registering again")]
    public static partial void IsForgotten(this ILogger log, string call);

    [LoggerMessage(13, LogLevel.Warning, "Heartbeat failed: {Message}")]
    public static partial void HeartbeatFailed(this ILogger log, string message);

    [LoggerMessage(14, LogLevel.Warning, "Poll failed: {Message}")]
    public static partial void PollFailed(this ILogger log, string message);

    [LoggerMessage(20, LogLevel.Error, "The orchestrator handed out something that is not a job: {Fault}")]
    public static partial void JobIsUnreadable(this ILogger log, string fault);

    [LoggerMessage(21, LogLevel.Error, "The orchestrator handed out a job without a run id: it cannot be reported, so it is not done")]
    public static partial void JobHasNoRun(this ILogger log);

    [LoggerMessage(22, LogLevel.Warning, "The orchestrator handed out a run that is in progress here already: it is not done twice")]
    public static partial void JobIsTwice(this ILogger log);

    [LoggerMessage(23, LogLevel.Information, "Job starts: {Kind} {Package}@{Version}")]
    public static partial void JobStarts(this ILogger log, string kind, string package, string version);

    [LoggerMessage(24, LogLevel.Information, "Job ends: {Status} ({Reason}), {Emitted} events sent, {Dropped} lost")]
    public static partial void JobEnds(this ILogger log, string? status, string reason, long emitted, ulong dropped);

    [LoggerMessage(25, LogLevel.Error, "The job could not be done")]
    public static partial void JobBroke(this ILogger log, Exception e);

    [LoggerMessage(26, LogLevel.Warning, "The sandbox still runs {Limit} after it was told to end")]
    public static partial void SandboxLingers(this ILogger log, string limit);

    [LoggerMessage(27, LogLevel.Error, "The sandbox could not be removed; the sweep of the next start will try again")]
    public static partial void SandboxRemains(this ILogger log, Exception e);

    [LoggerMessage(28, LogLevel.Warning, "The sensor did not hand over everything within {Limit}")]
    public static partial void DrainCutShort(this ILogger log, string limit);

    [LoggerMessage(29, LogLevel.Error, "The recording could not be ended cleanly")]
    public static partial void RecordingBroke(this ILogger log, Exception e);

    [LoggerMessage(30, LogLevel.Warning, "Events were not accepted, next try in {Delay}: {Message}")]
    public static partial void EventsFailed(this ILogger log, string message, TimeSpan delay);

    [LoggerMessage(31, LogLevel.Error, "Batch {Seq} is lost with its {Count} events: {Message}")]
    public static partial void BatchLost(this ILogger log, ulong seq, int count, string message);

    [LoggerMessage(32, LogLevel.Error, "An event of {Bytes} bytes is lost: it is larger than a batch may be")]
    public static partial void EventTooLarge(this ILogger log, int bytes);

    [LoggerMessage(33, LogLevel.Error, "Not everything was sent within {Budget}: {Count} events are lost")]
    public static partial void FlushCutShort(this ILogger log, string budget, int count);

    [LoggerMessage(34, LogLevel.Error, "The stream of events broke")]
    public static partial void StreamBroke(this ILogger log, Exception e);

    [LoggerMessage(40, LogLevel.Warning, "The result was not accepted, next try in {Delay}: {Message}")]
    public static partial void ResultFailed(this ILogger log, string message, TimeSpan delay);

    [LoggerMessage(41, LogLevel.Error, "The result is given up: {Message}")]
    public static partial void ResultLost(this ILogger log, string message);

    /// <summary>Puts the run's id into the scope of every line until disposed.</summary>
    public static IDisposable? OfRun(this ILogger log, Protocol.RunId run) =>
        log.BeginScope(new KeyValuePair<string, object>[] { new("RunId", run.ToString()) });
}
