using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Fangs.Cli.Up;

/// <summary>One part of <c>fangs up</c>: this executable again, as a child that writes its log to a file.</summary>
public sealed class ChildPart : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);
    private readonly Process _process;
    private readonly TimeProvider _clock;
    private readonly long _logStart;

    private ChildPart(string name, string logFile, long logStart, Process process, TimeProvider clock) =>
        (Name, LogFile, _logStart, _process, _clock) = (name, logFile, logStart, process, clock);

    /// <summary>What it is called in messages.</summary>
    public string Name { get; }

    /// <summary>Where it logs.</summary>
    public string LogFile { get; }

    /// <summary>Process id.</summary>
    public int Pid => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Starts a part.</summary>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="logFile">File that its output is appended to.</param>
    /// <param name="arguments">Arguments of this executable.</param>
    /// <param name="clock">Times its end.</param>
    public static ChildPart Start(string name, string logFile, IReadOnlyList<string> arguments, TimeProvider clock)
    {
        var logStart = File.Exists(logFile) ? new FileInfo(logFile).Length : 0;
        // The shell opens the log and then becomes the part: no pump in between that could lose the last words.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh", logFile, .. OwnCommand(), .. arguments])
        {
            RedirectStandardInput = true,
        };
        start.Environment[Supervision.Variable] = "1";
        return new ChildPart(name, logFile, logStart, Process.Start(start)!, clock);
    }

    /// <summary>Completes when it ends.</summary>
    public Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <summary>An error that tells how it ended and what it logged last.</summary>
    public CliException Ended()
    {
        var tail = string.Join('\n', Tail(12).Select(line => "  " + TerminalText.Cut(line, 300)));
        return new CliException($"the {Name} ended with status {_process.ExitCode}; the end of {LogFile}:\n{tail}");
    }

    /// <summary>Asks it to end, waits, and kills it should it not.</summary>
    /// <returns>False when it had to be killed.</returns>
    public async Task<bool> StopAsync()
    {
        if (_process.HasExited) return true;
        _ = Signal(_process.Id, Terminate);
        using var limit = new CancellationTokenSource(Grace, _clock);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
            return false;
        }
    }

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    private static string[] OwnCommand()
    {
        var host = Environment.ProcessPath ?? throw new CliException("the path of this executable is unknown");
        var library = Path.Combine(AppContext.BaseDirectory, "fangs.dll");
        return Path.GetFileNameWithoutExtension(host) == "fangs" ? [host] : [host, library];
    }

    private IEnumerable<string> Tail(int lines)
    {
        try
        {
            using var log = new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            log.Position = Math.Max(_logStart, log.Length - 16_384);
            using var reader = new StreamReader(log, Encoding.UTF8);
            return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(lines);
        }
        catch (IOException)
        {
            return [];
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int pid, int signal);
}
