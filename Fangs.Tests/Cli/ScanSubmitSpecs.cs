using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Fangs.Tests.Cli;

public sealed class ScanSubmitSpecs : IDisposable
{
    private const string Accepted = $$"""{"queued":true,"run_id":"{{Seeds.Thief}}"}""";
    private const string Packument = """{"name":"x","dist-tags":{"latest":"2.0.1"},"versions":{"2.0.1":{},"1.0.0":{}}}""";
    private readonly CliFixture _cli = new();

    public void Dispose() => _cli.Dispose();

    private Task<CliResult> SubmitAsync(FakeServer orchestrator, params string[] more) =>
        _cli.RunAsync(["scan", "submit", "-package", "left-thing", "-version", "2.0.1", "-orchestrator", orchestrator.Address, .. more]);

    [Fact]
    public async Task A_scan_is_posted_for_any_runner_as_a_sandbox_job()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        var result = await SubmitAsync(orchestrator, "-skip-registry-validate", "-duration", "1m30s");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal($"Run       {Seeds.Thief}\nPackage   left-thing\nVersion   2.0.1\nWatch     fangs run show 019ac0aa0000\n", result.Out);

        var request = Assert.Single(orchestrator.Requests);
        Assert.StartsWith("POST /v1/scans {", request);
        var scan = JsonDocument.Parse(request["POST /v1/scans ".Length..]).RootElement;
        Assert.Equal("*", scan.GetProperty("target_runner").GetString());
        var job = scan.GetProperty("Job");
        Assert.Equal(("sandbox_scan", "left-thing", "2.0.1"), (Text(job, "kind"), Text(job, "package_name"), Text(job, "version")));
        Assert.Equal(90_000_000_000, job.GetProperty("duration").GetInt64());
        Assert.Equal(("node:20-slim", "bridge", "missing"), (Text(job.GetProperty("sandbox"), "image"), Text(job.GetProperty("sandbox"), "network_mode"), Text(job.GetProperty("sandbox"), "pull_policy")));
        Assert.Equal(2_000_000_000, job.GetProperty("sandbox").GetProperty("grace_period").GetInt64());
    }

    [Fact]
    public async Task What_the_registry_announces_for_the_version_travels_with_the_job()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        const string Integrity = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
        await using var registry = await FakeServer.AnsweringAsync(200,
            $$"""{"versions":{"2.0.1":{"dist":{"shasum":"da39a3ee5e6b4b0d3255bfef95601890afd80709","integrity":"{{Integrity}}"} } } }""");
        Assert.Equal(0, (await SubmitAsync(orchestrator, "-registry", registry.Address)).ExitCode);
        var job = JsonDocument.Parse(Assert.Single(orchestrator.Requests)["POST /v1/scans ".Length..]).RootElement.GetProperty("Job");
        Assert.Equal((Integrity, "da39a3ee5e6b4b0d3255bfef95601890afd80709"), (Text(job, "integrity"), Text(job, "tarball_sha1")));
    }

    [Fact]
    public async Task What_it_announces_in_another_form_is_left_out()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        await using var registry = await FakeServer.AnsweringAsync(200, """{"versions":{"2.0.1":{"dist":{"integrity":"none","shasum":7}}}}""");
        Assert.Equal(0, (await SubmitAsync(orchestrator, "-registry", registry.Address)).ExitCode);
        var job = JsonDocument.Parse(Assert.Single(orchestrator.Requests)["POST /v1/scans ".Length..]).RootElement.GetProperty("Job");
        Assert.False(job.TryGetProperty("integrity", out _) || job.TryGetProperty("tarball_sha1", out _));
    }

    [Fact]
    public async Task The_answer_is_available_as_JSON()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        var result = await SubmitAsync(orchestrator, "-skip-registry-validate", "-json");
        Assert.Equal($"{{\n  \"queued\": true,\n  \"run_id\": \"{Seeds.Thief}\",\n  \"package\": \"left-thing\",\n  \"version\": \"2.0.1\"\n}}\n", result.Out);
    }

    [Fact]
    public async Task An_orchestrator_that_does_not_know_the_wildcard_is_asked_again_with_the_host_name()
    {
        await using var orchestrator = await FakeServer.StartAsync(async (context, body) =>
        {
            var isWildcard = body.Contains("\"*\"", StringComparison.Ordinal);
            context.Response.StatusCode = isWildcard ? 404 : 202;
            await context.Response.WriteAsync(isWildcard ? """{"error":"runner not registered"}""" : Accepted);
        });
        Assert.Equal(0, (await SubmitAsync(orchestrator, "-skip-registry-validate")).ExitCode);
        Assert.Equal(2, orchestrator.Requests.Count);
        Assert.Contains($"\"target_runner\":\"{Environment.MachineName}\"", orchestrator.Requests.Last());
    }

    [Fact]
    public async Task A_named_runner_is_not_replaced()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(404, """{"error":"runner lab-9 is not registered\u001b[2J"}""");
        var result = await SubmitAsync(orchestrator, "-skip-registry-validate", "-runner", "lab-9");
        Assert.Equal((1, "fangs: the orchestrator answered 404: runner lab-9 is not registered\\u001b[2J\n"), (result.ExitCode, result.Error));
        Assert.Single(orchestrator.Requests);
    }

    [Fact]
    public async Task An_orchestrator_that_is_not_there_is_named()
    {
        var gone = await FakeServer.AnsweringAsync(200, "");
        var address = gone.Address;
        await gone.DisposeAsync();
        var result = await _cli.RunAsync("scan", "submit", "-package", "a", "-version", "1.0.0", "-skip-registry-validate", "-orchestrator", address);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"fangs: the orchestrator at {address}/ cannot be reached: ", result.Error);
    }

    [Theory]
    [InlineData(200, Packument, 0, "")]
    [InlineData(200, """{"versions":{}}""", 3, "version not found: left-thing has no version 2.0.1")]
    [InlineData(404, "{}", 3, "package not found: the registry has no package left-thing")]
    [InlineData(503, "", 1, "the registry answered 503")]
    [InlineData(200, "<html>", 1, "is not JSON")]
    [InlineData(200, "[]", 3, "version not found")]
    public async Task The_registry_is_asked_before_anything_is_queued(int status, string body, int code, string message)
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        await using var registry = await FakeServer.AnsweringAsync(status, body);
        var result = await SubmitAsync(orchestrator, "-registry", registry.Address + "/npm/");
        Assert.Equal(code, result.ExitCode);
        Assert.Contains(message, result.Error);
        Assert.Equal("GET /npm/left-thing", Assert.Single(registry.Requests));
        Assert.Equal(code == 0 ? 1 : 0, orchestrator.Requests.Count);
    }

    [Fact]
    public async Task The_registry_of_the_environment_is_used_and_the_slash_of_a_scope_is_escaped()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        await using var registry = await FakeServer.StartAsync((context, _) =>
        {
            Assert.Equal("application/json", context.Request.Headers.Accept);
            return context.Response.WriteAsync(Packument);
        });
        _cli.Set("npm_config_registry", registry.Address);
        var result = await _cli.RunAsync("scan", "submit", "-package", "@scope/x", "-version", "1.0.0", "-orchestrator", orchestrator.Address);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal("GET /@scope%2fx", Assert.Single(registry.Requests));
    }

    [Theory]
    [InlineData("Upper", "1.0.0")]
    [InlineData("a b", "1.0.0")]
    [InlineData("../x", "1.0.0")]
    [InlineData("a/b", "1.0.0")]
    [InlineData(".a", "1.0.0")]
    [InlineData("a\n", "1.0.0")]
    [InlineData("a", "latest")]
    [InlineData("a", "^1.0.0")]
    [InlineData("a", "1.0")]
    [InlineData("a", "01.0.0")]
    [InlineData("a", "1.0.0 ")]
    [InlineData("a", "1.0.0\n")]
    public async Task Names_and_versions_that_npm_would_not_accept_go_nowhere(string package, string version)
    {
        await using var server = await FakeServer.AnsweringAsync(202, Accepted);
        var result = await _cli.RunAsync("scan", "submit", "-package", package, "-version", version, "-orchestrator", server.Address, "-registry", server.Address);
        Assert.Equal((2, ""), (result.ExitCode, result.Out));
        Assert.Empty(server.Requests);
    }

    [Theory]
    [InlineData("-orchestrator", "ftp://x")]
    [InlineData("-tls-ca", "ca.pem")]
    [InlineData("-duration", "0")]
    public async Task Flags_that_make_no_sense_are_refused(string flag, string value) =>
        Assert.Equal(2, (await _cli.RunAsync("scan", "submit", "-package", "a", "-version", "1.0.0", "-skip-registry-validate", flag, value)).ExitCode);

    [Theory]
    [InlineData("done", "", 0, "left-thing@2.0.1: done in 2.00s\n\n3 events: exec 2, file_access 1\n")]
    [InlineData("failed", "npm ended with status 1", 1, "left-thing@2.0.1: failed: npm ended with status 1\n\n3 events: exec 2, file_access 1\n")]
    public async Task Waiting_shows_the_stages_and_ends_with_the_run(string end, string reason, int code, string last)
    {
        _cli.WithSchema();
        // The run moves on with each look of the client: the interval between two looks is the only clock here.
        await using var orchestrator = await FakeServer.StartAsync((context, _) =>
        {
            _cli.Execute(Seeds.Run(Seeds.Thief, "left-thing", "2.0.1", "pending", 0));
            context.Response.StatusCode = 202;
            return context.Response.WriteAsync(Accepted);
        });
        var steps = new Queue<string>(
        [
            $"UPDATE runs SET state = 'building', runner_id = 'lab-1' WHERE id = '{Seeds.Thief}'",
            $"UPDATE runs SET state = 'sandboxed'; INSERT INTO run_event_counts VALUES ('{Seeds.Thief}', 'exec', 2), ('{Seeds.Thief}', 'file_access', 1)",
            $"UPDATE runs SET state = '{end}', failure_reason = '{reason}', duration_ns = 2000000000",
        ]);
        _cli.Clock = new SteppingClock(() =>
        {
            if (steps.TryDequeue(out var sql)) _cli.Execute(sql);
        });
        var result = await SubmitAsync(orchestrator, "-skip-registry-validate", "-wait");
        Assert.Equal((code, ""), (result.ExitCode, result.Error));
        Assert.Contains("left-thing@2.0.1: queued\n", result.Out);
        Assert.Contains("left-thing@2.0.1: handed to runner lab-1\n", result.Out);
        Assert.Contains("left-thing@2.0.1: sandbox started", result.Out);
        Assert.EndsWith(last, result.Out);
    }

    [Fact]
    public async Task Waiting_without_a_database_queues_nothing()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        Assert.Contains("no database at", (await SubmitAsync(orchestrator, "-skip-registry-validate", "-wait")).Error);
        Assert.Empty(orchestrator.Requests);
    }

    [Fact]
    public async Task The_actor_tree_is_drawn()
    {
        const string Answer = """
            [{"path":"/user/runners","state":"1 runner","children":1},{"path":"/user/runners/lab-1","state":"idle\u001b[2J","children":0},
             {"path":"/user/dispatcher","state":"0 queued, 1 parked","children":0}]
            """;
        await using var orchestrator = await FakeServer.AnsweringAsync(200, Answer);
        var result = await _cli.RunAsync("actors", "-orchestrator", orchestrator.Address);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        CliFixture.Approve(result.Out, "actors");
        CliFixture.Approve((await _cli.RunAsync("-json", "actors", "-orchestrator", orchestrator.Address)).Out, "actors-json");
        Assert.Equal("GET /ui/actors", orchestrator.Requests.First());
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    /// <summary>A clock whose every wait is over at once, after a step of the story has happened.</summary>
    private sealed class SteppingClock(Action step) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            step();
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
