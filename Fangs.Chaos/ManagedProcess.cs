using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Fangs.Chaos;

/// <summary>A process that can be killed, stopped and started again; its output goes to a file.</summary>
internal sealed partial class ManagedProcess(string name, string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, string log) : IDisposable
{
    private const int Terminate = 15, Continue = 18, Stop = 19;
    private const string Script = "exec setsid \"$0\" \"$@\" >> \"$FANGS_CHAOS_LOG\" 2>&1"; // a session of its own: Ctrl-C is not for it
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _restarting = new(1, 1);
    private Process? _process;
    private int _stops;

    public string Name => name;

    public string Log => log;

    /// <summary>True from a start until it is told to end.</summary>
    public bool ShouldRun { get; private set; }

    public bool HasEnded => _process is not { HasExited: false };

    public int ExitCode => _process!.ExitCode;

    public void Start()
    {
        _process?.Dispose();
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, program, .. arguments]) { Environment = { ["FANGS_CHAOS_LOG"] = log } };
        foreach (var (key, value) in environment) start.Environment[key] = value;
        _process = Process.Start(start)!;
        _stops = 0;
        ShouldRun = true;
    }

    /// <summary>SIGKILL, and waits for its end.</summary>
    public async Task KillAsync()
    {
        ShouldRun = false;
        if (_process is not { HasExited: false } process) return;
        process.Kill();
        await process.WaitForExitAsync().WaitAsync(EndsWithin);
    }

    /// <summary>SIGKILL, and a new start. One restart at a time.</summary>
    public async Task RestartAsync(Action whenDead)
    {
        await _restarting.WaitAsync();
        try
        {
            await KillAsync();
            whenDead();
            Start();
        }
        finally
        {
            _restarting.Release();
        }
    }

    /// <summary>SIGTERM, and waits for its end.</summary>
    /// <returns>The exit code; null when it did not end.</returns>
    public async Task<int?> TerminateAsync()
    {
        ShouldRun = false;
        if (_process is not { } process) return null;
        if (!process.HasExited) _ = Kill(process.Id, Terminate);
        try
        {
            await process.WaitForExitAsync().WaitAsync(EndsWithin);
            return process.ExitCode;
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    /// <summary>SIGSTOP for a while; SIGCONT when that is over or given up. Stops nest.</summary>
    public async Task StopForAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        var process = _process;
        if (process is not { HasExited: false }) return;
        Interlocked.Increment(ref _stops);
        _ = Kill(process.Id, Stop);
        await Task.Delay(time, TimeProvider.System, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (ReferenceEquals(process, _process) && !process.HasExited && Interlocked.Decrement(ref _stops) == 0) _ = Kill(process.Id, Continue);
    }

    public void Dispose()
    {
        _process?.Dispose();
        _restarting.Dispose();
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{name} (process {(_process is { } p ? p.Id : 0)})");

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
