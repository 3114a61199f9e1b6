using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.EndToEnd;

/// <summary>The real executable as a child process. Disposing kills it, should it still run.</summary>
internal sealed class FangsProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly StringBuilder _log = new();
    private readonly Process _process;

    private FangsProcess(string[] arguments, string directory = "")
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "fangs"), arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = directory,
            },
        };
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Id of the process.</summary>
    internal int Id => _process.Id;

    /// <summary>What it has printed so far.</summary>
    internal string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    internal static FangsProcess Start(params string[] arguments) => new(arguments);

    /// <summary>Starts an orchestrator and returns when it serves.</summary>
    internal static Task<(FangsProcess Process, Uri Address)> StartOrchestratorAsync(string database, params string[] more) =>
        ServingAsync(address => Start(["orchestrator", "-addr", address.Authority, "-sqlite-path", database, .. more]));

    /// <summary>Starts an orchestrator in a working directory and returns when it serves.</summary>
    internal static Task<(FangsProcess Process, Uri Address)> StartOrchestratorAsync(DirectoryInfo directory, params string[] more) =>
        ServingAsync(address => new FangsProcess(["orchestrator", "-addr", address.Authority, .. more], directory.FullName));

    private static async Task<(FangsProcess Process, Uri Address)> ServingAsync(Func<Uri, FangsProcess> start)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        var process = start(address);
        using var http = new HttpClient { BaseAddress = address };
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                if ((await http.GetAsync("/v1/health", limit.Token)).IsSuccessStatusCode) return (process, address);
            }
            catch (HttpRequestException) when (!process._process.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                await process.DisposeAsync();
                throw new InvalidOperationException($"the orchestrator does not serve: {process.Log}", e);
            }
        }
    }

    /// <summary>Whether it has ended.</summary>
    internal bool HasExited => _process.HasExited;

    /// <summary>SIGKILL: it cannot clean up.</summary>
    internal async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Patience);
    }

    /// <summary>SIGTERM.</summary>
    /// <returns>The exit code.</returns>
    internal async Task<int> TerminateAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        var sent = await CommandLine.RunAsync("/bin/sh", ["-c", "kill -TERM \"$0\"", _process.Id.ToString(CultureInfo.InvariantCulture)], limit.Token);
        Assert.True(sent.ExitCode == 0, sent.Error);
        return await ExitAsync();
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code.</returns>
    internal async Task<int> ExitAsync()
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Patience);
            return _process.ExitCode;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"still runs after {Patience.TotalSeconds} s: {Log}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_log) _log.AppendLine(line.Data);
    }
}
