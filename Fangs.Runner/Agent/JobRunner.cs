using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Agent;

/// <summary>Does one job from its check to the delivery of its result. Whatever goes wrong ends in a result with a reason.</summary>
internal sealed class JobRunner(
    RunnerSettings settings,
    ISensor sensor,
    ISandboxDriver driver,
    OrchestratorClient client,
    RunnerState state,
    ILoggerFactory logs,
    TimeProvider time)
{
    private const string ShuttingDown = "runner shutting down";
    private static readonly Dictionary<string, long> NoEvents = [];

    private readonly AgentTimings _timings = settings.Timings;
    private readonly ILogger _log = logs.CreateLogger<JobRunner>();
    private readonly ResultReporter _results = new(client, settings.Timings, logs, time);

    /// <summary>Does a job and delivers its result. Throws nothing.</summary>
    /// <param name="job">The job, as untrusted as the network it came from.</param>
    /// <param name="stop">The runner stops: interrupts the job and reports that.</param>
    /// <param name="abort">Gives up even the report.</param>
    public async Task RunAsync(Job job, CancellationToken stop, CancellationToken abort)
    {
        if (job.RunId.IsEmpty)
        {
            _log.JobHasNoRun();
            return;
        }

        using var scope = _log.OfRun(job.RunId);
        using var span = Traces.Job(job, settings.RunnerId);
        using var active = state.TryBegin(job.RunId);
        if (active is null)
        {
            _log.JobIsTwice();
            return;
        }

        var started = time.GetTimestamp();
        _log.JobStarts(Words.OneLine(job.Kind ?? "", 64), Words.OneLine(job.PackageName ?? "", 214), Words.OneLine(job.Version ?? "", 128));
        var report = new JobReport();
        try
        {
            await ExecuteAsync(job, active, report, stop, abort);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            report.Interrupted(ShuttingDown);
        }
        catch (SandboxException e)
        {
            report.Failed(e.Message);
        }
        catch (Exception e)
        {
            _log.JobBroke(e);
            report.Failed($"the runner could not do the job: {e.Message}");
        }

        var result = report.ToResult(job.RunId, time.GetElapsedTime(started));
        if (result.Status != ResultStatus.Ok) span?.SetStatus(System.Diagnostics.ActivityStatusCode.Error, result.Reason);
        await DeliverAsync(result, abort);
    }

    /// <summary>Reports a job that could not even be read.</summary>
    public async Task RefuseAsync(RunId run, string reason, CancellationToken abort)
    {
        using var scope = _log.OfRun(run);
        var report = new JobReport();
        report.Failed(reason);
        await DeliverAsync(report.ToResult(run, TimeSpan.Zero), abort);
    }

    private async Task DeliverAsync(ResultRequest result, CancellationToken abort)
    {
        await _results.DeliverAsync(result, abort);
        _log.JobEnds(result.Status, Words.OneLine(result.Reason ?? "", 500), result.EventsEmitted, result.EventsDropped);
    }

    private async Task ExecuteAsync(Job job, RunnerState.ActiveRun active, JobReport report, CancellationToken stop, CancellationToken abort)
    {
        stop.ThrowIfCancellationRequested();
        var (plan, reason) = JobPlan.Make(job, _timings);
        if (plan is null)
        {
            report.Failed(reason);
            return;
        }

        if (!plan.NeedsSandbox)
        {
            await RecordAsync(plan, plan.CgroupPath, plan.WatchedPaths, active, report, (_, ct) => WatchAsync(plan, report, ct), stop, abort);
            return;
        }

        var sandbox = await CreateSandboxAsync(job, stop);
        try
        {
            await RecordAsync(
                plan, sandbox.CgroupPath, [.. plan.WatchedPaths, .. sandbox.WatchedPaths], active, report, (recording, ct) => InstallAsync(plan, sandbox, recording, report, ct), stop, abort);
        }
        finally
        {
            await RemoveAsync(sandbox, report, abort);
        }
    }

    private async Task<ISandbox> CreateSandboxAsync(Job job, CancellationToken stop)
    {
        using var span = Traces.Step("create");
        using var elapsed = new CancellationTokenSource(_timings.SandboxSetup, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, elapsed.Token);
        try
        {
            return await driver.CreateAsync(job, either.Token);
        }
        catch (OperationCanceledException) when (elapsed.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new SandboxException($"the sandbox was not ready within {Words.Of(_timings.SandboxSetup)}");
        }
    }

    // Arms the sensor, does the work, and sends what was recorded however the work ended.
    private async Task RecordAsync(
        JobPlan plan,
        string cgroup,
        IReadOnlyList<WatchedPath> watched,
        RunnerState.ActiveRun active,
        JobReport report,
        Func<Recording, CancellationToken, Task> work,
        CancellationToken stop,
        CancellationToken abort)
    {
        var session = sensor.Arm(new SensorTarget(plan.Job.RunId, cgroup, watched, plan.NeedsSandbox));
        active.Streamer = EventStreamer.Start(plan.Job.RunId, session.Events, client, settings, logs, time);
        await using var recording = new Recording(session, active.Streamer, _timings, _log, time);
        try
        {
            await work(recording, stop);
        }
        finally
        {
            var budget = stop.IsCancellationRequested ? _timings.InterruptedFlushBudget : _timings.FlushBudget;
            report.Totals = await recording.FinishAsync(budget, abort);
            if (report.Totals.Fault is { } fault) report.Spoilt($"the recording broke: {fault}");
        }
    }

    private async Task WatchAsync(JobPlan plan, JobReport report, CancellationToken stop)
    {
        await Task.Delay(plan.Duration, time, stop);
        report.Done();
    }

    private async Task InstallAsync(JobPlan plan, ISandbox sandbox, Recording recording, JobReport report, CancellationToken stop)
    {
        using var deadline = new CancellationTokenSource(plan.Duration, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop, deadline.Token);
        try
        {
            report.Outcome = await KillableAsync(sandbox.RunAsync(recording.ExpectPhase, ended.Token), ended.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            var limits = sandbox.LimitsHit is { Length: > 0 } hit ? $"; {hit}" : "";
            report.TimedOut($"did not finish within {Words.Of(plan.Duration)} ({recording.Where}){limits}");
            return;
        }

        if (report.Outcome.FailureReason is { } reason) report.Failed(reason);
        else if (report.Outcome.ExitCode != 0) report.Failed($"ended with status {report.Outcome.ExitCode} ({recording.Where})");
        else report.Done();

        // What the package left running is recorded a little longer.
        if (plan.GracePeriod > TimeSpan.Zero) await Task.Delay(plan.GracePeriod, time, stop);
    }

    // A sandbox that is told to end gets a while to do so; then the job goes on without it, and removing it is the last resort.
    private async Task<SandboxOutcome> KillableAsync(Task<SandboxOutcome> running, CancellationToken ended)
    {
        using var overdue = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var timer = ended.Register(() => overdue.CancelAfter(_timings.SandboxKill));
        try
        {
            return await running.WaitAsync(overdue.Token);
        }
        catch (OperationCanceledException) when (overdue.IsCancellationRequested && !running.IsCompleted)
        {
            _log.SandboxLingers(Words.Of(_timings.SandboxKill));
            throw;
        }
    }

    private async Task RemoveAsync(ISandbox sandbox, JobReport report, CancellationToken abort)
    {
        using var elapsed = new CancellationTokenSource(_timings.SandboxKill, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(abort, elapsed.Token);
        try
        {
            try
            {
                report.OutputTail = sandbox.OutputTail;
            }
            finally
            {
                await sandbox.DisposeAsync().AsTask().WaitAsync(either.Token);
            }
        }
        catch (Exception e)
        {
            _log.SandboxRemains(e);
        }
    }

    /// <summary>Collects what the result will say.</summary>
    private sealed class JobReport
    {
        private string _status = ResultStatus.Failed;
        private string? _reason = "the job ended without a verdict";
        private bool _isInterrupted;

        public SandboxOutcome? Outcome { get; set; }

        public string? OutputTail { get; set; }

        public RecordingTotals? Totals { get; set; }

        public void Done() => (_status, _reason) = (ResultStatus.Ok, null);

        public void Failed(string reason) => (_status, _reason) = (ResultStatus.Failed, reason);

        /// <summary>What looked well is not; what failed anyhow keeps its reason.</summary>
        public void Spoilt(string reason)
        {
            if (_status == ResultStatus.Ok) Failed(reason);
        }

        public void TimedOut(string reason) => (_status, _reason) = (ResultStatus.Timeout, reason);

        public void Interrupted(string reason)
        {
            Failed(reason);
            _isInterrupted = true;
        }

        public ResultRequest ToResult(RunId run, TimeSpan duration) => new()
        {
            RunId = run,
            Status = _status,
            Reason = _reason,
            EventsEmitted = Totals?.Stream.Acknowledged ?? 0,
            EventsDropped = (Totals?.SensorLost ?? 0) + (ulong)(Totals?.Stream.Lost ?? 0),
            Duration = Nanoseconds.From(duration),
            Details = new ResultDetails
            {
                NpmExit = Outcome?.ExitCode,
                OutputTail = OutputTail,
                NodeVersion = Outcome?.NodeVersion,
                NpmVersion = Outcome?.NpmVersion,
                ImageDigest = Outcome?.ImageDigest,
                Integrity = Outcome?.Integrity,
                EventsByPhase = Totals?.Stream.ByPhase ?? NoEvents,
                Interrupted = _isInterrupted,
            },
        };
    }
}
