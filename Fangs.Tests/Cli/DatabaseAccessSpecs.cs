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
        await _cli.RunAsync("package", "list");
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
