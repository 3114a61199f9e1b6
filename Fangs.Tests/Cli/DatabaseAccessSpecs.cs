using System.Security.Cryptography;

namespace Fangs.Tests.Cli;

public sealed class DatabaseAccessSpecs : IDisposable
{
    private readonly CliFixture _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("run", "list")]
    [InlineData("package", "list")]
    [InlineData("run", "show", "abcd")]
    public async Task A_missing_database_is_an_error_that_names_the_absolute_path_and_nothing_is_created(params string[] command)
    {
        var missing = Path.Combine(_cli.Folder, "sub", "..", "none.db");
        var result = await _cli.RunPlainAsync([.. command, "-sqlite-path", missing]);
        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.StartsWith($"fangs: no database at {Path.Combine(_cli.Folder, "none.db")}", result.Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_cli.Folder));
    }

    [Fact]
    public async Task A_newer_schema_is_refused_with_both_versions()
    {
        _cli.WithSchema().Execute("INSERT INTO schema_migrations (version) VALUES ('0999_future')");
        var result = await _cli.RunAsync("run", "list");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("0999_future", result.Error);
        Assert.Contains(Fangs.Actors.Storage.Queries.SchemaVersions.Known[^1], result.Error);
    }

    [Fact]
    public async Task Another_database_is_refused()
    {
        _cli.Execute("CREATE TABLE runs (id TEXT)");
        Assert.Contains("not a FANGS database", (await _cli.RunAsync("run", "list")).Error);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused()
    {
        await File.WriteAllTextAsync(_cli.Database, new string('x', 5_000));
        var result = await _cli.RunAsync("run", "list");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"cannot read {_cli.Database}", result.Error);
    }

    [Fact]
    public async Task Reading_changes_nothing()
    {
        _cli.Seeded();
        var before = Hash();
        await _cli.RunAsync("run", "list");
        await _cli.RunAsync("run", "show", Seeds.Thief, "-events");
        foreach (var command in new[] { "package list", "package watched", "pending", "deviation list", "allow list", "notifier list", "diff 019ac0aa 019ad2" })
            Assert.Equal(0, (await _cli.RunAsync(command.Split(' '))).ExitCode);
        Assert.Equal(before, Hash());
    }

    [Fact]
    public async Task Help_and_version_need_no_database()
    {
        Assert.Equal(0, (await _cli.RunAsync("help")).ExitCode);
        Assert.Equal(0, (await _cli.RunAsync("version")).ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_cli.Folder));
    }

    [Fact]
    public async Task A_database_that_upstream_made_is_read_as_it_is()
    {
        _cli.WithSchema(upstream: true).Execute(
            Seeds.Run(Seeds.Thief, "left-thing", "2.0.1", "done", 0)
            + string.Concat(Seeds.ThiefEvents().Select((e, i) => Seeds.Event(Seeds.Thief, i + 1, e.Type, e.Data))));
        await ShowsUpstreamsEvents();
    }

    [Fact]
    public async Task A_run_of_upstream_without_batches_is_read_after_the_migration_too()
    {
        _cli.WithSchema().Execute(
            "CREATE INDEX events_run ON events (run_id, ts_ns);" + Seeds.Run(Seeds.Thief, "left-thing", "2.0.1", "done", 0)
            + string.Concat(Seeds.ThiefEvents().Select((e, i) => Seeds.Event(Seeds.Thief, i + 1, e.Type, e.Data))));
        await ShowsUpstreamsEvents();
    }

    [Theory]
    [InlineData("0001_init")]
    [InlineData("0002_notifiers")]
    [InlineData("0003_run_result")]
    [InlineData("0004_allowlists")]
    [InlineData("0005_ingest")]
    [InlineData("0006_verdicts")]
    public async Task A_database_of_any_version_is_read_by_every_command_and_left_as_it_is(string version)
    {
        const string Other = "019ab0ee000000000000000000000005";
        _cli.WithSchemaUpTo(version).Execute(
            Seeds.Run(Other, "left-thing", "2.0.0", "done", -60, "is_baseline = 1, finished_at = '2026-01-02T03:04:05Z'")
            + Seeds.Run(Seeds.Thief, "left-thing", "2.0.1", "done", 0, "finished_at = '2026-01-02T03:04:08.5Z'")
            + Seeds.Event(Other, 1, "exec", Seeds.Exec(9, 1, "/usr/bin/node", ["node"], "node", "npm", "install", 5)) + Seeds.Event(Other, 2, "exec", "[]")
            + string.Concat(Seeds.ThiefEvents().Select((e, i) => Seeds.Event(Seeds.Thief, i + 3, e.Type, e.Data)))
            + "INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count)"
            + $" VALUES ('left-thing', 'proc_new_exec', '/usr/bin/node', '{Other}', '{Other}', 1);"
            + "INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES "
            + $"('dddd1', '{Seeds.Thief}', 'net_new_dns', 'late.example', 4, 'warn', '2026-01-02T03:04:09.5Z'), ('dddd2', '{Seeds.Thief}', 'net_new_dns', 'early.example', 4, 'warn', '2026-01-02T03:04:09Z');"
            + "INSERT INTO packages (name, added_at) VALUES ('left-thing', '2026-01-01T00:00:00Z');"
            + "INSERT INTO releases VALUES ('left-thing', '2.0.0', '', '', '0001-01-01T00:00:00Z', '2026-01-01T00:00:00Z');");
        // Without batches an index on events is what leads to them.
        if (string.CompareOrdinal(version, "0005") > 0) _cli.Execute("CREATE INDEX events_run ON events (run_id, ts_ns);");
        var before = Hash();
        string[] commands =
        [
            "run list", "run show " + Seeds.Thief, "package list", "package watched", "release list -package left-thing", "deviation list", "deviation list -status open",
            "deviation show dddd1", "pending", "baseline list -package left-thing", "allow list", "notifier list", "notifier history -run " + Seeds.Thief,
            "diff left-thing 2.0.0 2.0.1",
        ];
        var shown = new Dictionary<string, string>();
        foreach (var command in commands)
        {
            foreach (var format in new[] { "-json", "-json=false" })
            {
                var result = await _cli.RunAsync([.. command.Split(' '), format]);
                Assert.Equal((command, 0, ""), (command, result.ExitCode, result.Error));
                shown[command] = result.Out;
            }
        }

        Assert.Equal(before, Hash());
        Assert.Contains("-         ", shown["release list -package left-thing"]);
        Assert.DoesNotContain("0001-01-01", shown["release list -package left-thing"]);
        Assert.Contains("baseline promote 019ac0aa0000", shown["pending"]);
        Assert.DoesNotContain("019ab0ee0000", shown["pending"]);
        Assert.Contains("evil.example", shown["diff left-thing 2.0.0 2.0.1"]);
        // Upstream writes no zeros at the end of a fraction, so that the order of the texts is not that of the instants.
        if (version != "0006_verdicts") Assert.Matches("(?s)late\\.example.*early\\.example", shown["deviation list"]);
    }

    [Fact]
    public async Task What_an_orchestrator_is_writing_is_no_obstacle()
    {
        _cli.WithMigratedSchema().Execute(Seeds.Run(Seeds.Thief, "left-thing", "2.0.1", "done", 0));
        using var writer = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_cli.Database};Pooling=False");
        writer.Open();
        using var transaction = writer.BeginTransaction();
        using var command = writer.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = Seeds.Run(Seeds.Broken, "left-thing", "2.0.2", "done", 1);
        command.ExecuteNonQuery();
        var listed = await _cli.RunAsync("run", "list").WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Contains("2.0.1", listed.Out);
        Assert.DoesNotContain("2.0.2", listed.Out);
        transaction.Commit();
        Assert.Contains("2.0.2", (await _cli.RunAsync("run", "list")).Out);
    }

    private async Task ShowsUpstreamsEvents()
    {
        Assert.Contains("left-thing", (await _cli.RunAsync("run", "list")).Out);
        var shown = (await _cli.RunAsync("run", "show", "019ac0", "-events")).Out;
        Assert.Contains("12 events: file_access 5, exec 2, net_connect 2,", shown);
        Assert.Contains("Events (12)", shown);
        Assert.Contains("evil.example  198.18.0.7:443  dns/tls/connect", shown);
    }

    private string Hash() => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_cli.Database)));
}
