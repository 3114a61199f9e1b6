using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Fangs.Tests.Http.Tls;

/// <summary>Who may do what under mutual TLS.</summary>
public sealed class TlsIdentitySpecs : IAsyncLifetime
{
    private const string Register = "/v1/runners/register";
    private TlsFixture _orchestrator = null!;

    public async Task InitializeAsync() => _orchestrator = await TlsFixture.StartAsync(TlsMode.Mutual);

    public async Task DisposeAsync() => await _orchestrator.DisposeAsync();

    [Fact]
    public async Task A_runner_acts_under_its_own_id_and_no_other()
    {
        using var r1 = await RunnerAsync("r1");
        using var r2 = await RunnerAsync("r2");
        Assert.Equal(200, await StatusAsync(r1, Register, Registration("r1")));
        Assert.Equal(200, await StatusAsync(r2, Register, Registration("r2")));
        Assert.Equal(200, await StatusAsync(r1, "/v1/runners/r1/heartbeat", "{}"));
        await RefusedAsync(r1, Register, Registration("r2"), "not that of runner r2");
        await RefusedAsync(r1, Register, Registration("r1 "), "not that of runner r1 ");
        await RefusedAsync(r1, Register, Registration("R1"), "not that of runner R1");
        await RefusedAsync(r1, "/v1/runners/r2/heartbeat", "{}", "not that of runner r2");
        await RefusedAsync(r1, "/v1/runners/%72%32/heartbeat", "{}", "not that of runner r2");
        await RefusedAsync(r1, "/v1/runners/r2/heartbeat", """{"runner_id":"r1"}""", "not that of runner r2");
        await RefusedAsync(r1, "/v1/runners/r2/jobs", null, "not that of runner r2");
        // What is wrong with a request is said as without TLS.
        Assert.Equal(400, await StatusAsync(r1, Register, """{"proto_version":1}"""));
        Assert.Equal(400, await StatusAsync(r1, "/v1/runners/r1/heartbeat", """{"runner_id":"r2"}"""));
    }

    [Fact]
    public async Task A_refusal_is_logged_with_who_and_why()
    {
        using var r1 = await RunnerAsync("r1");
        await RefusedAsync(r1, Register, Registration("r2"), "fangs certs runner");
        await _orchestrator.Log.UntilAsync("Warning: Refused POST /v1/runners/register of", "CN=r1", "127.0.0.1", "not that of runner r2");
    }

    [Theory]
    [InlineData("POST", "/v1/scans")]
    [InlineData("GET", "/v1/scans")]
    [InlineData("GET", "/ui/actors")]
    [InlineData("GET", "/ui/")]
    [InlineData("GET", "/UI/actors")]
    [InlineData("GET", "/metrics")]
    [InlineData("POST", "/v1/operator/baselines")]
    [InlineData("GET", "/whatever/comes/later")]
    public async Task A_runner_has_no_business_with_what_is_for_operators(string method, string path)
    {
        using var r1 = await RunnerAsync("r1");
        var (status, error) = await SendAsync(r1, path, method == "POST" ? "{}" : null);
        Assert.Equal(403, status);
        Assert.Contains("fangs certs operator", error);
    }

    [Fact]
    public async Task An_operator_has_no_business_with_what_is_for_runners()
    {
        using var alice = await ClientAsync("operator", "alice");
        Assert.Equal(200, await StatusAsync(alice, "/v1/health", null));
        Assert.Equal(200, await StatusAsync(alice, "/ui/actors", null));
        Assert.Equal(404, await StatusAsync(alice, "/whatever", null));
        var run = await ScanAsync(alice, "*");
        // Not even under its own name.
        await RefusedAsync(alice, Register, Registration("alice"), "fangs certs runner");
        await RefusedAsync(alice, "/v1/runners/alice/heartbeat", "{}", "fangs certs runner");
        await RefusedAsync(alice, "/v1/runners/alice/jobs", null, "fangs certs runner");
        await RefusedAsync(alice, $"/v1/runs/{run}/events", Batch, "fangs certs runner");
        await RefusedAsync(alice, $"/v1/runs/{run}/result", Result, "fangs certs runner");
    }

    [Fact]
    public async Task A_run_takes_events_and_result_from_the_runner_that_it_was_handed_to()
    {
        using var r1 = await RunnerAsync("r1");
        using var r2 = await RunnerAsync("r2");
        using var alice = await ClientAsync("operator", "alice");
        foreach (var (client, id) in new[] { (r1, "r1"), (r2, "r2") }) Assert.Equal(200, await StatusAsync(client, Register, Registration(id)));
        var run = await ScanAsync(alice, "r1");
        var (events, result) = ($"/v1/runs/{run}/events", $"/v1/runs/{run}/result");

        // Nobody has it yet, so nobody can have seen anything.
        await RefusedAsync(r1, events, Batch, $"run {run} was not handed to this client");
        await RefusedAsync(r2, result, Result, $"run {run} was not handed to this client");

        Assert.Contains(run, await TakeAsync(r1, "r1"));
        await RefusedAsync(r2, events, Batch, "only the runner that polled its job");
        await RefusedAsync(r2, result, Result, "only the runner that polled its job");
        Assert.Equal(404, await StatusAsync(r2, "/v1/runs/00112233445566778899aabbccddeeff/events", Batch));
        // A heartbeat that names the run of another does not take it over.
        Assert.Equal(200, await StatusAsync(r2, "/v1/runners/r2/heartbeat", $$"""{"active_run_id":"{{run}}"}"""));
        await RefusedAsync(r2, events, Batch, "only the runner that polled its job");

        Assert.Equal((200, """{"received_batches":1,"received_events":1,"persisted":1}"""), await SendAsync(r1, events, Batch));
        Assert.Equal(200, await StatusAsync(r1, result, Result));
        // Once it has ended, repeats and late batches are taken from the same one only.
        Assert.Equal(200, await StatusAsync(r1, result, Result));
        await RefusedAsync(r2, result, Result, "only the runner that polled its job");
        await RefusedAsync(r2, events, Late, "only the runner that polled its job");
        Assert.Equal(200, await StatusAsync(r1, events, Late));
        await _orchestrator.Log.UntilAsync($"Warning: A client sends for run {run}, which was handed to r1");
    }

    [Fact]
    public async Task A_restart_of_the_orchestrator_does_not_forget_whose_run_it_is()
    {
        using var first = await RunnerAsync("r1");
        using var alice = await ClientAsync("operator", "alice");
        Assert.Equal(200, await StatusAsync(first, Register, Registration("r1")));
        var run = await ScanAsync(alice, "r1");
        await TakeAsync(first, "r1");
        await _orchestrator.RestartAsync();

        using var r1 = _orchestrator.Client(_orchestrator.Pki.File("runner-r1"));
        using var r2 = await RunnerAsync("r2");
        Assert.NotEqual(200, await StatusAsync(r2, $"/v1/runs/{run}/events", Batch));
        Assert.Equal(200, await StatusAsync(r1, $"/v1/runs/{run}/events", Batch));
        await RefusedAsync(r2, $"/v1/runs/{run}/events", Late, "only the runner that polled its job");
        Assert.Equal(200, await StatusAsync(r1, $"/v1/runs/{run}/result", Result));
    }

    [Fact]
    public async Task A_certificate_of_an_older_installation_is_a_runner_under_its_common_name()
    {
        using var r1 = _orchestrator.Client(_orchestrator.Pki.MakeBare("CN=r1"));
        using var r2 = await RunnerAsync("r2");
        using var alice = _orchestrator.Client(_orchestrator.Pki.MakeBare("CN=alice"));
        await RefusedAsync(r1, Register, Registration("r2"), "not that of runner r2");
        Assert.Equal(200, await StatusAsync(r1, Register, Registration("r1")));
        Assert.Equal(200, await StatusAsync(r2, Register, Registration("r2")));

        // One that nobody has registered with is an operator's; it may not act for runners of other names, nor for runs.
        Assert.Equal(200, await StatusAsync(alice, "/ui/actors", null));
        var run = await ScanAsync(alice, "r1");
        await RefusedAsync(alice, "/v1/runners/r1/heartbeat", "{}", "not that of runner r1");
        await RefusedAsync(alice, $"/v1/runs/{run}/events", Batch, "was not handed to this client");

        // And once a runner, always a runner.
        await RefusedAsync(r1, "/ui/actors", null, "fangs certs operator");
        await RefusedAsync(r1, "/v1/scans", "{}", "fangs certs operator");
        await TakeAsync(r1, "r1");
        Assert.Equal(200, await StatusAsync(r1, $"/v1/runs/{run}/events", Batch));
    }

    [Fact]
    public async Task Alternative_names_are_as_good_as_the_common_name()
    {
        using var client = _orchestrator.Client(_orchestrator.Pki.MakeBare("CN=host, OU=fangs-runner", request =>
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("lab-1.example");
            names.AddUri(new Uri("spiffe://fangs.example/runner/lab-1"));
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        }));
        foreach (var id in new[] { "host", "lab-1.example", "spiffe://fangs.example/runner/lab-1" })
            Assert.Equal(200, await StatusAsync(client, Register, Registration(id)));
        Assert.Equal(200, await StatusAsync(client, "/v1/runners/spiffe:%2F%2Ffangs.example%2Frunner%2Flab-1/heartbeat", "{}"));
        foreach (var id in new[] { "127.0.0.1", "fangs-runner", "lab-1", "" })
            Assert.NotEqual(200, await StatusAsync(client, Register, Registration(id)));
    }

    private const string Batch = """{"seq":1,"events":[{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}]}""";
    private const string Late = """{"seq":2,"events":[{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}]}""";
    private const string Result = """{"status":"ok","events_emitted":1}""";

    private static string Registration(string id) => $$"""{"runner_id":"{{id}}","proto_version":1,"capabilities":["drops.per-run"]}""";

    private Task<HttpClient> RunnerAsync(string id) => ClientAsync("runner", id);

    private async Task<HttpClient> ClientAsync(string role, string name) => _orchestrator.Client(await _orchestrator.Pki.MakeAsync(role, name));

    private static async Task<string> ScanAsync(HttpClient client, string runner)
    {
        var (status, body) = await SendAsync(client, "/v1/scans", $$$"""{"target_runner":"{{{runner}}}","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
        Assert.True(status == 202, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("run_id").GetString()!;
    }

    /// <summary>Polls, and returns the id of the run that was handed out.</summary>
    private static async Task<string> TakeAsync(HttpClient client, string runner)
    {
        var job = await client.GetFromJsonAsync<JsonElement>($"/v1/runners/{runner}/jobs");
        return Convert.ToHexStringLower([.. job.GetProperty("run_id").EnumerateArray().Select(b => b.GetByte())]);
    }

    private static async Task<int> StatusAsync(HttpClient client, string path, string? body) => (await SendAsync(client, path, body)).Status;

    private static async Task RefusedAsync(HttpClient client, string path, string? body, string reason)
    {
        var (status, text) = await SendAsync(client, path, body);
        Assert.True(status == 403, $"{status}: {text}");
        Assert.Contains(reason, JsonDocument.Parse(text).RootElement.GetProperty("error").GetString());
    }

    private static async Task<(int Status, string Body)> SendAsync(HttpClient client, string path, string? body)
    {
        using var answer = body is null ? await client.GetAsync(path) : await client.PostAsync(path, new StringContent(body));
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
