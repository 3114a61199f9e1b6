using System.Collections.Concurrent;
using System.Net;
using Fangs.Cli;
using Fangs.Cli.Hosting;
using Fangs.Http;
using Fangs.Tests.Storage;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Configuration;

/// <summary>A real orchestrator that starts with a configuration file.</summary>
public sealed class ConfigurationStartSpecs : IDisposable
{
    private const string Run = "00000000000000000000000000000009";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly UpstreamDatabase _database = new();

    private string FilePath => Path.Combine(_database.Directory, "orchestrator.yaml");

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task The_file_and_what_it_changed_are_logged()
    {
        await File.WriteAllTextAsync(FilePath, "allow: { cidrs: [{ value: 198.51.100.0/24 }], snis: [{ value: metrics.example }] }");
        var log = await StartAndStopAsync(isNamed: true);
        Assert.Contains($"Configuration read from {FilePath}", log);
        Assert.Contains("Baselines of older rules: 18 values examined, 10 rewritten, 4 of them merged with others", log);
        Assert.Contains("Allow list reconciled with the configuration: 1 entries added, 0 notes changed, 1 entries removed, 0 runs to be judged again", log);
        Assert.Contains("The configuration allows sni metrics.example, and so does entry aaaaaaaaaaaaaaaa of an operator, which stays", log);

        var again = await StartAndStopAsync(isNamed: true);
        Assert.DoesNotContain(again, line => line.StartsWith("Baselines", StringComparison.Ordinal) || line.StartsWith("Allow list", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, "The configuration file {0} does not exist: the defaults count")]
    [InlineData(false, "No configuration file at {0}: the defaults count")]
    public async Task A_missing_file_is_logged_with_its_absolute_path(bool isNamed, string message) =>
        Assert.Contains(string.Format(null, message, FilePath), await StartAndStopAsync(isNamed));

    [Fact]
    public async Task What_waits_is_judged_with_the_entries_that_the_file_has_now()
    {
        await StartAndStopAsync(isNamed: false);
        _database.Execute($"""
            INSERT INTO runs (id, package_name, state, conclusive, analyzed_at, result_digest) VALUES ('{Run}', 'left-thing', 'done', 1, '2026-02-03T04:05:06.000000000Z', 'x');
            INSERT INTO events (id, run_id, ts_ns, type, data) VALUES (100, '{Run}', 1, 'tls_sni', '{"{}"}'), (101, '{Run}', 2, 'tls_sni', '{"{}"}');
            INSERT INTO event_batches VALUES ('{Run}', 1, '2026-02-03T04:05:06.000000000Z', 100, 2);
            INSERT INTO run_fingerprints (run_id, category, value, count, first_event_id, first_ktime_ns) VALUES
              ('{Run}', 'net_new_https_host', 'noise.example', 1, 100, 1), ('{Run}', 'net_new_https_host', 'evil.example', 1, 101, 2);
            INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES
              ('d1', '{Run}', 'net_new_https_host', 'noise.example', 100, 'warn', '2026-02-03T04:05:06.000000000Z'),
              ('d2', '{Run}', 'net_new_https_host', 'evil.example', 101, 'warn', '2026-02-03T04:05:06.000000000Z');
            """);
        await File.WriteAllTextAsync(FilePath, "allow: { snis: [{ value: noise.example }] }");
        await StartAndStopAsync(isNamed: false, UntilJudgedAsync);
        Assert.Equal(["d2|evil.example"], _database.Rows($"SELECT id, value FROM deviations WHERE run_id = '{Run}'"));

        // And back again once the file has it no more.
        await File.WriteAllTextAsync(FilePath, "");
        await StartAndStopAsync(isNamed: false, UntilJudgedAsync);
        Assert.Equal(["evil.example", "noise.example"], _database.Rows($"SELECT value FROM deviations WHERE run_id = '{Run}' ORDER BY 1"));
    }

    private async Task UntilJudgedAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        while (_database.Rows($"SELECT 1 FROM runs WHERE id = '{Run}' AND analyzed_at IS NULL").Count > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, limit.Token);
    }

    private async Task<IReadOnlyCollection<string>> StartAndStopAsync(bool isNamed, Func<Task>? meanwhile = null)
    {
        var result = ConfigurationFile.Read(FilePath);
        var configuration = new LoadedConfiguration(new ConfigurationSource(FilePath, result is not null, isNamed), result?.Settings ?? new());
        var settings = Composition.Settings(new OrchestratorOptions(new IPEndPoint(IPAddress.Loopback, 0), "o", _database.Path, configuration));
        using var log = new LogLines();
        await using (await OrchestratorHost.StartAsync(settings, TimeProvider.System, logging => logging.ClearProviders().AddProvider(log), CancellationToken.None).WaitAsync(Limit))
        {
            if (meanwhile is not null) await meanwhile();
        }

        return log.Lines;
    }

    private sealed class LogLines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public void Dispose()
        {
        }
    }
}
