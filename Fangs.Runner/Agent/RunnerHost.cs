using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Agent;

/// <summary>A whole runner: checks the host, sweeps, registers, and works until it is told to stop.</summary>
public static class RunnerHost
{
    private const string KernelRelease = "/proc/sys/kernel/osrelease";

    /// <summary>Runs a runner.</summary>
    /// <param name="settings">What the operator has set.</param>
    /// <param name="sensor">A loaded sensor. Stays the caller's to dispose.</param>
    /// <param name="driver">The sandbox driver.</param>
    /// <param name="logs">Where the log lines go.</param>
    /// <param name="time">The clock of every wait and limit.</param>
    /// <param name="stop">Tells the runner to stop: jobs in progress are killed and reported as interrupted.</param>
    /// <returns>0 after a stop that was asked for; 1 when something needed is missing, which the log says, or when the runner broke.</returns>
    public static async Task<int> RunAsync(
        RunnerSettings settings, ISensor sensor, ISandboxDriver driver, ILoggerFactory logs, TimeProvider time, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(driver);
        var log = logs.CreateLogger(typeof(RunnerHost).FullName!);
        try
        {
            if (await FindFaultsAsync(settings, driver, stop) is { Count: > 0 } faults)
            {
                foreach (var fault in faults) log.CannotStart(fault);
                return 1;
            }

            await SweepAsync(driver, log, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }

        OrchestratorClient client;
        try
        {
            client = new OrchestratorClient(settings, time);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            log.CannotStart($"the TLS files cannot be used: {e.Message}");
            return 1;
        }

        using (client) return await WorkAsync(settings, sensor, driver, client, logs, log, time, stop);
    }

    private static async Task<IReadOnlyList<string>> FindFaultsAsync(RunnerSettings settings, ISandboxDriver driver, CancellationToken stop) =>
        settings.Validate() is { Count: > 0 } faults ? faults : await driver.ProbeAsync(stop);

    private static async Task SweepAsync(ISandboxDriver driver, ILogger log, CancellationToken stop)
    {
        try
        {
            foreach (var removed in await driver.SweepAsync(stop)) log.IsSwept(removed);
        }
        catch (SandboxException e)
        {
            log.SweepFailed(e.Message); // leftovers cannot reach new runs: those have cgroups and names of their own
        }
    }

    private static async Task<int> WorkAsync(
        RunnerSettings settings,
        ISensor sensor,
        ISandboxDriver driver,
        OrchestratorClient client,
        ILoggerFactory logs,
        ILogger log,
        TimeProvider time,
        CancellationToken stop)
    {
        var request = Introduce(settings, driver);
        log.IsStarting(settings.RunnerId.Value, settings.Slots, request.Instance!, settings.Orchestrator);
        var state = new RunnerState();
        var registration = new Registration(client, request, state, settings.Timings, logs, time);
        var heartbeat = new HeartbeatLoop(client, registration, state, settings.RunnerId, logs, time);
        var jobs = new JobRunner(settings, sensor, driver, client, state, logs, time);
        var polls = new PollLoop(client, registration, jobs, settings.Timings, logs, time);

        using var broken = CancellationTokenSource.CreateLinkedTokenSource(stop); // a loop that breaks stops the others like an operator does
        using var abort = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var lifetime = new CancellationTokenSource(); // registration and heartbeats go on while interrupted jobs are reported
        await using var stopping = broken.Token.Register(() => abort.CancelAfter(settings.Timings.ShutdownBudget));

        Task[] background = [registration.RunAsync(lifetime.Token), heartbeat.RunAsync(lifetime.Token)];
        Task[] slots = [.. Enumerable.Range(0, settings.Slots).Select(_ => polls.RunAsync(broken.Token, abort.Token))];
        var farewell = FarewellAsync(heartbeat, state, settings.Timings, log, time, broken.Token);

        var code = await Task.WhenAny([.. background, Task.WhenAll(slots), .. slots]) is { IsFaulted: true } ? 1 : 0;
        await broken.CancelAsync();
        var rest = Task.WhenAll([.. slots, farewell]);
        await rest.WaitAsync(abort.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!rest.IsCompleted) log.StopCutShort();
        // Looked at before the last loops are cancelled: a call that is cut short then may fail in any way, which breaks nothing.
        var brokenLoops = background.Concat(slots).Where(loop => loop.IsFaulted).ToArray();
        await lifetime.CancelAsync();
        await Task.WhenAll(background).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var loop in brokenLoops)
        {
            log.LoopBroke(loop.Exception!.GetBaseException());
            code = 1;
        }

        return code;
    }

    private static async Task FarewellAsync(
        HeartbeatLoop heartbeat, RunnerState state, AgentTimings timings, ILogger log, TimeProvider time, CancellationToken stop)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        log.IsStopping();
        state.Drain();
        using var limit = new CancellationTokenSource(timings.FarewellTimeout, time);
        await heartbeat.BeatOnceAsync(limit.Token);
    }

    private static RegisterRequest Introduce(RunnerSettings settings, ISandboxDriver driver) => new()
    {
        RunnerId = settings.RunnerId.Value,
        Hostname = Dns.GetHostName(),
        Capabilities =
        [
            Capability.Sensor,
            driver.Capability,
            Capability.DropsPerRun,
            Capability.SlotsPrefix + settings.Slots.ToString(CultureInfo.InvariantCulture),
        ],
        KernelVersion = File.Exists(KernelRelease) ? File.ReadAllText(KernelRelease).Trim() : Environment.OSVersion.VersionString,
        ProtoVersion = RegisterRequest.CurrentProtoVersion,
        Instance = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
    };
}
