using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Fangs.Tests.Telemetry;

/// <summary>A runner and an operator in one: the requests of a scan, over HTTP.</summary>
internal sealed class ScanClient(Uri address) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly HttpClient _http = new() { BaseAddress = address, Timeout = Patience };

    public HttpClient Http => _http;

    public Task RegisterAsync(string id = "r1") => PostAsync("/v1/runners/register",
        $$"""{"runner_id":"{{id}}","hostname":"h","capabilities":["sensor","drops.per-run"],"kernel_version":"6","proto_version":1}""");

    public async Task<string> SubmitAsync(string package = "left-thing", string version = "1.0.0") => (await PostAsync("/v1/scans",
        $$"""{"target_runner":"*","Job":{"package_name":"{{package}}","version":"{{version}}"} }""")).GetProperty("run_id").GetString()!;

    public async Task<JsonElement> PollAsync(string id = "r1") => await _http.GetFromJsonAsync<JsonElement>($"/v1/runners/{id}/jobs");

    public Task<JsonElement> EventsAsync(string run, long seq, params string[] events) =>
        PostAsync($"/v1/runs/{run}/events", $$"""{"seq":{{seq}},"events":[{{string.Join(',', events)}}]}""");

    public Task<JsonElement> ResultAsync(string run, long emitted, long dropped = 0) => PostAsync($"/v1/runs/{run}/result",
        $$"""{"run_id":[{{string.Join(',', Convert.FromHexString(run))}}],"status":"ok","events_emitted":{{emitted}},"events_dropped":{{dropped}},"duration":1000000}""");

    public async Task<PrometheusText> MetricsAsync() => PrometheusText.Parse(await _http.GetStringAsync("/metrics"));

    /// <summary>Asks for metrics until they say what they should; what they said last is in the failure.</summary>
    public async Task<PrometheusText> MetricsWhenAsync(Func<PrometheusText, bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            var text = await _http.GetStringAsync("/metrics", CancellationToken.None);
            var metrics = PrometheusText.Parse(text);
            if (condition(metrics)) return metrics;
            Assert.False(limit.IsCancellationRequested, text);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    public async Task<JsonElement> PostAsync(string path, string body)
    {
        using var answer = await _http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    public void Dispose() => _http.Dispose();

    public static string Exec(string binary = "/usr/bin/node") => $$"""{"type":2,"payload":{"BinaryPathStr":"{{binary}}","ArgvStrs":["x"] } }""";

    public static string File(string path) => $$"""{"type":1,"payload":{"PathName":"{{path}}","Flags":0} }""";
}
