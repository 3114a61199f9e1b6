using System.Net;
using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Http;

/// <summary>From events over HTTP to a verdict, and what an operator decides about it, through a real Kestrel, actors and SQLite.</summary>
public sealed class DecisionEndpointSpecs(OrchestratorFixture orchestrator) : IClassFixture<OrchestratorFixture>
{
    private const string Decisions = "/v1/operator/decisions";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Runs_that_are_posted_as_upstream_posts_them_are_judged_and_decided_about()
    {
        var first = await ScanAsync("e2e-thing", Did.Exec("/usr/bin/node"), Did.Lookup("registry.example"), Did.Tls("registry.example"));
        Assert.Equal("done|1|auto|1", Text($"SELECT state, is_baseline, baseline_by, conclusive FROM runs WHERE id = '{first}'"));
        var second = await ScanAsync("e2e-thing", Did.Exec("/usr/bin/node"), Did.Tls("registry.example"), Did.Tls("exfil.example"), Did.Connect("1.1.1.1", 31337), Did.Read("/root/.ssh/id_rsa", tags: 3));
        Assert.Equal("/root/.ssh/id_rsa|crit\n1.1.1.1:31337|warn\nexfil.example|warn", Text($"SELECT value, severity FROM deviations WHERE run_id = '{second}' ORDER BY 1"));

        var key = Text($"SELECT id FROM deviations WHERE run_id = '{second}' AND severity = 'crit'");
        var rejected = await DecideAsync(200, $$"""{"action":"deviation.reject","by":"op","deviation_id":"{{key}}","note":"no business there"}""");
        Assert.Equal((true, second, "e2e-thing", 2), (Bool(rejected, "changed"), String(rejected, "run_id"), String(rejected, "package"), Number(rejected, "deviations_open")));

        var allowed = await DecideAsync(200, """{"action":"allow.add","by":"op","allow":{"kind":"cidr","value":"1.1.1.1","package":"e2e-thing"}}""");
        Assert.Equal((1, 1), (Number(allowed, "deviations_changed"), Number(allowed, "runs_affected")));

        var promoted = await DecideAsync(200, $$"""{"action":"baseline.promote","by":"op","run_id":"{{second}}"}""");
        Assert.Equal((3, 0), (Number(promoted, "fingerprints_merged"), Number(promoted, "deviations_open")));
        Assert.False(Bool(await DecideAsync(200, $$"""{"action":"baseline.promote","by":"op","run_id":"{{second}}"}"""), "changed"));

        var third = await ScanAsync("e2e-thing", Did.Exec("/usr/bin/node"), Did.Tls("exfil.example"), Did.Connect("1.1.1.1", 31337));
        Assert.Equal("1|0", Text($"SELECT is_baseline, (SELECT count(*) FROM deviations d WHERE d.run_id = runs.id) FROM runs WHERE id = '{third}'"));
        Assert.Contains(third, String(await DecideAsync(409, $$"""{"action":"baseline.demote","by":"op","run_id":"{{second}}"}"""), "error"), StringComparison.Ordinal);
        await DecideAsync(200, $$"""{"action":"baseline.demote","by":"op","run_id":"{{third}}"}""");
        Assert.Equal(1, Number(await DecideAsync(200, $$"""{"action":"baseline.demote","by":"op","run_id":"{{second}}"}"""), "fingerprints_removed"));
        Assert.False(Bool(await DecideAsync(200, $$"""{"action":"run.reanalyze","by":"op","run_id":"{{second}}"}"""), "changed"));
        await DecideAsync(200, $$"""{"action":"allow.remove","by":"op","allow_id":"{{String(allowed, "allow_id")}}"}""");
        Assert.Equal("deviation.reject allow.add baseline.promote baseline.demote baseline.demote run.reanalyze allow.remove", Text("SELECT group_concat(action, ' ') FROM (SELECT action FROM audit_log ORDER BY id)"));
    }

    [Fact]
    public async Task A_late_batch_over_http_changes_the_verdict()
    {
        await ScanAsync("late-thing", Did.Exec("/usr/bin/node"));
        var run = await ScanAsync("late-thing", Did.Exec("/usr/bin/node"));
        Assert.Equal("1", Text($"SELECT is_baseline FROM runs WHERE id = '{run}'"));
        await PostAsync(200, $"/v1/runs/{run}/events", $$"""{"seq":2,"events":[{{Did.Tls("late.example")}}]}""");
        await UntilAsync($"SELECT count(*) FROM deviations WHERE run_id = '{run}'", "1");
        await UntilAsync($"SELECT is_baseline || (analyzed_at IS NOT NULL) FROM runs WHERE id = '{run}'", "01");
    }

    public static TheoryData<int, string, string> Refusals() => new()
    {
        { 400, "", "body: required" },
        { 400, "null", "JSON object" },
        { 400, "[]", "object" },
        { 400, "{", "not valid JSON" },
        { 400, "{}", "field \"by\": required" },
        { 400, """{"action":"baseline.promote","run_id":"00112233445566778899aabbccddeeff"}""", "field \"by\": required" },
        { 400, """{"action":"baseline.promote","by":"a\nb","run_id":"00112233445566778899aabbccddeeff"}""", "field \"by\".*control" },
        { 400, """{"action":"approve","by":"op"}""", "field \"action\": must be one of baseline.promote" },
        { 400, """{"by":"op"}""", "field \"action\"" },
        { 400, """{"action":7,"by":"op"}""", "action.*string" },
        { 400, """{"action":"baseline.promote","by":"op"}""", "field \"run_id\"" },
        { 400, """{"action":"baseline.promote","by":"op","run_id":"00112233445566778899AABBCCDDEEFF"}""", "field \"run_id\"" },
        { 400, """{"action":"baseline.demote","by":"op","run_id":"x"}""", "field \"run_id\"" },
        { 400, """{"action":"run.reanalyze","by":"op","run_id":""}""", "field \"run_id\"" },
        { 400, """{"action":"deviation.accept","by":"op"}""", "field \"deviation_id\"" },
        { 400, """{"action":"deviation.reject","by":"op","deviation_id":"%' OR 1"}""", "field \"deviation_id\"" },
        { 400, """{"action":"deviation.reject","by":"op","deviation_id":"ab","dry_run":true}""", "field \"dry_run\"" },
        { 400, """{"action":"allow.add","by":"op"}""", "field \"allow\": required" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"binary","value":"/bin/sh"}}""", "field \"allow.kind\"" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"path","value":"/"}}""", "field \"allow.value\".*every file" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"cidr","value":"0.0.0.0/0"}}""", "field \"allow.value\".*prefix" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"sni"}}""", "field \"allow.value\": required" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"sni","value":"a.example","package":"Bad Name"}}""", "field \"allow.package\"" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"sni","value":"a.example","expires_at":"tomorrow"}}""", "field \"allow.expires_at\"" },
        { 400, """{"action":"allow.add","by":"op","allow":{"kind":"sni","value":"a.example","expires_at":"2030-01-02T03:04:05"}}""", "field \"allow.expires_at\".*offset" },
        { 400, """{"action":"allow.remove","by":"op"}""", "field \"allow_id\"" },
        { 400, $$"""{"action":"allow.remove","by":"op","allow_id":"ab","note":"{{new string('n', 4097)}}"}""", "field \"note\".*4096" },
        { 400, $$"""{"action":"baseline.promote","by":"op","note":"{{new string('n', 17000)}}"}""", "16384 bytes" },
        { 404, """{"action":"baseline.promote","by":"op","run_id":"00112233445566778899aabbccddeeff"}""", "run 00112233445566778899aabbccddeeff does not exist" },
        { 404, """{"action":"baseline.demote","by":"op","run_id":"00112233445566778899aabbccddeeff"}""", "does not exist" },
        { 404, """{"action":"run.reanalyze","by":"op","run_id":"00112233445566778899aabbccddeeff"}""", "does not exist" },
        { 404, """{"action":"deviation.accept","by":"op","deviation_id":"00112233445566778899aabbccddeeff"}""", "deviation .* does not exist" },
        { 404, """{"action":"deviation.reject","by":"op","deviation_id":"00"}""", "deviation 00 does not exist" },
        { 404, """{"action":"allow.remove","by":"op","allow_id":"0011223344556677"}""", "entry 0011223344556677 does not exist" },
        { 404, """{"action":"allow.remove","by":"op","allow_id":"0011223344556677","dry_run":true}""", "does not exist" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_decision_that_cannot_be_is_refused_with_the_field_or_the_reason(int status, string body, string pattern)
    {
        var answer = await orchestrator.Raw.SendAsync("POST", Decisions, body);
        Assert.True(status == answer.Status, $"{answer.Status}: {answer.Body}");
        Assert.Matches(pattern, JsonDocument.Parse(answer.Body).RootElement.GetProperty("error").GetString());
    }

    [Fact]
    public async Task What_contradicts_how_things_stand_is_refused_with_the_reason()
    {
        var waiting = await QueueAsync("refused-thing");
        foreach (var action in new[] { "baseline.promote", "run.reanalyze" }) Assert.Contains("has not ended", await RefusedAsync(action, waiting), StringComparison.Ordinal);
        await PostAsync(200, $"/v1/runs/{waiting}/events", $$"""{"seq":1,"events":[{{Did.Exec("/bin/sh")}}]}""");
        await PostAsync(200, $"/v1/runs/{waiting}/result", """{"status":"failed","events_emitted":1,"reason":"npm ended with status 1"}""");
        await UntilAsync($"SELECT analyzed_at IS NOT NULL FROM runs WHERE id = '{waiting}'", "1");
        Assert.Matches("inconclusive.*npm ended with status 1.*force", await RefusedAsync("baseline.promote", waiting));
        await DecideAsync(200, $$"""{"action":"baseline.promote","by":"op","run_id":"{{waiting}}","force":true}""");
        Assert.Equal("failed|1|manual", Text($"SELECT state, is_baseline, baseline_by FROM runs WHERE id = '{waiting}'"));
        await DecideAsync(200, """{"action":"allow.add","by":"op","allow":{"kind":"dns","value":"twice.example"}}""");
        Assert.Contains("already", String(await DecideAsync(409, """{"action":"allow.add","by":"op","allow":{"kind":"dns","value":"Twice.example."}}"""), "error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_methods_are_not_allowed()
    {
        Assert.Equal(405, (await orchestrator.Raw.SendAsync("GET", Decisions)).Status);
        Assert.Equal(404, (await orchestrator.Raw.SendAsync("POST", Decisions + "/1", "{}")).Status);
    }

    [Fact]
    public async Task The_address_is_beside_the_database_while_the_orchestrator_runs()
    {
        await using var other = await StartedAsync(IPAddress.IPv6Any);
        var path = other.Fixture.DatabasePath;
        Assert.Equal(new Uri($"http://[::1]:{other.Fixture.Host.Address.Port}/"), OrchestratorFile.Read(path));
        await other.Fixture.RestartAsync();
        Assert.Equal(other.Fixture.Host.Address.Port, OrchestratorFile.Read(path)!.Port);
        await other.Fixture.Host.DisposeAsync();
        Assert.Null(OrchestratorFile.Read(path));
        Assert.False(File.Exists(OrchestratorFile.PathFor(path)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not an address")]
    [InlineData("file:///etc/passwd")]
    public void A_file_without_an_address_is_as_good_as_none(string text)
    {
        var path = Path.Combine(orchestrator.Directory, "other.db");
        File.WriteAllText(OrchestratorFile.PathFor(path), text);
        Assert.Null(OrchestratorFile.Read(path));
    }

    private sealed record Started(OrchestratorFixture Fixture) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Fixture.Host.DisposeAsync();
            Directory.Delete(Fixture.Directory, recursive: true);
        }
    }

    private static async Task<Started> StartedAsync(IPAddress address)
    {
        var fixture = new OrchestratorFixture { Settings = new Fangs.Http.OrchestratorSettings { Address = new IPEndPoint(address, 0) } };
        await fixture.InitializeAsync();
        return new Started(fixture);
    }

    // One request per event, each on a connection of its own, then the result; until there is a verdict.
    private async Task<string> ScanAsync(string package, params string[] events)
    {
        var run = await QueueAsync(package);
        for (var i = 0; i < events.Length; i++) await PostAsync(200, $"/v1/runs/{run}/events", $$"""{"seq":{{i + 1}},"events":[{{events[i]}}]}""");
        await PostAsync(200, $"/v1/runs/{run}/result", $$"""{"status":"ok","events_emitted":{{events.Length}}}""");
        await UntilAsync($"SELECT state || (analyzed_at IS NOT NULL) FROM runs WHERE id = '{run}'", "done1");
        return run;
    }

    private async Task<string> QueueAsync(string package) =>
        String(await PostAsync(202, "/v1/scans", $$$"""{"target_runner":"*","Job":{"package_name":"{{{package}}}","version":"1.0.0"}}"""), "run_id");

    private async Task<string> RefusedAsync(string action, string run) => String(await DecideAsync(409, $$"""{"action":"{{action}}","by":"op","run_id":"{{run}}"}"""), "error");

    private Task<JsonElement> DecideAsync(int status, string body) => PostAsync(status, Decisions, body);

    private async Task<JsonElement> PostAsync(int status, string path, string body)
    {
        var answer = await orchestrator.Raw.SendAsync("POST", path, body).WaitAsync(Limit);
        Assert.True(status == answer.Status, $"{path} {body}: {answer.Status} {answer.Body}");
        return JsonDocument.Parse(answer.Body).RootElement;
    }

    private async Task UntilAsync(string sql, string expected)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (Text(sql) is var text && text != expected)
        {
            Assert.False(limit.IsCancellationRequested, $"{sql}: {text}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    private string Text(string sql) => string.Join('\n', LedgerFixture.RowsOf(orchestrator.DatabasePath, sql));

    private static string String(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static bool Bool(JsonElement json, string name) => json.GetProperty(name).GetBoolean();

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();
}
