using System.Collections.Concurrent;
using System.Net;
using Fangs.Http;
using Fangs.Http.Tls;
using Fangs.Tests.Runner.Agent;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Http.Tls;

/// <summary>What an orchestrator serves.</summary>
public enum TlsMode
{
    Plain,
    Https,
    Mutual,
}

/// <summary>A real orchestrator with TLS as a test wants it, certificates made by the program, and its log.</summary>
internal sealed class TlsFixture : IAsyncDisposable
{
    private readonly TlsMode _mode;

    private TlsFixture(Pki pki, TlsMode mode) => (Pki, _mode) = (pki, mode);

    public Pki Pki { get; }

    public WatchedLog Log { get; } = new();

    public OrchestratorHost Host { get; private set; } = null!;

    public static async Task<TlsFixture> StartAsync(TlsMode mode)
    {
        var fixture = new TlsFixture(await Pki.CreateAsync(), mode);
        await fixture.StartHostAsync();
        return fixture;
    }

    public async Task RestartAsync()
    {
        await Host.DisposeAsync();
        await StartHostAsync();
    }

    public HttpClient Client(string? certificate) => Pki.Client(Host.Address, certificate);

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Pki.Dispose();
    }

    private async Task StartHostAsync()
    {
        var settings = new OrchestratorSettings
        {
            Address = new IPEndPoint(IPAddress.Loopback, 0),
            HealthAddress = new IPEndPoint(IPAddress.Loopback, 0),
            Tls = _mode == TlsMode.Plain ? null : new TlsSettings(Pki.File("server.crt"), Pki.File("server.key"), _mode == TlsMode.Mutual ? Pki.File("ca.crt") : null)
            {
                LookEvery = TimeSpan.FromMilliseconds(20),
            },
        };
        settings = settings with { Core = settings.Core with { SqlitePath = Pki.Database } };
        Host = await OrchestratorHost.StartAsync(settings, TimeProvider.System, logging => logging.ClearProviders().AddProvider(Log), CancellationToken.None);
    }
}

/// <summary>Keeps log lines and lets a test wait for one.</summary>
internal sealed class WatchedLog : ILoggerProvider, ILogger
{
    private readonly Watch _watch = new();

    public ConcurrentQueue<string> Lines { get; } = new();

    public Task UntilAsync(params string[] parts) =>
        _watch.UntilAsync(() => Lines.Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))));

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
        _watch.Notify();
    }

    public void Dispose() { }
}
