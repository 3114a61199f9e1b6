using System.Net;
using System.Text.Json;
using Fangs.Actors.Hosting;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Http.Dashboard;
using Fangs.Protocol;
using Fangs.Tests.Http;

namespace Fangs.Tests.Dashboard;

/// <summary>Open pages show what happens, and hold nobody up.</summary>
[Collection(BrowserCollection.Name)]
public sealed class LiveSpecs(DashboardFixture dashboard) : IAsyncLifetime, IDisposable
{
    private readonly OrchestratorFixture _orchestrator = new()
    {
        Settings = new OrchestratorSettings
        {
            Address = new IPEndPoint(IPAddress.Loopback, 0),
            Core = new CoreSettings { Watch = new WatchSettings { IsOn = false } },
            Dashboard = new DashboardSettings { LookEvery = TimeSpan.FromMilliseconds(100) },
        },
    };

    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        await _orchestrator.InitializeAsync();
        _http = new HttpClient { BaseAddress = _orchestrator.Host.Address, Timeout = Limits.Patience };
    }

    public Task DisposeAsync() => _orchestrator.DisposeAsync();

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task A_run_is_followed_from_the_queue_to_its_verdict_without_a_reload()
    {
        await using var overview = await dashboard.OpenAsync("/ui/", address: _orchestrator.Host.Address);
        await overview.Page.EvaluateAsync("window.stayed = true").Soon();
        await overview.Page.WaitForSelectorAsync("text=No runner is registered").Soon();
        await PostAsync("/v1/runners/register", new { runner_id = "lab-9", hostname = "h", kernel_version = "6", proto_version = 1, capabilities = new[] { "sensor" } });
        await overview.Page.WaitForSelectorAsync("[data-live=pool] a:has-text('lab-9')").Soon();
        var queued = await PostAsync("/v1/scans", new { target_runner = "*", Job = new { kind = "sandbox_scan", package_name = "left-thing", version = "1.0.0", sandbox = new { image = "node:20-slim" } } });
        var run = queued.GetProperty("run_id").GetString()!;
        await overview.Page.WaitForSelectorAsync("[data-live=latest-runs] li:has-text('left-thing@1.0.0'):has-text('queued')").Soon();

        await using var page = await dashboard.OpenAsync($"/ui/runs/{run}", address: _orchestrator.Host.Address);
        await page.Page.EvaluateAsync("window.stayed = true").Soon();
        using (await _http.GetAsync("/v1/runners/lab-9/jobs").Soon())
        {
        }

        await page.Page.WaitForSelectorAsync(".verdict .word:has-text('running')").Soon();
        var id = RunId.Parse(run);
        var bytes = new byte[16];
        id.CopyTo(bytes);
        var numbers = bytes.Select(b => (int)b).ToArray();
        await PostAsync($"/v1/runs/{run}/events", new { run_id = numbers, seq = 1, events = new[] { new { type = 2, payload = new { Header = new { PID = 7, TsNs = 1 }, BinaryPathStr = "/usr/bin/node", ArgvStrs = new[] { "node" } } } } });
        await page.Page.WaitForSelectorAsync(".facts div:has-text('Events'):has-text('1')").Soon();
        await PostAsync($"/v1/runs/{run}/result", new { run_id = numbers, status = "ok", events_emitted = 1, events_dropped = 0, duration = 1_000_000_000 });
        await page.Page.WaitForSelectorAsync(".verdict .word:has-text('clean')").Soon();
        // What belongs to the page besides the verdict is there too.
        await page.Page.WaitForSelectorAsync("#events ~ .events a:has-text('/usr/bin/node')").Soon();
        await overview.Page.WaitForSelectorAsync("[data-live=latest-runs] li:has-text('left-thing@1.0.0'):has-text('clean')").Soon();
        Assert.True(await page.Page.EvaluateAsync<bool>("window.stayed").Soon());
        Assert.True(await overview.Page.EvaluateAsync<bool>("window.stayed").Soon());
        Assert.Empty(await page.TroublesAsync());
        Assert.Empty(await overview.TroublesAsync());
    }

    [Fact]
    public async Task Hundreds_of_open_connections_end_at_once_when_the_orchestrator_stops()
    {
        var streams = new List<Stream>();
        for (var i = 0; i < 300; i++)
        {
            var answer = await _http.GetAsync("/ui/live?regions=cards,latest-runs,badge", HttpCompletionOption.ResponseHeadersRead).Soon();
            streams.Add(await answer.Content.ReadAsStreamAsync().Soon());
        }

        var first = new byte[16];
        foreach (var stream in streams) Assert.True(await stream.ReadAsync(first).Soon() > 0);
        var began = TimeProvider.System.GetTimestamp();
        await _orchestrator.Host.DisposeAsync().Soon();
        // Far below the time that the server gives open requests to finish.
        Assert.True(TimeProvider.System.GetElapsedTime(began) < new OrchestratorSettings().ShutdownTimeout, "open pages have held the stop back");
        foreach (var stream in streams) await DrainAsync(stream);
        await _orchestrator.InitializeAsync();
    }

    [Fact]
    public async Task A_page_that_comes_back_gets_only_what_it_has_missed()
    {
        var (id, _) = await FirstEventAsync("cards", null);
        using var again = await OpenAsync("cards", id);
        var reader = new StreamReader(await again.Content.ReadAsStreamAsync().Soon());
        await ReadUntilAsync(reader, "event: hello");
        await PostAsync("/v1/scans", new { target_runner = "*", Job = new { kind = "sandbox_scan", package_name = "left-thing", version = "1.0.1", sandbox = new { image = "node:20-slim" } } });
        var next = await ReadUntilAsync(reader, "id: ");
        Assert.NotEqual("id: " + id, next);
        Assert.StartsWith("id: " + id.Split('-')[0], next); // the same process
        // One that was connected to another process gets everything.
        Assert.Equal(next["id: ".Length..], (await FirstEventAsync("cards", "ffffffff-999")).Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("run-nonsense")]
    [InlineData("<script>")]
    public async Task Whoever_asks_for_nothing_that_there_is_gets_no_stream(string regions)
    {
        using var answer = await OpenAsync(regions, null);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    private static async Task DrainAsync(Stream stream)
    {
        var buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer).Soon() > 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // Cut off is an end too.
        }
    }

    private async Task<(string Id, string Data)> FirstEventAsync(string regions, string? last)
    {
        using var answer = await OpenAsync(regions, last);
        var reader = new StreamReader(await answer.Content.ReadAsStreamAsync().Soon());
        var id = await ReadUntilAsync(reader, "id: ");
        return (id["id: ".Length..], await ReadUntilAsync(reader, "data: "));
    }

    private async Task<HttpResponseMessage> OpenAsync(string regions, string? last)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/ui/live?regions=" + Uri.EscapeDataString(regions));
        if (last is not null) request.Headers.Add("Last-Event-ID", last);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Soon();
    }

    private static async Task<string> ReadUntilAsync(StreamReader reader, string beginning)
    {
        while (true)
        {
            var line = await reader.ReadLineAsync().Soon() ?? throw new EndOfStreamException();
            if (line.StartsWith(beginning, StringComparison.Ordinal)) return line;
        }
    }

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using var answer = await _http.PostAsync(path, new StringContent(JsonSerializer.Serialize(body))).Soon();
        var text = await answer.Content.ReadAsStringAsync().Soon();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement.Clone();
    }
}
