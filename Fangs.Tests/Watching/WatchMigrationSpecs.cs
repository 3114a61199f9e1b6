using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Actors.Watching;
using Fangs.Tests.Cli;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Watching;

/// <summary>What the migration makes of the watch list of a database that upstream has written.</summary>
public sealed class WatchMigrationSpecs : IDisposable
{
    private readonly CliFixture _cli = new CliFixture().WithSchema(upstream: true);

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Releases_that_upstream_has_scanned_are_queued_its_last_one_waits_and_the_others_are_skipped()
    {
        _cli.Execute("""
            INSERT INTO packages (name, added_at, last_checked_at, last_seen_version) VALUES ('left-thing', '2026-01-01T00:00:00Z', '2026-01-03T00:00:00.5Z', '1.3.0');
            INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at) VALUES
              ('left-thing', '1.0.0', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', 'sha512-x', '0001-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
              ('left-thing', '1.1.0', '', '', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
              ('left-thing', '1.2.0', '', '', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
              ('left-thing', '1.3.0', '', '', '2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z');
            INSERT INTO runs (id, package_name, version, state, started_at) VALUES
              ('000000000000000000000000000000aa', 'left-thing', '1.0.0', 'done', '2026-01-01T00:00:00Z'), ('000000000000000000000000000000bb', 'left-thing', '1.1.0', 'failed', '2026-01-01T00:00:00Z');
            """);
        using (var database = SqliteDatabase.OpenExclusive(_cli.Database))
        {
            Assert.Equal(
            [
                "1.0.0|queued|000000000000000000000000000000aa||da39a3ee5e6b4b0d3255bfef95601890afd80709|", "1.1.0|skipped||recorded but never scanned by an earlier version||2026-01-01T00:00:00.000000000Z",
                "1.2.0|skipped||recorded but never scanned by an earlier version||2026-01-01T00:00:00.000000000Z", "1.3.0|waiting||||2026-01-02T00:00:00.000000000Z",
            ], Rows("SELECT version || '|' || state || '|' || run_id || '|' || skip_reason || '|' || tarball_sha1 || '|' || coalesce(published_at, '') FROM releases ORDER BY version"));
            await using var writer = new StoreWriter(database);
            var memory = await new WatchStore(database, writer, TimeProvider.System).LoadAsync("left-thing");
            // The first poll counts from upstream's last one, not from the day the package was added.
            Assert.Equal((new DateTimeOffset(2026, 1, 3, 0, 0, 0, 500, TimeSpan.Zero), "1.3.0", false), (memory!.Since, memory.LastSeen, memory.IsComplete));
            Assert.Equal(new RegistryRelease("1.3.0", "", "", new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero)), Assert.Single(memory.Open).Release);
        }
    }

    private List<string> Rows(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={_cli.Database};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // constants of the test
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(reader.GetString(0));
        return rows;
    }
}
