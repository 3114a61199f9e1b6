using System.Text.Json;
using Fangs.Protocol;
using Fangs.Tests.Cli;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Http;

/// <summary>A whole orchestrator on PostgreSQL: commands find it, and it survives the loss of its connections.</summary>
public sealed class PostgresOrchestratorSpecs : IAsyncLifetime, IDisposable
{
    private readonly BackendDatabase _database = BackendDatabase.Create(Backend.Postgres);
    private readonly CliFixture _cli = new();
    private OrchestratorFixture _orchestrator = null!;

    public async Task InitializeAsync()
    {
        _orchestrator = new OrchestratorFixture { Database = _database };
        await _orchestrator.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _orchestrator.DisposeAsync();
    }

    public void Dispose()
    {
        _cli.Dispose();
        _database.Dispose();
    }

    [Fact]
    public async Task A_decision_goes_to_the_orchestrator_that_has_the_database_and_is_carried_out_here_when_none_has()
    {
        var run = await ScanAsync();
        Assert.Equal(200, (await _orchestrator.Raw.SendAsync("POST", $"/v1/runs/{run}/events", """{"seq":1,"events":[{"type":2,"payload":{"BinaryPathStr":"/usr/bin/node"}}]}""")).Status);
        Assert.Equal(200, (await _orchestrator.Raw.SendAsync("POST", $"/v1/runs/{run}/result", """{"status":"ok","events_emitted":1}""")).Status);
        await Limits.UntilAsync(() => _database.Rows($"SELECT is_baseline FROM runs WHERE id = '{run}'")[0] == "1");
        var demoted = await _cli.RunPlainAsync(["baseline", "demote", run, .. _database.Flags]);
        Assert.True(demoted.ExitCode == 0, demoted.Error);
        Assert.Equal(["0"], _database.Rows($"SELECT is_baseline FROM runs WHERE id = '{run}'"));

        await _orchestrator.Host.DisposeAsync().Soon();
        var promoted = await _cli.RunPlainAsync(["baseline", "promote", run, .. _database.Flags]);
        Assert.True(promoted.ExitCode == 0, promoted.Error);
        Assert.Equal(["1"], _database.Rows($"SELECT is_baseline FROM runs WHERE id = '{run}'"));
        await _orchestrator.InitializeAsync();
    }

    [Fact]
    public async Task Operators_change_the_watch_list_beside_it()
    {
        var added = await _cli.RunPlainAsync(["package", "add", "left-thing", "-skip-registry-validate", "-skip-initial-scan", .. _database.Flags]);
        Assert.True(added.ExitCode == 0, added.Error);
        Assert.Equal(["left-thing"], _database.Rows("SELECT name FROM packages"));
        var removed = await _cli.RunPlainAsync(["package", "remove", "left-thing", .. _database.Flags]);
        Assert.True(removed.ExitCode == 0, removed.Error);
        Assert.Equal(["package.add", "package.remove"], _database.Rows("SELECT action FROM audit_log ORDER BY id"));
    }

    [Fact]
    public async Task When_all_connections_are_killed_requests_fail_for_a_moment_and_nothing_that_was_accepted_is_lost()
    {
        var accepted = new List<string> { await ScanAsync() };
        for (var round = 0; round < 3; round++)
        {
            _database.Execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            using var limit = new CancellationTokenSource(Limits.Patience);
            while (true)
            {
                var answer = await _orchestrator.Raw.SendAsync("POST", "/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
                if (answer.Status == 202)
                {
                    accepted.Add(JsonDocument.Parse(answer.Body).RootElement.GetProperty("run_id").GetString()!);
                    break;
                }

                Assert.Equal(500, answer.Status);
                Assert.DoesNotContain(PostgresServer.Password, answer.Body, StringComparison.Ordinal);
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
            }
        }

        foreach (var run in accepted) Assert.Equal(["1"], _database.Rows($"SELECT count(*) FROM runs WHERE id = '{run}'"));
        await _orchestrator.RestartAsync();
        Assert.Equal(200, (await _orchestrator.Raw.SendAsync("POST", "/v1/runners/register", """{"runner_id":"r","proto_version":1}""")).Status);
        var delivered = new List<string>();
        while (delivered.Count < accepted.Count)
        {
            var job = await _orchestrator.Raw.SendAsync("GET", "/v1/runners/r/jobs");
            Assert.Equal(200, job.Status);
            delivered.Add(RunId.FromBytes([.. JsonDocument.Parse(job.Body).RootElement.GetProperty("run_id").EnumerateArray().Select(b => b.GetByte())]).ToString());
            if (!accepted.Contains(delivered[^1])) accepted.Add(delivered[^1]); // answered with 500 although it had been stored: a client may have it twice, never not at all
            Assert.Equal(200, (await _orchestrator.Raw.SendAsync("POST", $"/v1/runs/{delivered[^1]}/result", """{"status":"failed","reason":"test"}""")).Status);
        }

        Assert.Equal(accepted.Order(StringComparer.Ordinal), delivered.Order(StringComparer.Ordinal));
    }

    private async Task<string> ScanAsync()
    {
        var answer = await _orchestrator.Raw.SendAsync("POST", "/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
        Assert.Equal(202, answer.Status);
        return JsonDocument.Parse(answer.Body).RootElement.GetProperty("run_id").GetString()!;
    }
}
