using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Cli;

public sealed class WatchListSpecs : IDisposable
{
    private const string Accepted = $$"""{"queued":true,"run_id":"{{Seeds.Thief}}"}""";

    private const string Packument = """
        {"dist-tags":{"latest":"2.0.1"},"time":{"2.0.1":"2026-01-01T10:00:00.5Z"},
         "versions":{"2.0.1":{"dist":{"shasum":"0123456789abcdef0123456789abcdef01234567","integrity":"sha512-AA=="}}}}
        """;

    private readonly CliFixture _cli = new CliFixture().WithSchema();

    public WatchListSpecs() => _cli.Set("SUDO_USER", "ann");

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_package_is_watched_and_its_latest_release_is_scanned()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        await using var registry = await FakeServer.AnsweringAsync(200, Packument);
        var result = await AddAsync(orchestrator, registry);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(
            $"Watching  left-thing\nLatest    2.0.1\nRun       {Seeds.Thief}\nWatch     fangs run show 019ac0aa0000\n          {orchestrator.Address}/ui/runs/{Seeds.Thief}\n",
            result.Out);
        Assert.Equal("GET /left-thing", Assert.Single(registry.Requests));
        var job = JsonDocument.Parse(Assert.Single(orchestrator.Requests)["POST /v1/scans ".Length..]).RootElement.GetProperty("Job");
        Assert.Equal(("left-thing", "2.0.1"), (job.GetProperty("package_name").GetString(), job.GetProperty("version").GetString()));
        Assert.Equal(60_000_000_000, job.GetProperty("duration").GetInt64());

        Assert.Equal("2.0.1", Scalar("SELECT last_seen_version FROM packages WHERE name = 'left-thing'"));
        Assert.Equal(
            "left-thing 2.0.1 0123456789abcdef0123456789abcdef01234567 sha512-AA== 2026-01-01T10:00:00.500000000Z",
            Scalar("SELECT concat_ws(' ', package_name, version, tarball_sha256, npm_integrity, published_at) FROM releases"));
        Assert.Equal("ann package.add left-thing, ann release.take_up left-thing", Audit());
    }

    [Fact]
    public async Task The_answer_is_available_as_JSON()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        await using var registry = await FakeServer.AnsweringAsync(200, Packument);
        var answer = JsonDocument.Parse((await AddAsync(orchestrator, registry, "-json")).Out).RootElement;
        Assert.Equal(("left-thing", true, "2.0.1", Seeds.Thief), (
            answer.GetProperty("package").GetString(), answer.GetProperty("added").GetBoolean(), answer.GetProperty("latest_version").GetString(),
            answer.GetProperty("kickoff_run_id").GetString()));
        Assert.Equal("{\n  \"package\": \"left-thing\",\n  \"removed\": true\n}\n", (await _cli.RunAsync("package", "rm", "left-thing", "-json")).Out);
    }

    [Fact]
    public async Task A_scan_that_is_not_accepted_is_a_warning_and_leaves_the_release_to_the_watcher()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(503, """{"error":"not now"}""");
        await using var registry = await FakeServer.AnsweringAsync(200, Packument);
        var result = await AddAsync(orchestrator, registry);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("warning: left-thing is watched, but its scan was not accepted: the orchestrator answered 503: not now", result.Error);
        Assert.Contains("No scan was queued: the orchestrator answered 503: not now\n", result.Out);
        var asked = JsonDocument.Parse(Assert.Single(orchestrator.Requests)["POST /v1/scans ".Length..]).RootElement.GetProperty("Job").GetProperty("run_id");
        var run = Convert.ToHexStringLower([.. asked.EnumerateArray().Select(n => n.GetByte())]);
        Assert.Equal(("", $"2.0.1 queueing {run}"), (Scalar("SELECT last_seen_version FROM packages"), Scalar("SELECT concat_ws(' ', version, state, run_id) FROM releases")));
    }

    [Fact]
    public async Task Without_the_registry_the_latest_release_is_neither_known_nor_scanned()
    {
        await using var server = await FakeServer.AnsweringAsync(500, "");
        var result = await AddAsync(server, server, "-skip-registry-validate", "-json");
        Assert.Equal("{\n  \"package\": \"left-thing\",\n  \"latest_version\": \"\",\n  \"added\": true\n}\n", result.Out);
        Assert.Empty(server.Requests);
        Assert.Equal(("", "0"), (Scalar("SELECT last_seen_version FROM packages"), Scalar("SELECT COUNT(*) FROM releases")));
    }

    [Fact]
    public async Task A_first_scan_that_is_not_wanted_is_not_made_up_for_later()
    {
        await using var server = await FakeServer.AnsweringAsync(200, Packument);
        Assert.Contains("No scan was queued: -skip-initial-scan was given\n", (await AddAsync(server, server, "-skip-initial-scan")).Out);
        Assert.Equal("GET /left-thing", Assert.Single(server.Requests));
        Assert.Equal("2.0.1", Scalar("SELECT last_seen_version FROM packages"));
    }

    [Fact]
    public async Task A_package_that_is_watched_already_is_refused_with_the_time()
    {
        _cli.Execute("INSERT INTO packages (name, added_at) VALUES ('left-thing', '2026-01-01T00:00:00.000000000Z')");
        await using var server = await FakeServer.AnsweringAsync(200, Packument);
        var result = await AddAsync(server, server);
        Assert.Equal((1, "fangs: left-thing is watched already, since 2026-01-01 00:00:00\n"), (result.ExitCode, result.Error));
        Assert.Empty(server.Requests);
    }

    [Theory]
    [InlineData(404, "{}", 3)]
    [InlineData(500, "{}", 1)]
    [InlineData(200, "{}", 3)]
    [InlineData(200, """{"dist-tags":{"latest":"not a version"}}""", 3)]
    [InlineData(200, """{"dist-tags":{"latest":"\ud800"}}""", 3)]
    public async Task What_the_registry_does_not_know_is_not_watched(int status, string body, int code)
    {
        await using var registry = await FakeServer.AnsweringAsync(status, body);
        Assert.Equal(code, (await AddAsync(registry, registry)).ExitCode);
        Assert.Equal("0", Scalar("SELECT COUNT(*) FROM packages"));
    }

    [Fact]
    public async Task A_release_of_which_the_registry_tells_little_is_recorded_all_the_same()
    {
        await using var orchestrator = await FakeServer.AnsweringAsync(202, Accepted);
        await using var registry = await FakeServer.AnsweringAsync(200, """{"dist-tags":{"latest":"2.0.1"},"time":{"2.0.1":7},"versions":[]}""");
        Assert.Equal(0, (await AddAsync(orchestrator, registry)).ExitCode);
        Assert.Equal("left-thing 2.0.1  ", Scalar("SELECT package_name || ' ' || version || ' ' || tarball_sha256 || ' ' || npm_integrity FROM releases WHERE published_at IS NULL"));
    }

    [Fact]
    public async Task Removing_a_package_takes_its_releases_along_and_leaves_its_runs()
    {
        _cli.Execute(
            "INSERT INTO packages (name, added_at) VALUES ('left-thing', 'x'); INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at) VALUES ('left-thing', '1.0.0', '', '', NULL, 'x');"
            + Seeds.Run(Seeds.Thief, "left-thing", "1.0.0", "done", 0));
        Assert.Equal("left-thing is not watched any more. Its runs and its baseline stay.\n", (await _cli.RunAsync("package", "remove", "left-thing")).Out);
        Assert.Equal(("0", "0", "1"), (Scalar("SELECT COUNT(*) FROM packages"), Scalar("SELECT COUNT(*) FROM releases"), Scalar("SELECT COUNT(*) FROM runs")));
        Assert.Equal("ann package.remove left-thing", Audit());
        Assert.Equal(3, (await _cli.RunAsync("package", "remove", "left-thing")).ExitCode);
    }

    [Theory]
    [InlineData("package add Upper", 2)]
    [InlineData("package add", 2)]
    [InlineData("package add a -duration 0", 2)]
    [InlineData("package remove", 2)]
    [InlineData("notifier add -name a -url ftp://x/", 2)]
    [InlineData("notifier add -name a -url http://x/", 2)]
    [InlineData("notifier add -name a -url x", 2)]
    [InlineData("notifier add -name a", 2)]
    [InlineData("notifier add -url https://x/", 2)]
    [InlineData("notifier add -name a -url https://x/ -template sms", 2)]
    [InlineData("notifier add -name a -url https://x/ -min-severity bad", 2)]
    [InlineData("notifier add -name a -url https://x/ -headers []", 2)]
    [InlineData("notifier add -name a -url https://x/ -headers {\"a\":1}", 2)]
    [InlineData("notifier add -name a -url https://x/ -headers {\"a:b\":\"c\"}", 2)]
    [InlineData("notifier add -name a -url https://x/ -headers {\"a\":\"b\\nc\"}", 2)]
    [InlineData("notifier add -name a -url https://x/ -secret-env $KEY", 2)]
    [InlineData("notifier add -name a -url https://x/ -template slack -secret-env KEY", 2)]
    [InlineData("notifier remove a", 3)]
    public async Task What_makes_no_sense_changes_nothing(string command, int code)
    {
        Assert.Equal(code, (await _cli.RunAsync(command.Split(' '))).ExitCode);
        Assert.Equal("0", Scalar("SELECT (SELECT COUNT(*) FROM packages) + (SELECT COUNT(*) FROM notifiers) + (SELECT COUNT(*) FROM audit_log)"));
    }

    [Fact]
    public async Task A_target_is_added_changed_and_removed()
    {
        string[] add = ["notifier", "add", "-name", "soc", "-url", "http://[::1]:9/in/T0KEN"];
        Assert.Equal("Added soc, which posts to http://[::1]:9/…\n", (await _cli.RunAsync(add)).Out);
        var created = Scalar("SELECT created_at FROM notifiers");
        var changed = await _cli.RunAsync([.. add, "-min-severity", "CRITICAL", "-headers", """{"X-A":"${B}"}""", "-secret-env", "KEY", "-enabled=false", "-json"]);
        Assert.Equal("{\n  \"name\": \"soc\",\n  \"added\": false\n}\n", changed.Out);
        Assert.Equal(
            """http://[::1]:9/in/T0KEN generic KEY {"X-A":"${B}"} crit 0 """ + created,
            Scalar("SELECT concat_ws(' ', url, template, secret_env, headers, min_severity, enabled, created_at) FROM notifiers"));
        Assert.Equal("{\n  \"name\": \"soc\",\n  \"removed\": true\n}\n", (await _cli.RunAsync("notifier", "rm", "soc", "-json")).Out);
        Assert.Equal("ann notifier.add soc, ann notifier.change soc, ann notifier.remove soc", Audit());
        Assert.DoesNotContain("T0KEN", Scalar("SELECT group_concat(detail) FROM audit_log"));
    }

    [Fact]
    public async Task The_watch_list_of_a_database_that_upstream_made_is_not_changed()
    {
        using var old = new CliFixture().WithSchema(upstream: true);
        foreach (var command in new[] { "package remove a", "notifier remove a", "notifier add -name a -url https://x/" })
        {
            var result = await old.RunAsync(command.Split(' '));
            Assert.Equal(1, result.ExitCode);
            Assert.Contains("has schema version 0004_allowlists", result.Error);
        }
    }

    [Fact]
    public async Task A_change_waits_for_another_writer()
    {
        using var connection = new SqliteConnection($"Data Source={_cli.Database};Pooling=False");
        connection.Open();
        var transaction = connection.BeginTransaction();
        var change = Task.Run(() => _cli.RunAsync("notifier", "add", "-name", "soc", "-url", "https://x/"));
        using (var command = connection.CreateCommand())
        {
            command.Transaction = transaction;
            command.CommandText = "INSERT INTO packages (name, added_at) VALUES ('a', 'x')";
            command.ExecuteNonQuery();
        }

        transaction.Commit();
        Assert.Equal(0, (await change.WaitAsync(TimeSpan.FromSeconds(30))).ExitCode);
        Assert.Equal("1", Scalar("SELECT COUNT(*) FROM notifiers"));
    }

    private Task<CliResult> AddAsync(FakeServer orchestrator, FakeServer registry, params string[] more) =>
        _cli.RunAsync(["package", "add", "left-thing", "-orchestrator", orchestrator.Address, "-registry", registry.Address, .. more]);

    private string Audit() => Scalar("SELECT group_concat(actor || ' ' || action || ' ' || subject, ', ' ORDER BY id) FROM audit_log");

    private string Scalar(string sql) => _cli.Scalar(sql);
}
