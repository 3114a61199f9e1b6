using Fangs.Actors.Telemetry;
using Fangs.Tests.Http;

namespace Fangs.Tests.Telemetry;

public sealed class MetricsSpecs : IAsyncLifetime, IDisposable
{
    private readonly OrchestratorFixture _orchestrator = new();
    private ScanClient _client = null!;

    public async Task InitializeAsync()
    {
        await _orchestrator.InitializeAsync();
        _client = new ScanClient(_orchestrator.Host.Address);
    }

    public Task DisposeAsync() => _orchestrator.DisposeAsync();

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Every_counter_is_there_before_it_is_raised_so_that_the_first_increase_is_seen()
    {
        var metrics = await _client.MetricsAsync();
        Assert.Equal(1, metrics.Value("fangs_orchestrator_info", "version=dev"));
        Assert.Equal(0, metrics.Value("fangs_runners_registered"));
        Assert.Equal(0, metrics.Value("fangs_scans_queued_total"));
        foreach (var type in new[] { "file_access", "exec", "net_connect", "dns_query", "tls_sni", "unknown" })
            Assert.Equal(0, metrics.Value("fangs_events_received_total", $"type={type}"));
        foreach (var name in new[] { "fangs_events_dropped_total", "fangs_events_persist_failures_total", "fangs_event_batches_duplicate_total", "fangs_event_seq_gaps_total", "fangs_watcher_errors_total" })
            Assert.Equal(0, metrics.Value(name));
        foreach (var severity in new[] { "info", "warn", "crit" }) Assert.Equal(0, metrics.Value("fangs_deviations_written_total", $"severity={severity}"));
        foreach (var trigger in new[] { "auto", "manual" }) Assert.Equal(0, metrics.Value("fangs_baseline_promoted_total", $"trigger={trigger}"));
        foreach (var state in new[] { "queued", "leased", "running", "ending" }) Assert.Equal(0, metrics.Value("fangs_queue_depth", $"state={state}"));
        foreach (var state in new[] { "pending", "building", "sandboxed", "analyzed", "done", "failed" }) Assert.Equal(0, metrics.Value("fangs_runs", $"state={state}"));
        foreach (var reason in InconclusiveCause.All) Assert.Equal(0, metrics.Value("fangs_runs_inconclusive_total", $"reason={reason}"));
        foreach (var actor in new[] { "dispatcher", "runs", "runners", "packages", "event-writer", "retention" })
            Assert.True(metrics.Value("fangs_actor_mailbox_messages", $"actor={actor}") >= 0);
        Assert.True(metrics.Value("process_cpu_seconds_total") > 0);
        Assert.True(metrics.Value("dotnet_gc_heap_bytes") >= 0);
        Assert.True(metrics.Value("dotnet_threadpool_threads") > 0);
    }

    [Fact]
    public async Task A_scan_raises_each_counter_once_also_when_its_requests_are_sent_again()
    {
        await _client.RegisterAsync();
        var run = await _client.SubmitAsync();
        var waiting = await _client.MetricsAsync();
        Assert.Equal((1, 1), (waiting.Value("fangs_queue_depth", "state=queued"), waiting.Value("fangs_runners_registered")));

        await _client.PollAsync();
        await _client.EventsAsync(run, 1, ScanClient.Exec(), ScanClient.File("/etc/passwd"), """{"type":99,"payload":{}}""");
        await _client.EventsAsync(run, 1, ScanClient.Exec(), ScanClient.File("/etc/passwd"), """{"type":99,"payload":{}}""");
        await _client.EventsAsync(run, 4, ScanClient.File("/etc/hosts"));
        await _client.ResultAsync(run, emitted: 4, dropped: 7);
        await _client.ResultAsync(run, emitted: 4, dropped: 7);

        var metrics = await _client.MetricsWhenAsync(m => m.Find("fangs_analysis_seconds_count") > 0 && m.Sum("fangs_runs_inconclusive_total") > 0);
        Assert.Equal(1, metrics.Value("fangs_scans_queued_total"));
        Assert.Equal(2, metrics.Value("fangs_events_received_total", "type=exec"));
        Assert.Equal(3, metrics.Value("fangs_events_received_total", "type=file_access"));
        Assert.Equal(2, metrics.Value("fangs_events_received_total", "type=unknown"));
        Assert.Equal(1, metrics.Value("fangs_event_batches_duplicate_total"));
        Assert.Equal(7, metrics.Value("fangs_events_dropped_total"));
        Assert.Equal(2, metrics.Value("fangs_event_seq_gaps_total"));
        Assert.Equal(1, metrics.Value("fangs_runs_inconclusive_total", "reason=events_lost"));
        Assert.Equal(1, metrics.Sum("fangs_runs_inconclusive_total"));
        Assert.Equal(1, metrics.Value("fangs_queue_to_lease_seconds_count"));
        Assert.Equal(1, metrics.Value("fangs_poll_to_job_seconds_count"));
        Assert.Equal(3, metrics.Value("fangs_ingest_batch_events_count"));
        Assert.Equal(7, metrics.Value("fangs_ingest_batch_events_sum"));
        Assert.True(metrics.Value("fangs_ingest_batch_bytes_sum") > 0);
        Assert.Equal(metrics.Value("fangs_ingest_commit_seconds_count"), metrics.Value("fangs_ingest_commit_events_count"));
        Assert.Equal(3, metrics.Value("fangs_http_request_duration_seconds_count", "route=/v1/runs/{run_id}/events", "method=POST", "status=200"));
        Assert.Equal(0, metrics.Sum("fangs_queue_depth"));

        // A late batch makes the run be judged again; it is still one run.
        await _client.EventsAsync(run, 2, ScanClient.File("/etc/group"));
        var later = await _client.MetricsWhenAsync(m => m.Value("fangs_analysis_seconds_count") > metrics.Value("fangs_analysis_seconds_count"));
        Assert.Equal((1, 2, 7), (later.Sum("fangs_runs_inconclusive_total"), later.Value("fangs_event_seq_gaps_total"), later.Value("fangs_events_dropped_total")));
    }

    [Fact]
    public async Task Verdicts_count_deviations_and_promotions_once()
    {
        await _client.RegisterAsync();
        await ScanAsync("1.0.0", ScanClient.Exec());
        var seeded = await _client.MetricsWhenAsync(m => m.Value("fangs_baseline_promoted_total", "trigger=auto") == 1);
        Assert.Equal(0, seeded.Sum("fangs_deviations_written_total"));

        var second = await ScanAsync("1.0.1", ScanClient.Exec(), ScanClient.File("/opt/strange"));
        var deviant = await _client.MetricsWhenAsync(m => m.Sum("fangs_deviations_written_total") > 0);
        Assert.Equal(1, deviant.Sum("fangs_deviations_written_total"));

        await _client.PostAsync("/v1/operator/decisions", $$"""{"action":"baseline.promote","run_id":"{{second}}","by":"test"}""");
        var promoted = await _client.MetricsWhenAsync(m => m.Value("fangs_baseline_promoted_total", "trigger=manual") == 1);
        Assert.Equal((1, 1), (promoted.Value("fangs_baseline_promoted_total", "trigger=auto"), promoted.Sum("fangs_deviations_written_total")));
    }

    [Fact]
    public async Task What_clients_send_does_not_become_a_label()
    {
        using (await _client.Http.GetAsync(new Uri("/v1/secret-path?token=secret-query", UriKind.Relative))) { }
        using (await _client.Http.GetAsync(new Uri("/v1/runners/secret-runner/jobs", UriKind.Relative))) { }
        using (await _client.Http.SendAsync(new HttpRequestMessage(new HttpMethod("SECRET"), "/v1/health"))) { }
        var text = await _client.Http.GetStringAsync("/metrics");
        Assert.DoesNotContain("secret", text, StringComparison.OrdinalIgnoreCase);
        var metrics = PrometheusText.Parse(text);
        Assert.Equal(1, metrics.Value("fangs_http_request_duration_seconds_count", "route=none", "method=GET", "status=404"));
        Assert.Equal(1, metrics.Value("fangs_http_request_duration_seconds_count", "route=/v1/runners/{id}/jobs", "method=GET", "status=404"));
        Assert.Equal(1, metrics.Value("fangs_http_request_duration_seconds_count", "route=none", "method=other", "status=405"));
    }

    [Fact]
    public async Task What_does_not_answer_is_not_a_number_instead_of_zero()
    {
        Assert.Equal(0, (await _client.MetricsAsync()).Value("fangs_queue_oldest_seconds"));
        using var metrics = new FangsMetrics("v");
        using var exporter = new Fangs.Http.Metrics.PrometheusExporter(metrics);
        var text = PrometheusText.Parse(System.Text.Encoding.UTF8.GetString(await exporter.CollectAsync(default)));
        Assert.True(double.IsNaN(text.Value("fangs_queue_depth", "state=queued")));
        Assert.True(double.IsNaN(text.Value("fangs_runs", "state=done")));
        Assert.True(double.IsNaN(text.Value("fangs_runners_registered")));
    }

    [Fact]
    public async Task Polls_that_fail_are_counted()
    {
        await using var host = await Fangs.Http.OrchestratorHost.StartAsync(
            _orchestrator.Settings with
            {
                Core = new()
                {
                    SqlitePath = Path.Combine(_orchestrator.Directory, "watching.db"),
                    Watch = new() { IsOn = true, TableInterval = TimeSpan.FromMilliseconds(20) }, // no registry is configured
                },
            },
            TimeProvider.System, _ => { }, CancellationToken.None).Soon();
        using (var database = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(_orchestrator.Directory, "watching.db")};Pooling=False"))
        {
            database.Open();
            using var command = database.CreateCommand();
            command.CommandText = "PRAGMA busy_timeout = 5000; INSERT INTO packages (name, added_at) VALUES ('left-thing', '2026-01-01T00:00:00.000000000Z')";
            command.ExecuteNonQuery();
        }

        using var client = new ScanClient(host.Address);
        await client.MetricsWhenAsync(m => m.Value("fangs_watcher_errors_total") == 1);
    }

    [Fact]
    public async Task Without_the_flag_there_is_no_such_page()
    {
        await using var host = await Fangs.Http.OrchestratorHost.StartAsync(
            _orchestrator.Settings with { Metrics = false, Core = new() { SqlitePath = Path.Combine(_orchestrator.Directory, "other.db") } },
            TimeProvider.System, _ => { }, CancellationToken.None);
        using var http = new HttpClient { BaseAddress = host.Address };
        using var answer = await http.GetAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Equal(System.Net.HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("no result: runner lost: the scan failed", "no_result")]
    [InlineData("the scan failed: 3 events were lost", "failed")]
    [InlineData("12 events were lost", "events_lost")]
    [InlineData("1 batches are missing", "seq_gaps")]
    [InlineData("2 batches could not be read", "bad_batches")]
    [InlineData("9 events beyond the limit of a run were not stored", "too_many_events")]
    [InlineData("no program was seen to start", "no_exec")]
    [InlineData("something that nobody has thought of", "other")]
    public void A_stored_reason_has_one_of_few_causes(string reason, string cause)
    {
        Assert.Equal(cause, InconclusiveCause.Of(reason));
        Assert.Contains(cause, InconclusiveCause.All);
    }

    private async Task<string> ScanAsync(string version, params string[] events)
    {
        var run = await _client.SubmitAsync(version: version);
        await _client.PollAsync();
        await _client.EventsAsync(run, 1, events);
        await _client.ResultAsync(run, events.Length);
        return run;
    }
}
