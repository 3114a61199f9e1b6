using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Fangs.Benchmarks.Load;

/// <summary>The real orchestrator as a process of its own, on a database file of its own, with the settings of production.</summary>
internal sealed partial class Orchestrator : IAsyncDisposable
{
    private const double TicksPerSecond = 100; // of /proc, on every Linux that .NET runs on
    private static readonly TimeSpan HealthyWithin = TimeSpan.FromSeconds(60), StoppedWithin = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly bool _ownsDirectory;
    private bool _hasStopped;

    private Orchestrator(Process process, string directory, bool ownsDirectory, int port, TimeSpan startedIn) =>
        (_process, Directory, _ownsDirectory, Port, StartedIn) = (process, directory, ownsDirectory, port, startedIn);

    public string Directory { get; }

    public int Port { get; }

    /// <summary>From the start of the process to the first answer of <c>/v1/health</c>.</summary>
    public TimeSpan StartedIn { get; }

    public string Database => DatabaseIn(Directory);

    /// <summary>Processor time that the process has used.</summary>
    public TimeSpan Cpu
    {
        get
        {
            var stat = File.ReadAllText($"/proc/{_process.Id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return TimeSpan.FromSeconds((long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond);
        }
    }

    /// <summary>Resident memory now, in MiB.</summary>
    public double Memory => Status("VmRSS");

    /// <summary>Most resident memory so far, in MiB.</summary>
    public double PeakMemory => Status("VmHWM");

    public static string DatabaseIn(string directory) => Path.Combine(directory, "fangs.db");

    /// <summary>Starts on a fresh database, or on the one in a directory.</summary>
    public static async Task<Orchestrator> StartAsync(LoadSettings settings, string? directory = null)
    {
        var ownsDirectory = directory is null;
        directory ??= System.IO.Directory.CreateTempSubdirectory("fangs-load-").FullName;
        var port = FreePort();
        var log = Path.Combine(directory, "log.txt");
        // Through a shell for the log only: a pipe would have to be read here, with the processor time of the measurement.
        var began = TimeProvider.System.GetTimestamp();
        var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\" > \"$LOG\" 2>&1",
            settings.Fangs, "orchestrator", "-addr", $"127.0.0.1:{port}", "-sqlite-path", DatabaseIn(directory), "-config", Path.Combine(directory, "none.yaml")])
        {
            Environment = { ["LOG"] = log },
        })!;
        using var limit = new CancellationTokenSource(HealthyWithin);
        while (!await IsHealthyAsync(port, limit.Token))
        {
            if (process.HasExited) throw new LoadException($"The orchestrator ended with {process.ExitCode}: {await File.ReadAllTextAsync(log, limit.Token)}");
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, limit.Token);
        }

        return new Orchestrator(process, directory, ownsDirectory, port, TimeProvider.System.GetElapsedTime(began));
    }

    public Task<HttpLine> ConnectAsync(CancellationToken cancellationToken) => HttpLine.ConnectAsync(Port, cancellationToken);

    /// <summary>Registers a runner.</summary>
    public static async Task RegisterAsync(HttpLine line, string runner, CancellationToken cancellationToken) =>
        Expect(200, await line.AskAsync(RegisterRequest(runner), cancellationToken));

    public static byte[] RegisterRequest(string runner) => HttpLine.Post("/v1/runners/register",
        $$"""{"runner_id":"{{runner}}","hostname":"load","capabilities":["sensor","drops.per-run"],"kernel_version":"6.1","proto_version":1}""");

    public static byte[] ScanRequest(string package, string version, string target = "*") => HttpLine.Post("/v1/scans",
        $$$"""{"target_runner":"{{{target}}}","Job":{"kind":"sensor_only","package_name":"{{{package}}}","version":"{{{version}}}","watched_paths":[{"prefix":"/etc/"},{"prefix":"/home/"}],"duration":60000000000}}""");

    /// <summary>Queues a scan and returns the id of its run.</summary>
    public static async Task<string> ScanAsync(HttpLine line, byte[] request, CancellationToken cancellationToken) =>
        RunIn(Expect(202, await line.AskAsync(request, cancellationToken)));

    /// <summary>Reports that a run ended well.</summary>
    public static async Task FinishAsync(HttpLine line, string run, long events, CancellationToken cancellationToken) => Expect(200, await line.AskAsync(HttpLine.Post(
        $"/v1/runs/{run}/result",
        $$"""{"run_id":{{EventLoad.Numbers(Convert.FromHexString(run))}},"status":"ok","events_emitted":{{events}},"events_dropped":0,"duration":1000000000}"""),
        cancellationToken));

    /// <summary>The id in the answer to a scan.</summary>
    public static string RunIn(HttpAnswer answer)
    {
        using var json = JsonDocument.Parse(answer.Body);
        return json.RootElement.GetProperty("run_id").GetString()!;
    }

    public static HttpAnswer Expect(int status, HttpAnswer answer) =>
        answer.Status == status ? answer : throw new LoadException($"Expected {status}, got {answer.Status}: {answer.Text}");

    /// <summary>Tells it to stop and waits for that. What it owes its clients is in the database then.</summary>
    public async Task StopAsync()
    {
        if (_hasStopped) return;
        _hasStopped = true;
        _ = Kill(_process.Id, 15);
        using var limit = new CancellationTokenSource(StoppedWithin);
        await _process.WaitForExitAsync(limit.Token);
        if (_process.ExitCode != 0) throw new LoadException($"The orchestrator ended with {_process.ExitCode}: {string.Join('\n', File.ReadLines(Path.Combine(Directory, "log.txt")).TakeLast(5))}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        SqliteConnection.ClearAllPools();
        if (_ownsDirectory) System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static async Task<bool> IsHealthyAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var line = await HttpLine.ConnectAsync(port, cancellationToken);
            return (await line.AskAsync(HttpLine.Get("/v1/health"), cancellationToken)).Status == 200;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    private double Status(string name) => long.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal),
        CultureInfo.InvariantCulture) / 1024.0;

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>The measurement does not count: what was promised was not kept, or something broke.</summary>
internal sealed class LoadException(string message) : Exception(message);
