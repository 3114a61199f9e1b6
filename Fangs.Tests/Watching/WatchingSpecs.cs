using System.Net;
using System.Text.Json;
using Fangs.Actors.Hosting;
using Fangs.Actors.Storage;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Tests.Cli;
using Fangs.Tests.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Watching;

/// <summary>The watcher in a whole orchestrator: HTTP, actors, journal, tables, and the command line.</summary>
public sealed class WatchingSpecs : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly OrchestratorFixture _orchestrator = new();
    private readonly CliFixture _cli = new();
    private WatchRegistry _registry = null!;

    public async Task InitializeAsync()
    {
        _registry = await WatchRegistry.StartAsync();
        _orchestrator.Settings = Settings(new WatchSettings { IsOn = true, TableInterval = TimeSpan.FromMilliseconds(100), AddGrace = TimeSpan.Zero, Registry = _ => Task.FromResult(_registry.Address) });
        await _orchestrator.InitializeAsync();
    }

    public void Dispose() => _cli.Dispose();

    public async Task DisposeAsync()
    {
        await _orchestrator.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [Fact]
    public async Task A_new_release_is_queued_and_the_runner_is_told_what_the_registry_announced()
    {
        _registry.Publish("@scope/thing", DateTimeOffset.UnixEpoch, "1.0.0", "1.1.0");
        Add("@scope/thing");
        await UntilAsync("SELECT count(*) FROM packages WHERE last_seen_version = '1.1.0'", 1);
        await _orchestrator.Raw.SendAsync("POST", "/v1/runners/register", """{"runner_id":"r1","proto_version":1}""");
        var job = JsonDocument.Parse((await _orchestrator.Raw.SendAsync("GET", "/v1/runners/r1/jobs")).Body).RootElement;
        Assert.Equal(("@scope/thing", "1.1.0", "sandbox_scan"), (Text(job, "package_name"), Text(job, "version"), Text(job, "kind")));
        Assert.Equal((WatchRegistry.IntegrityOf("@scope/thing", "1.1.0"), WatchRegistry.Sha1Of("@scope/thing", "1.1.0")), (Text(job, "integrity"), Text(job, "tarball_sha1")));
        Assert.Equal((60_000_000_000, "node:20-slim", "bridge"), (job.GetProperty("duration").GetInt64(), Text(job.GetProperty("sandbox"), "image"), Text(job.GetProperty("sandbox"), "network_mode")));
        Assert.NotEqual(0, job.GetProperty("watched_paths").GetArrayLength());
        var run = Convert.ToHexStringLower([.. job.GetProperty("run_id").EnumerateArray().Select(b => b.GetByte())]);
        Assert.Equal("pending|queued", Scalar($"SELECT n.state || '|' || r.state FROM runs n JOIN releases r ON r.run_id = n.id WHERE n.id = '{run}'").Replace("building", "pending", StringComparison.Ordinal));
        Assert.Equal(200, (await _orchestrator.Raw.SendAsync("POST", $"/v1/runs/{run}/result", """{"status":"failed","reason":"integrity mismatch: x","details":{"integrity":"sha512-found"}}""")).Status);
        Assert.Equal("sha512-found", Scalar($"SELECT npm_integrity FROM runs WHERE id = '{run}'"));
    }

    [Fact]
    public async Task Package_add_and_the_watcher_queue_the_latest_release_once_whoever_is_quicker()
    {
        _registry.Publish("left-thing", DateTimeOffset.UnixEpoch, "1.0.0");
        // Stands between the command and the orchestrator, and lets the scan through when the watcher has queued it long since.
        await using var slow = await FakeServer.StartAsync(async (context, body) =>
        {
            await UntilAsync("SELECT count(*) FROM releases WHERE state = 'queued'", 1);
            var answer = await _orchestrator.Raw.SendAsync("POST", "/v1/scans", body);
            context.Response.StatusCode = answer.Status;
            await context.Response.WriteAsync(answer.Body);
        });
        var added = await _cli.RunPlainAsync("package", "add", "left-thing", "-registry", _registry.Address.ToString(), "-orchestrator", slow.Address, "-sqlite-path", _orchestrator.DatabasePath);
        Assert.Equal((0, ""), (added.ExitCode, added.Error));
        var run = Scalar("SELECT run_id FROM releases WHERE package_name = 'left-thing' AND version = '1.0.0'");
        Assert.Contains($"Run       {run}", added.Out, StringComparison.Ordinal);
        Assert.Equal(("1", "1.0.0"), (Scalar("SELECT count(*) FROM runs"), Scalar("SELECT last_seen_version FROM packages")));
    }

    [Fact]
    public async Task Package_check_polls_now_and_says_what_it_found()
    {
        _registry.Publish("left-thing", DateTimeOffset.UnixEpoch, "1.0.0");
        Add("left-thing");
        await UntilAsync("SELECT count(*) FROM packages WHERE last_seen_version = '1.0.0'", 1);
        _registry.Publish("left-thing", "1.1.0", DateTimeOffset.UnixEpoch.AddDays(1));
        var result = await CheckAsync("left-thing");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Matches("^Package   left-thing\nLatest    1.1.0\nFound     1 new release\nQueued    1.1.0  run [0-9a-f]{12}\nNext poll .*\n$", result.Out);
        Assert.Contains("has not changed", (await CheckAsync("left-thing")).Out, StringComparison.Ordinal);
        var json = JsonDocument.Parse((await CheckAsync("left-thing", "-json")).Out).RootElement;
        Assert.Equal(("1.1.0", false, 0), (json.GetProperty("latest_version").GetString(), json.GetProperty("changed").GetBoolean(), json.GetProperty("queued").GetArrayLength()));
    }

    [Fact]
    public async Task Package_check_says_why_it_cannot()
    {
        var unknown = await CheckAsync("@scope/other");
        Assert.Equal(3, unknown.ExitCode);
        Assert.Contains("@scope/other is not watched", unknown.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await CheckAsync("No")).ExitCode);
        Add("gone");
        var failed = await CheckAsync("gone");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("the registry has no package gone", failed.Error, StringComparison.Ordinal);
        Assert.Equal(400, (await _orchestrator.Raw.SendAsync("POST", "/v1/operator/packages/No%2F%2Fname/check")).Status);
        _orchestrator.Settings = Settings(new WatchSettings());
        await _orchestrator.RestartAsync();
        Assert.Contains("the watcher is off", (await CheckAsync("gone")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_in_the_middle_of_polls_loses_nothing()
    {
        for (var i = 0; i < 40; i++)
        {
            _registry.Publish($"p{i}", DateTimeOffset.UnixEpoch, "1.0.0");
            Add($"p{i}");
        }

        _registry.Latency = TimeSpan.FromMilliseconds(20);
        for (var round = 0; round < 4; round++)
        {
            await UntilAsync("SELECT count(*) >= " + ((round + 1) * 8) + " FROM runs", 1);
            await _orchestrator.RestartAsync();
        }

        await UntilAsync("SELECT count(*) FROM packages WHERE last_seen_version = '1.0.0'", 40);
        Assert.Equal("40|40|40", Scalar("SELECT (SELECT count(*) FROM runs) || '|' || (SELECT count(DISTINCT package_name) FROM runs) || '|' || (SELECT count(*) FROM releases WHERE state = 'queued')"));
    }

    [Fact]
    public async Task A_thousand_packages_are_polled_with_two_requests_each_four_at_a_time_and_then_with_one()
    {
        const int Packages = 1000;
        for (var i = 0; i < Packages; i++) _registry.Publish($"p{i}", DateTimeOffset.UnixEpoch, "1.0.0", "1.1.0", "1.2.0");
        _registry.Latency = TimeSpan.FromMilliseconds(20);
        Add([.. Enumerable.Range(0, Packages).Select(i => $"p{i}")]);
        await UntilAsync("SELECT count(*) FROM packages WHERE last_seen_version = '1.2.0'", Packages);
        Assert.Equal((2 * Packages, 4), (_registry.Requests.Count, _registry.MostAtOnce));
        Assert.Equal($"{Packages}|{Packages}|{2 * Packages}", Scalar("SELECT (SELECT count(*) FROM runs) || '|' || (SELECT count(*) FROM releases WHERE state = 'queued') || '|' || (SELECT count(*) FROM releases WHERE state = 'skipped')"));
        await _orchestrator.RestartAsync(); // polls everything once at the start
        await UntilConditionAsync(() => _registry.Requests.Count(r => r.Status == 304) == Packages);
        Assert.Equal(3 * Packages, _registry.Requests.Count);
        Assert.Equal(Packages.ToString(System.Globalization.CultureInfo.InvariantCulture), Scalar("SELECT count(*) FROM runs"));
    }

    private static OrchestratorSettings Settings(WatchSettings watch) =>
        new() { Address = new IPEndPoint(IPAddress.Loopback, 0), Core = new CoreSettings { Watch = watch } };

    private Task<CliResult> CheckAsync(string package, params string[] more) =>
        _cli.RunPlainAsync(["package", "check", package, "-orchestrator", _orchestrator.Host.Address.ToString(), .. more]);

    private void Add(params string[] packages)
    {
        using var database = new SqliteConnection($"Data Source={_orchestrator.DatabasePath}");
        database.Open();
        using var transaction = database.BeginTransaction();
        foreach (var package in packages)
        {
            using var command = database.CreateCommand();
            command.CommandText = "INSERT INTO packages (name, added_at) VALUES ($1, $2)";
            command.Parameters.AddWithValue("$1", package);
            command.Parameters.AddWithValue("$2", StorageText.Time(TimeProvider.System.GetUtcNow()));
            command.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    private Task UntilAsync(string sql, long expected) => UntilConditionAsync(() => Scalar(sql) == expected.ToString(System.Globalization.CultureInfo.InvariantCulture));

    private static async Task UntilConditionAsync(Func<bool> isTrue)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!isTrue()) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private string Scalar(string sql)
    {
        using var database = new SqliteConnection($"Data Source={_orchestrator.DatabasePath};Mode=ReadOnly");
        database.Open();
        using var command = database.CreateCommand();
#pragma warning disable CA2100 // constants and ids of the test
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteScalar()?.ToString() ?? "";
    }
}
