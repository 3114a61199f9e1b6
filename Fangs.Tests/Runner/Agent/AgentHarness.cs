using System.Collections.Concurrent;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Runner.Agent;

/// <summary>A whole runner against the fake orchestrator, with a fake sensor and a fake driver.</summary>
internal sealed class AgentHarness : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task<int>? _runner;

    private AgentHarness(FakeOrchestrator orchestrator, TimeProvider time) => (Orchestrator, Time) = (orchestrator, time);

    public FakeOrchestrator Orchestrator { get; }

    public TimeProvider Time { get; }

    public FakeSensor Sensor { get; } = new();

    public FakeDriver Driver { get; } = new();

    public LogLines Logs { get; } = new();

    public RunnerSettings Settings { get; set; } = null!;

    public static async Task<AgentHarness> CreateAsync(TimeProvider? time = null)
    {
        var orchestrator = await FakeOrchestrator.StartAsync();
        return new AgentHarness(orchestrator, time ?? TimeProvider.System) { Settings = SettingsFor(orchestrator.Address) };
    }

    /// <summary>Settings with the protocol's own timings under a stepped clock, and with short retry waits under the real one.</summary>
    public static RunnerSettings SettingsFor(Uri orchestrator) => new() { Orchestrator = orchestrator, RunnerId = new RunnerId("runner-1") };

    public static AgentTimings Hasty => new()
    {
        PollErrorWait = TimeSpan.FromMilliseconds(20),
        RegisterRetryDelay = TimeSpan.FromMilliseconds(1),
        ResultRetryDelay = TimeSpan.FromMilliseconds(1),
        EventsRetryDelay = TimeSpan.FromMilliseconds(1),
        MaxRetryDelay = TimeSpan.FromMilliseconds(5),
        BatchDelay = TimeSpan.FromMilliseconds(5),
    };

    public static Job Scan(RunId? run = null, TimeSpan? duration = null) => new()
    {
        RunId = run ?? RunId.New(TimeProvider.System),
        Kind = JobKind.SandboxScan,
        PackageName = "left-thing",
        Version = "2.0.1",
        WatchedPaths = [new WatchedPath { Prefix = "/etc/" }],
        Duration = Nanoseconds.From(duration ?? TimeSpan.FromSeconds(60)),
        Sandbox = new SandboxSpec { Image = "node:20-slim" },
    };

    public void Start() => _runner = RunnerHost.RunAsync(Settings, Sensor, Driver, Logs, Time, _stop.Token);

    public Task<int> StopAsync()
    {
        _stop.Cancel();
        return ExitAsync();
    }

    public Task<int> ExitAsync() => _runner!.WaitAsync(TimeSpan.FromSeconds(30));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_runner is { } runner) await runner.WaitAsync(TimeSpan.FromSeconds(30));
        await Orchestrator.DisposeAsync();
        _stop.Dispose();
    }
}

/// <summary>Keeps log lines for tests to read.</summary>
internal sealed class LogLines : ILoggerFactory, ILogger
{
    private readonly LoggerExternalScopeProvider _scopes = new();

    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) { }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => _scopes.Push(state);

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue((logLevel, $"{formatter(state, exception)} {exception}"));

    public void Dispose() { }
}
