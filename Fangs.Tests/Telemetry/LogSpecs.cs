using System.Collections.Concurrent;
using System.Text.Json;
using Fangs.Cli.Hosting;
using Fangs.Http;
using Fangs.Tests.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Fangs.Tests.Telemetry;

public sealed class LogSpecs : IAsyncLifetime, IDisposable
{
    private readonly OrchestratorFixture _fixture = new();
    private readonly FormattedLog _json = new(new LogOutput.JsonLines(TimeProvider.System));
    private readonly FormattedLog _text = new(new LogOutput.TextLines(TimeProvider.System));
    private OrchestratorHost _host = null!;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_fixture.Directory);
        _host = await OrchestratorHost.StartAsync(
            _fixture.Settings with { Core = new() { SqlitePath = _fixture.DatabasePath } },
            TimeProvider.System,
            // As the product sets it up, but with all that our own code has to say.
            logging => logging.SetMinimumLevel(LogLevel.Trace).AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning).AddProvider(_json).AddProvider(_text),
            CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_fixture.Directory, recursive: true);
    }

    public void Dispose()
    {
        _json.Dispose();
        _text.Dispose();
    }

    [Fact]
    public async Task Lines_say_which_actor_run_and_runner_they_are_about()
    {
        using var client = new ScanClient(_host.Address);
        await client.RegisterAsync("lab/1");
        var run = await client.SubmitAsync();
        await client.PollAsync("lab%2F1");
        await client.EventsAsync(run, 1, ScanClient.Exec());
        await client.ResultAsync(run, 1);
        await client.MetricsWhenAsync(m => m.Find("fangs_analysis_seconds_count") > 0);
        await _host.DisposeAsync(); // flushes what the actors have logged

        var lines = _json.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.All(lines, line => Assert.True(DateTimeOffset.TryParse(line.GetProperty("time").GetString(), out _)));
        var registered = lines.Single(line => Message(line).StartsWith("Runner lab/1 registered", StringComparison.Ordinal));
        Assert.Equal(("info", "/user/runners/lab%2F1", "lab/1"), (Text(registered, "level"), Text(registered, "actor"), Text(registered, "runner_id")));
        Assert.Equal("h", registered.GetProperty("values").GetProperty("Host").GetString());
        var ended = lines.First(line => Text(line, "actor") == $"/user/runs/{run}");
        Assert.Equal(run, Text(ended, "run_id"));
        Assert.Contains(lines, line => Text(line, "actor").StartsWith("/user/packages/", StringComparison.Ordinal) && Text(line, "run_id") == run);
        Assert.Contains(lines, line => Text(line, "logger") == "fangs" && Text(line, "actor").Length == 0);

        Assert.Contains(_text.Lines, line => line.Contains($" info  /user/runs/{run}: Run {run} analyzed", StringComparison.Ordinal));
        Assert.DoesNotContain(_text.Lines, line => line.Contains("[Thread", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_payload_no_header_and_no_query_is_ever_logged()
    {
        const string Secret = "s3cr3t-value";
        using var client = new ScanClient(_host.Address);
        client.Http.DefaultRequestHeaders.Add("Authorization", $"Bearer {Secret}");
        await client.RegisterAsync();
        var run = await client.SubmitAsync();
        await client.PollAsync();
        await client.EventsAsync(run, 1, ScanClient.Exec($"/bin/{Secret}"), ScanClient.File($"/etc/{Secret}"), $$"""{"type":{{99}},"payload":{"x":"{{Secret}}"} }""");
        foreach (var body in new[]
                 {
                     $$"""{"seq":2,"events":[{"type":1,"payload":{"PathName":{{Secret}} } ]}""",
                     $$"""{"seq":2,"events":[{"type":"{{Secret}}","payload":{} }]}""",
                     $$"""{"seq":"{{Secret}}","events":[]}""",
                     $$"""{"seq":2,"{{Secret}}":[}""",
                     $$"""{"seq":2,"events":[{"type":1,"payload":{"PathName":"{{Secret}}""",
                 })
        {
            using var answer = await client.Http.PostAsync(new Uri($"/v1/runs/{run}/events?token={Secret}", UriKind.Relative), new StringContent(body));
            Assert.False(answer.IsSuccessStatusCode);
        }

        using (await client.Http.PostAsync(new Uri($"/v1/scans?token={Secret}", UriKind.Relative), new StringContent($"{{\"{Secret}\":"))) { }
        using (await client.Http.GetAsync(new Uri($"/v1/nothing?token={Secret}", UriKind.Relative))) { }
        var raw = new RawHttp(_host.Address.Port);
        await raw.SendAsync(RawHttp.Request("GET", "/v1/health", null, $"Bad Header: {Secret}"));
        await client.ResultAsync(run, 3);
        await client.MetricsWhenAsync(m => m.Find("fangs_analysis_seconds_count") > 0);
        await _host.DisposeAsync();

        Assert.NotEmpty(_json.Lines);
        Assert.All(_json.Lines.Concat(_text.Lines), line => Assert.DoesNotContain(Secret, line, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task What_a_runner_says_cannot_act_on_the_terminal_of_who_reads_the_log()
    {
        using var client = new ScanClient(_host.Address);
        await client.RegisterAsync();
        var run = await client.SubmitAsync();
        await client.PollAsync();
        await client.PostAsync($"/v1/runs/{run}/result",
            $$"""{"run_id":[{{string.Join(',', Convert.FromHexString(run))}}],"status":"failed","reason":"\u001b[2J\nforged line","events_emitted":0,"events_dropped":0,"duration":1}""");
        await _host.DisposeAsync();
        Assert.Contains(_text.Lines, line => line.Contains("""\u001b[2J\nforged line""", StringComparison.Ordinal));
        Assert.All(_json.Lines.Concat(_text.Lines), line => Assert.DoesNotContain(line, char.IsControl));
    }

    [Fact]
    public void An_exception_is_part_of_its_entry_and_scopes_give_the_ids()
    {
        using var json = new FormattedLog(new LogOutput.JsonLines(TimeProvider.System));
        using var text = new FormattedLog(new LogOutput.TextLines(TimeProvider.System));
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(json).AddProvider(text));
        var log = logs.CreateLogger("Fangs.Runner.Agent.JobRunner");
        using (log.BeginScope(new KeyValuePair<string, object?>[] { new("RunnerId", "lab-1") }))
        using (log.BeginScope(new KeyValuePair<string, object?>[] { new("RunId", "0123") }))
        {
#pragma warning disable CA1848, CA2254 // one line of a test
            log.LogError(new InvalidOperationException("broken"), "Job of {Package} failed after {Tries} tries", "left-thing", 3);
#pragma warning restore CA1848, CA2254
        }

        var line = JsonDocument.Parse(Assert.Single(json.Lines)).RootElement;
        Assert.Equal(("error", "0123", "lab-1", "Job of left-thing failed after 3 tries"),
            (Text(line, "level"), Text(line, "run_id"), Text(line, "runner_id"), Message(line)));
        Assert.Equal((3, "left-thing"), (line.GetProperty("values").GetProperty("Tries").GetInt32(), line.GetProperty("values").GetProperty("Package").GetString()));
        Assert.Contains("InvalidOperationException: broken", Text(line, "exception"));
        Assert.EndsWith("error JobRunner: Job of left-thing failed after 3 tries run=0123 runner=lab-1", text.Lines.First());
        Assert.Contains("    System.InvalidOperationException: broken", text.Lines);
    }

    private static string Message(JsonElement line) => Text(line, "message");

    private static string Text(JsonElement line, string name) => line.TryGetProperty(name, out var value) ? value.GetString()! : "";

    /// <summary>Keeps the lines that a formatter makes.</summary>
    private sealed class FormattedLog(ConsoleFormatter formatter) : ILoggerProvider, ISupportExternalScope
    {
        private IExternalScopeProvider? _scopes;

        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

        public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

        public void Dispose() { }

        private sealed class Logger(FormattedLog owner, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                using var text = new StringWriter { NewLine = "\n" };
                owner.Write(new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter), text);
                foreach (var line in text.ToString().TrimEnd('\n').Split('\n')) owner.Lines.Enqueue(line);
            }
        }

        private void Write<TState>(in LogEntry<TState> entry, StringWriter text) => formatter.Write(entry, _scopes, text);
    }
}
