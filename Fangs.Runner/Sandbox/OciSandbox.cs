using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Fangs.Protocol;
using Fangs.Runner.Sandbox.Network;

namespace Fangs.Runner.Sandbox;

/// <summary>One container of the <c>oci</c> driver, with its cgroup, its gateway and its directory.</summary>
/// <remarks>Process 1 takes one step at a time from its standard input and reports its status; the package cannot reach either pipe.</remarks>
internal sealed class OciSandbox : ISandbox
{
    private const int Killed = 137; // 128 + SIGKILL
    private static readonly TimeSpan OutputWindow = TimeSpan.FromSeconds(2);

    private readonly SandboxPlan _plan;
    private readonly Toolchain _toolchain;
    private readonly SandboxCgroup _cgroup;
    private readonly Runc _runc;
    private readonly TimeProvider _clock;
    private readonly Func<OciSandbox, Task> _remove;
    private readonly Process _process;
    private readonly int _firstProcess;
    private readonly OutputTail _output;
    private readonly CancellationTokenSource _disposed = new();
    private readonly Task _reading;
    private int _isDisposed;

    internal OciSandbox(
        SandboxPlan plan, Toolchain toolchain, SandboxCgroup cgroup, Runc runc, Gateway gateway, Process process, int firstProcess, TimeProvider clock, Func<OciSandbox, Task> remove)
    {
        (_plan, _toolchain, _cgroup, _runc, _process, _firstProcess, _clock, _remove) = (plan, toolchain, cgroup, runc, process, firstProcess, clock, remove);
        Gateway = gateway;
        _output = new OutputTail(plan.Limits.OutputBytes, exceeded: cgroup.Kill);
        WatchedPaths = RootFileSystem.Watched(plan);
        _reading = _output.ReadAsync(process.StandardError.BaseStream, _disposed.Token);
    }

    public string CgroupPath => _cgroup.Path;

    public IReadOnlyList<WatchedPath> WatchedPaths { get; }

    public string OutputTail => _output.Text;

    public string LimitsHit => string.Join("; ", ((string[])
    [
        _cgroup.Exhaustion(),
        _output.IsExceeded ? $"more than {_plan.Limits.OutputBytes >> 20} MiB of output" : "",
        SandboxDisks.Exhaustion(_firstProcess, _plan, _output.Text),
    ]).Where(words => words.Length > 0));

    internal Gateway Gateway { get; }

    internal RunId Run => _plan.Run;

    internal SandboxCgroup Cgroup => _cgroup;

    public async Task<SandboxOutcome> RunAsync(Action<string, string> expectPhase, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(expectPhase);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
        // The kill closes the pipes, so that no wait below outlasts it.
        await using var deadline = cancellationToken.Register(_cgroup.Kill);
        try
        {
            // Announced while nothing runs yet: the sensor may decode the exec of process 1 at once, and tells roles only in a run with phases.
            var first = Announce(_plan.Package is null ? SandboxPlan.CommandPhase : SandboxPlan.InstallPhase, expectPhase);
            await _runc.StartAsync(_plan.Run.ToString(), cancellationToken);
            return await RunPhasesAsync(first, expectPhase, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            throw;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        _cgroup.Kill();
        await _remove(this);
        await _disposed.CancelAsync();
        await _reading;
        await _process.StandardError.BaseStream.DisposeAsync();
        _process.StandardOutput.Dispose();
        await CloseInputAsync();
        Reap(_firstProcess);
        _process.Dispose();
        _disposed.Dispose();
    }

    // The runtime has ended, so whoever adopts orphans reaps the container's first process; on small hosts that is this runner.
    private static unsafe void Reap(int process)
    {
        int status;
        _ = Native.WaitProcess(process, &status, Native.NoHang);
    }

    private async Task<SandboxOutcome> RunPhasesAsync(AnnouncedPhase first, Action<string, string> expectPhase, CancellationToken cancellationToken)
    {
        await MarkAsync(first, cancellationToken);
        if (_plan.Package is null)
        {
            var status = await StepAsync("command", cancellationToken);
            return Outcome(status ?? Killed, status is null ? Ended("command") : null);
        }

        var installed = await StepAsync("command", cancellationToken);
        if (installed is null) return Outcome(Killed, Ended("installation"));
        if (installed != 0) return Outcome(installed.Value, NpmFailure.Describe(installed.Value, _output.Text, LimitsHit));
        var record = NpmRecord.Read($"/proc/{_firstProcess}/root", _plan.Package, _plan.Version!);
        if (PackageIntegrity.Mismatch(_plan.Integrity, _plan.TarballSha1, record.Integrity) is { } difference)
        {
            // Not the release that was announced: what it does says nothing about that release.
            return Outcome(0, $"integrity mismatch: {difference}{(record.Fault is null ? "" : $" ({record.Fault})")}") with { Integrity = record.Integrity };
        }

        return await ImportAsync(expectPhase, cancellationToken) with { Integrity = record.Integrity };
    }

    private async Task<SandboxOutcome> ImportAsync(Action<string, string> expectPhase, CancellationToken cancellationToken)
    {
        await Gateway.IsolateAsync(); // from here on nothing has a reason to talk to the registry
        await MarkAsync(Announce(SandboxPlan.ImportPhase, expectPhase), cancellationToken);
        var imported = await StepAsync("import", cancellationToken);
        // The package's own errors are printed by the driver, which then ends with 0; anything else is the driver's own end.
        return imported switch
        {
            0 => Outcome(0, null),
            null => Outcome(0, Ended("import")),
            _ => Outcome(0, Explain($"the import phase ended with status {imported}")),
        };
    }

    /// <summary>A phase whose mark the sensor waits for.</summary>
    private readonly record struct AnnouncedPhase(string Phase, string Nonce);

    private static AnnouncedPhase Announce(string phase, Action<string, string> expectPhase)
    {
        var nonce = NewNonce();
        expectPhase(phase, nonce);
        return new AnnouncedPhase(phase, nonce);
    }

    private async Task MarkAsync(AnnouncedPhase next, CancellationToken cancellationToken)
    {
        if (await StepAsync("phase", next.Nonce, next.Phase, cancellationToken) is not 0) throw new SandboxException(Ended($"mark of the phase '{next.Phase}'"));
    }

    private Task<int?> StepAsync(string step, CancellationToken cancellationToken) => StepAsync(step, NewNonce(), "-", cancellationToken);

    // The status, or null when process 1 is gone.
    private async Task<int?> StepAsync(string step, string nonce, string argument, CancellationToken cancellationToken)
    {
        var written = _output.Expect(nonce);
        string? report;
        try
        {
            await _process.StandardInput.WriteAsync($"{step} {nonce} {argument}\n".AsMemory(), cancellationToken);
            await _process.StandardInput.FlushAsync(cancellationToken);
            report = await _process.StandardOutput.ReadLineAsync(cancellationToken);
        }
        catch (IOException)
        {
            report = null;
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (report is null) return null;
        // Output that others keep producing delays the mark, but not for ever.
        await written.WaitAsync(OutputWindow, _clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return report.Split(' ') is [var done, var status] && done == step && int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SandboxException($"Process 1 of the sandbox reported '{report}' for the step '{step}'.");
    }

    private SandboxOutcome Outcome(int exitCode, string? failure) => new(exitCode, failure, _toolchain.NodeVersion, _toolchain.NpmVersion, _toolchain.Digest);

    private string Ended(string what) => Explain($"the sandbox ended during the {what}");

    private string Explain(string text) => LimitsHit is { Length: > 0 } limits ? $"{text}: {limits}" : text;

    private async Task CloseInputAsync()
    {
        try
        {
            await _process.StandardInput.DisposeAsync();
        }
        catch (IOException)
        {
            // A step that nobody read any more.
        }
    }

    private static string NewNonce() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}
