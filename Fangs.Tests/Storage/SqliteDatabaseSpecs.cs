using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Protocol;
using Fangs.Tests.Ingest;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Storage;

/// <summary>Opening a database file: a new one, an old one, one of the original, and those that must not be opened.</summary>
public sealed class SqliteDatabaseSpecs : IDisposable
{
    private const string Run = "1886d1b1a3c5e0000000000000000000";

    private readonly TemporaryDatabase _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    public void A_new_file_is_made_with_its_directory_and_all_migrations()
    {
        var path = Path.Combine(Path.GetDirectoryName(_file.File)!, "a", "b", "fangs.db");
        using (SqliteDatabase.OpenExclusive(path)) Assert.True(File.Exists(path));
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        string Value(string sql) => $"{new SqliteCommand(sql, connection).ExecuteScalar()}";
        Assert.Equal(("wal", "16384"), (Value("PRAGMA journal_mode"), Value("PRAGMA page_size")));
        Assert.Equal($"{SqliteMigrator.Known.Count}", Value("SELECT count(*) FROM schema_migrations WHERE length(checksum) = 64"));
    }

    [Fact]
    public void The_versions_are_the_originals_and_then_ours() =>
        Assert.Equal(["0001_init", "0002_notifiers", "0003_run_result", "0004_allowlists", "0005_ingest"], SqliteMigrator.Known.Select(m => m.Version).Take(5));

    [Theory]
    [InlineData("PRAGMA synchronous", "2")]
    [InlineData("PRAGMA foreign_keys", "1")]
    [InlineData("PRAGMA busy_timeout", "5000")]
    public void A_connection_that_writes_is_durable_and_keeps_references(string pragma, string value)
    {
        using var connection = _file.Database.OpenWriter();
        using var command = new SqliteCommand(pragma, connection);
        Assert.Equal(value, $"{command.ExecuteScalar()}");
    }

    [Fact]
    public void A_connection_that_reads_cannot_write()
    {
        using var connection = _file.Database.OpenReader();
        using var command = new SqliteCommand("DELETE FROM runs", connection);
        Assert.Contains("readonly", Assert.Throws<SqliteException>(() => command.ExecuteNonQuery()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Opening_again_and_again_changes_nothing()
    {
        _ = _file.Database;
        var before = Everything();
        for (var i = 0; i < 3; i++)
        {
            _file.Close();
            _ = _file.Database;
        }

        Assert.Equal(before, Everything());
    }

    [Fact]
    public void A_second_orchestrator_is_refused_while_the_first_one_runs()
    {
        _ = _file.Database;
        var refusal = Assert.Throws<StorageUnusableException>(() => SqliteDatabase.OpenExclusive(_file.File));
        Assert.Contains(_file.File, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("another orchestrator", refusal.Message, StringComparison.Ordinal);
        _file.Close();
        SqliteDatabase.OpenExclusive(_file.File).Dispose();
    }

    [Fact]
    public void A_newer_version_is_refused_with_both_versions_and_the_file_stays_free()
    {
        _ = _file.Database;
        _file.Close();
        _file.Execute("INSERT INTO schema_migrations (version, checksum) VALUES ('0999_future', '')");
        var before = Everything();
        for (var i = 0; i < 2; i++)
        {
            var refusal = Assert.Throws<StorageUnusableException>(() => _file.Database);
            Assert.Contains("0999_future", refusal.Message, StringComparison.Ordinal);
            Assert.Contains(SqliteMigrator.Known[^1].Version, refusal.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, Everything());
    }

    [Fact]
    public void A_migration_with_another_text_is_refused_by_its_name()
    {
        _ = _file.Database;
        _file.Close();
        _file.Execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = '0005_ingest'");
        Assert.Contains("another text of migration 0005_ingest", Assert.Throws<StorageUnusableException>(() => _file.Database).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused_by_its_path()
    {
        File.WriteAllText(_file.File, new string('x', 8192));
        Assert.Contains(_file.File, Assert.Throws<StorageUnusableException>(() => _file.Database).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_whose_directory_cannot_be_made_is_refused_in_words()
    {
        File.WriteAllText(_file.File, "");
        var refusal = Assert.Throws<StorageUnusableException>(() => SqliteDatabase.OpenExclusive(Path.Combine(_file.File, "fangs.db")));
        Assert.Contains("-sqlite-path", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_the_original_keeps_its_rows_and_goes_on()
    {
        MakeUpstream();
        string[] tables = ["packages", "releases", "runs", "events", "baseline_fingerprints", "deviations", "notifiers", "notifications", "allowlists"];
        var before = tables.ToDictionary(t => t, t => _file.Rows($"SELECT count(*) FROM {t}"));
        await using var stores = new SqliteStores(_file, TimeProvider.System, 100);
        Assert.All(before, table => Assert.Equal(table.Value, _file.Rows($"SELECT count(*) FROM {table.Key}")));
        Assert.Equal(SqliteMigrator.Known.Select(m => m.Version), _file.Rows("SELECT version FROM schema_migrations ORDER BY version"));
        Assert.Equal(["left-thing|2.0.0|done|1|3|2|5"], _file.Rows("SELECT package_name, version, state, is_baseline, events_emitted, events_dropped, duration_ns FROM runs"));
        Assert.Equal(["""7|file_access|{"PathName":"/etc/hosts"}"""], _file.Rows("SELECT id, type, data FROM events"));
        Assert.Equal(["7"], _file.Rows("SELECT evidence_event_id FROM deviations"));
        Assert.Empty(_file.Rows("PRAGMA foreign_key_check"));

        // Old runs take late batches, whose events get ids behind the old ones.
        var found = await stores.Runs.FindAsync(RunId.Parse(Run)).Soon();
        Assert.Equal(RunStates.Done, found!.State);
        using var batch = await Batches.Prepare(RunId.Parse(Run), 1, """{"type":2,"payload":{}}""");
        Assert.Equal(new AppendOutcome(false, 1, null), Assert.Single(await stores.Events.AppendAsync([batch]).Soon()));
        Assert.Equal(["7", "8"], _file.Rows("SELECT id FROM events ORDER BY id"));
    }

    [Fact]
    public void A_migration_that_fails_is_named_and_undone_and_can_be_done_later()
    {
        MakeUpstream();
        _file.Execute("CREATE TABLE run_history (x)");
        Assert.Contains("0005_ingest", Assert.Throws<StorageUnusableException>(() => _file.Database).Message, StringComparison.Ordinal);
        Assert.Empty(_file.Rows("SELECT name FROM sqlite_master WHERE name = 'event_batches'"));
        Assert.Equal(["0004_allowlists"], _file.Rows("SELECT max(version) FROM schema_migrations"));
        _file.Execute("DROP TABLE run_history");
        _ = _file.Database;
        Assert.Equal([SqliteMigrator.Known[^1].Version], _file.Rows("SELECT max(version) FROM schema_migrations"));
    }

    // The tables of the original after its four migrations, with its own index and its own way of recording versions, and a row in each.
    private void MakeUpstream() => _file.Execute(string.Concat(SqliteMigrator.Known.Take(4).Select(m => m.Sql)) + $$"""
        CREATE INDEX events_run ON events (run_id, ts_ns);
        CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO schema_migrations (version) VALUES ('0001_init'), ('0002_notifiers'), ('0003_run_result'), ('0004_allowlists');
        INSERT INTO packages VALUES ('left-thing', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.5Z', '2.0.0');
        INSERT INTO releases VALUES ('left-thing', '2.0.0', 'sha', 'sri', '2026-01-02T03:04:05.25Z', '2026-01-02T03:04:05Z');
        INSERT INTO runs (id, package_name, version, state, is_baseline, started_at, finished_at, events_emitted, events_dropped, duration_ns)
          VALUES ('{{Run}}', 'left-thing', '2.0.0', 'done', 1, '2026-01-02T03:04:05.5Z', '2026-01-02T03:04:06Z', 3, 2, 5);
        INSERT INTO events (id, run_id, ts_ns, type, data) VALUES (7, '{{Run}}', 1767323045000000000, 'file_access', '{"PathName":"/etc/hosts"}');
        INSERT INTO baseline_fingerprints VALUES ('left-thing', 'fs_new_path_read', '/etc/hosts', '{{Run}}', '{{Run}}', 1);
        INSERT INTO deviations VALUES ('d', '{{Run}}', 'fs_new_path_read', '/etc/shadow', 7, 'info', '2026-01-02T03:04:06Z', NULL, 0);
        INSERT INTO notifiers VALUES ('n', 'https://n.example', 'json', NULL, NULL, NULL, 1, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z');
        INSERT INTO notifications VALUES ('1', '{{Run}}', 'n', 1, 'sent', NULL, NULL, 200, '', '', 1, '2026-01-02T03:04:06Z');
        INSERT INTO allowlists VALUES ('a', 'package', 'left-thing', 'path', '/etc/', '', '2026-01-02T03:04:05Z');
        """);

    private List<string> Everything() =>
        [.. _file.Rows("SELECT type, name, sql FROM sqlite_master ORDER BY name"), .. _file.Rows("SELECT * FROM schema_migrations ORDER BY version")];
}
