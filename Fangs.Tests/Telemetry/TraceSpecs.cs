using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Tests.Http;
using Fangs.Tests.Runner.Agent;

namespace Fangs.Tests.Telemetry;

public sealed class TraceSpecs : IAsyncLifetime
{
    private readonly OrchestratorFixture _orchestrator = new();

    public Task InitializeAsync() => _orchestrator.InitializeAsync();

    public Task DisposeAsync() => _orchestrator.DisposeAsync();

    [Fact]
    public async Task The_spans_of_one_scan_form_one_trace_across_orchestrator_and_runner()
    {
        using var trace = new Trace();
        var (sensor, driver) = (new FakeSensor(), new FakeDriver());
        driver.Run = (job, expectPhase, _) =>
        {
            expectPhase("install", "n1");
            sensor.Sessions[job.RunId].Emit("""{"BinaryPathStr":"/usr/bin/node","ArgvStrs":["node"]}""");
            expectPhase("import", "n2");
            return Task.FromResult(FakeDriver.Success);
        };
        using var stop = new CancellationTokenSource();
        var runner = RunnerHost.RunAsync(new RunnerSettings { Orchestrator = _orchestrator.Host.Address, RunnerId = new RunnerId("r1"), Timings = AgentHarness.Hasty },
            sensor, driver, new LogLines(), TimeProvider.System, stop.Token);
        using var http = new HttpClient { BaseAddress = _orchestrator.Host.Address };
        var scan = """{"target_runner":"*","Job":{"kind":"sandbox_scan","package_name":"left-thing","version":"1.0.0","sandbox":{"image":"node:20-slim"}}}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/scans") { Content = new StringContent(scan, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        request.Headers.Add("traceparent", $"00-{trace.Id}-{trace.Root}-01");
        using (var answer = await http.SendAsync(request)) Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());

        string[] expected =
        [
            "POST /v1/scans", "job queued", "job", "create", "install", "import", "drain", "upload", "POST /v1/runs/{run_id}/events", "POST /v1/runs/{run_id}/result", "run",
            "commit", "analysis",
        ];
        await trace.UntilAsync(spans => expected.All(name => spans.Any(s => s.OperationName == name)));
        await stop.CancelAsync();
        await runner.WaitAsync(TimeSpan.FromSeconds(30));

        var spans = trace.Spans.ToList();
        var byId = spans.ToDictionary(s => s.SpanId);
        var submitted = spans.Single(s => s.OperationName == "POST /v1/scans");
        var job = spans.Single(s => s.OperationName == "job");
        Assert.Equal(trace.Root, submitted.ParentSpanId);
        Assert.All(spans.Where(s => s != submitted), s => Assert.True(byId.ContainsKey(s.ParentSpanId), $"{s.OperationName} has a parent that nobody exports"));
        foreach (var name in new[] { "job queued", "run", "job", "analysis" }) Assert.Equal(submitted.SpanId, spans.Single(s => s.OperationName == name).ParentSpanId);
        foreach (var name in expected.Skip(3).Take(7)) Assert.Equal(job.SpanId, spans.First(s => s.OperationName == name).ParentSpanId);
        var requests = spans.Where(s => s.OperationName.EndsWith("/events", StringComparison.Ordinal)).Select(s => s.SpanId).ToHashSet();
        Assert.All(spans.Where(s => s.OperationName == "commit"), s => Assert.Contains(s.ParentSpanId, requests));
        var runs = spans.Select(s => s.GetTagItem(TraceContext.RunAttribute)).OfType<string>().Distinct();
        Assert.Single(runs);
        Assert.Equal("r1", job.GetTagItem(TraceContext.RunnerAttribute));
        Assert.Equal(200, spans.First(s => s.OperationName.EndsWith("/events", StringComparison.Ordinal)).GetTagItem("http.response.status_code"));
        Assert.All(spans, s => Assert.True(s.Duration >= TimeSpan.Zero));
    }

    [Fact]
    public async Task A_scan_that_nobody_traces_carries_no_trace_and_nonsense_is_not_passed_on()
    {
        using var client = new ScanClient(_orchestrator.Host.Address);
        await client.RegisterAsync();
        await client.SubmitAsync();
        Assert.False((await client.PollAsync()).TryGetProperty("traceparent", out _));
        await client.PostAsync("/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0","traceparent":"00-nonsense"}}""");
        Assert.False((await client.PollAsync()).TryGetProperty("traceparent", out _));
        const string Valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await client.PostAsync("/v1/scans", $$"""{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0","traceparent":"{{Valid}}"} }""");
        Assert.Equal(Valid, (await client.PollAsync()).GetProperty("traceparent").GetString());
    }

    /// <summary>Listens to one trace, so that tests which run at the same time are not traced.</summary>
    private sealed class Trace : IDisposable
    {
        private readonly ActivityListener _listener;
        private readonly Watch _watch = new();

        public Trace()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name is TraceContext.OrchestratorSource or TraceContext.RunnerSource,
                Sample = (ref options) => options.Parent.TraceId == Id ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
                ActivityStopped = span =>
                {
                    if (span.TraceId != Id) return;
                    Spans.Enqueue(span);
                    _watch.Notify();
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public ActivityTraceId Id { get; } = ActivityTraceId.CreateRandom();

        public ActivitySpanId Root { get; } = ActivitySpanId.CreateRandom();

        public ConcurrentQueue<Activity> Spans { get; } = new();

        public Task UntilAsync(Func<IReadOnlyCollection<Activity>, bool> condition) => _watch.UntilAsync(() => condition(Spans));

        public void Dispose() => _listener.Dispose();
    }
}
