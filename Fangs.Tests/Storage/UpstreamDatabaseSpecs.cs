using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Storage;

/// <summary>A database of the original is opened, migrated in place, and stays readable for the original's own queries.</summary>
public sealed class UpstreamDatabaseSpecs : IDisposable
{
    // Every column of the original by table, with the key to sort by.
    private static readonly (string Table, string Columns)[] Tables =
    [
        ("packages", "name, added_at, last_checked_at, last_seen_version"),
        ("releases", "package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at"),
        ("runs", "id, package_name, version, tarball_sha256, lockfile_sha256, node_version, npm_version, state, attempt, is_baseline, started_at,"
            + " finished_at, failure_reason, events_emitted, events_dropped, duration_ns"),
        ("events", "id, run_id, ts_ns, type, data"),
        ("deviations", "id, run_id, category, value, evidence_event_id, severity, detected_at, notified_at, suppressed"),
        ("notifiers", "name, url, template, secret_env, headers, min_severity, enabled, created_at, updated_at"),
        ("notifications", "id, run_id, notifier_name, attempt, status, last_attempted_at, next_attempt_at, response_code, response_body, error_msg,"
            + " deviation_count, created_at"),
        ("allowlists", "id, scope, package_name, kind, value, note, created_at"),
    ];

    private static readonly (string Table, string Column)[] Times =
    [
        ("packages", "added_at"), ("packages", "last_checked_at"), ("releases", "published_at"), ("releases", "discovered_at"),
        ("runs", "started_at"), ("runs", "finished_at"), ("runs", "analyzed_at"), ("deviations", "detected_at"), ("deviations", "notified_at"),
        ("notifiers", "created_at"), ("notifiers", "updated_at"), ("notifications", "last_attempted_at"), ("notifications", "next_attempt_at"),
        ("notifications", "created_at"), ("allowlists", "created_at"),
    ];

    private readonly UpstreamDatabase _database = new();

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task All_rows_and_ids_are_kept()
    {
        var before = Tables.ToDictionary(t => t.Table, t => Instants(_database.Rows($"SELECT {t.Columns} FROM {t.Table} ORDER BY 1, 2")));
        await _database.OpenAndCloseAsync();
        foreach (var (table, columns) in Tables)
        {
            var expected = before[table];
            // The two differences that are wanted: equal entries are one, and a time that is not known is none.
            if (table == "allowlists") expected = [.. expected.Where(row => !row.StartsWith("bbbbbbbbbbbbbbbb", StringComparison.Ordinal))];
            if (table == "releases") expected = [.. expected.Select(row => row.Replace("0001-01-01T00:00:00.000000000Z", "∅", StringComparison.Ordinal))];
            Assert.Equal(expected, Instants(_database.Rows($"SELECT {columns} FROM {table} ORDER BY 1, 2")));
        }

        Assert.Equal(
            ["0001_init|2026-01-01 00:00:00", "0002_notifiers|2026-01-01 00:00:00", "0003_run_result|2026-01-01 00:00:00", "0004_allowlists|2026-01-01 00:00:00"],
            _database.Rows("SELECT version, applied_at FROM schema_migrations WHERE version < '0005' ORDER BY 1"));
        Assert.Equal(SqliteMigrator.Known.Select(m => m.Version), _database.Rows("SELECT version FROM schema_migrations ORDER BY 1"));
        Assert.Equal(["ok"], _database.Rows("PRAGMA integrity_check"));
        Assert.Empty(_database.Rows("PRAGMA foreign_key_check"));
        // Ids go on behind the highest that was ever given.
        _database.Execute("INSERT INTO events (run_id, ts_ns, type, data) VALUES ('1886d1b1a3c5e0000000000000000000', 1, 'exec', '{}')");
        Assert.Equal(["13"], _database.Rows("SELECT max(id) FROM events"));
    }

    [Fact]
    public async Task Times_have_nine_digits_and_their_order_is_the_order_of_time()
    {
        await _database.OpenAndCloseAsync();
        foreach (var (table, column) in Times)
        {
            var times = _database.Rows($"SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {column}");
            Assert.NotEmpty(times);
            Assert.All(times, time => Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\z", time));
            Assert.Equal(times.OrderBy(StorageText.ParseTime), times);
        }

        Assert.Equal(
            ["1886d1b1a3c5e4000000000000000000", "1886d1b1a3c5e3000000000000000000", "1886d1b1a3c5e2000000000000000000", "1886d1b1a3c5e1000000000000000000", "1886d1b1a3c5e0000000000000000000"],
            _database.Rows("SELECT id FROM runs ORDER BY started_at DESC"));
    }

    [Fact]
    public async Task Runs_of_the_original_count_as_analysed_and_keep_their_place_in_the_baseline()
    {
        await _database.OpenAndCloseAsync();
        Assert.Equal(
            [
                "1886d1b1a3c5e0000000000000000000|1|auto|2026-01-02T03:05:05.750000000Z", "1886d1b1a3c5e1000000000000000000|0||2026-01-02T03:05:05.123456000Z",
                "1886d1b1a3c5e2000000000000000000|0||2026-01-02T04:00:09.000000000Z", "1886d1b1a3c5e3000000000000000000|0||2026-01-02T05:00:10.000000000Z",
                "1886d1b1a3c5e4000000000000000000|0||∅",
            ],
            _database.Rows("SELECT id, is_baseline, baseline_by, analyzed_at FROM runs ORDER BY id"));
        Assert.Equal(["left-thing|1886d1b1a3c5e0000000000000000000"], _database.Rows("SELECT package_name, run_id FROM baseline_runs"));
        Assert.Equal(["open|4"], _database.Rows("SELECT status, count(*) FROM deviations GROUP BY status"));
    }

    [Fact]
    public async Task The_queries_of_the_originals_CLI_give_the_same_as_before()
    {
        const string Run = "id, package_name, version, tarball_sha256, lockfile_sha256, node_version, npm_version, state, attempt, is_baseline,"
            + " started_at, finished_at, failure_reason, events_emitted, events_dropped, duration_ns";
        const string Deviation = "d.id, d.run_id, d.category, d.value, d.evidence_event_id, d.severity, d.detected_at, d.notified_at, d.suppressed";
        string[] queries =
        [
            $"SELECT {Run} FROM runs WHERE package_name = 'left-thing' ORDER BY id",
            $"SELECT {Run} FROM runs WHERE id LIKE '1886d1b1a3c5e1%'",
            $"SELECT {Deviation} FROM deviations d JOIN runs r ON r.id = d.run_id WHERE r.package_name = 'left-thing' AND d.severity = 'warn' ORDER BY d.id LIMIT 100",
            $"SELECT {Deviation} FROM deviations d WHERE d.run_id = '1886d1b1a3c5e1000000000000000000' ORDER BY d.id LIMIT 100",
            $"SELECT {Deviation} FROM deviations d WHERE d.id LIKE '%4'",
            "SELECT id, ts_ns, type, data FROM events WHERE id = 7",
            "SELECT count(*) FROM events WHERE run_id = '1886d1b1a3c5e1000000000000000000'",
            "SELECT id, ts_ns, type, data FROM events WHERE run_id = '1886d1b1a3c5e1000000000000000000' ORDER BY ts_ns, id LIMIT 10000",
            "SELECT category, value, first_seen_run_id, last_seen_run_id, occurrence_count FROM baseline_fingerprints WHERE category = 'proc_new_exec' AND package_name = 'left-thing'",
            "SELECT r.package_name, count(*), sum(r.is_baseline) FROM runs r WHERE r.package_name <> '' GROUP BY r.package_name ORDER BY 1",
            "SELECT count(*) FROM deviations WHERE run_id = (SELECT id FROM runs WHERE package_name = 'left-thing' ORDER BY id DESC LIMIT 1)",
            "SELECT name, added_at, last_checked_at, last_seen_version FROM packages ORDER BY name",
            "SELECT package_name, version, tarball_sha256, npm_integrity, discovered_at FROM releases WHERE package_name = 'left-thing' ORDER BY version",
            "SELECT id, scope, package_name, kind, value, note FROM allowlists WHERE package_name = 'left-thing' ORDER BY scope, package_name, kind, value",
            "SELECT name, url, template, secret_env, headers, min_severity, enabled FROM notifiers ORDER BY name",
            "SELECT id, notifier_name, attempt, status, last_attempted_at, response_code, response_body, error_msg, deviation_count FROM notifications"
                + " WHERE run_id = '1886d1b1a3c5e1000000000000000000' ORDER BY attempt",
            "SELECT version FROM schema_migrations WHERE version IN ('0001_init', '0002_notifiers', '0003_run_result', '0004_allowlists') ORDER BY version",
        ];
        var before = queries.Select(sql => Instants(_database.Rows(sql))).ToList();
        await _database.OpenAndCloseAsync();
        foreach (var (sql, rows) in queries.Zip(before))
        {
            Assert.NotEmpty(rows);
            Assert.Equal(rows, Instants(_database.Rows(sql)));
        }
    }

    [Fact]
    public async Task The_originals_CLI_can_still_write()
    {
        await _database.OpenAndCloseAsync();
        _database.Execute("""
            INSERT INTO packages (name, added_at) VALUES ('new', '2026-01-03T00:00:00Z');
            INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at)
              VALUES ('new', '1.0.0', '', '', '0001-01-01T00:00:00Z', '2026-01-03T00:00:00Z');
            INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at) VALUES ('eeee', 'global', NULL, 'cidr', '198.51.100.0/24', '', '2026-01-03T00:00:00Z');
            DELETE FROM allowlists WHERE id = 'eeee';
            INSERT INTO notifiers (name, url, template, enabled, created_at, updated_at) VALUES ('n', 'https://n.example', 'discord', 1, '2026-01-03T00:00:00Z', '2026-01-03T00:00:00Z')
              ON CONFLICT (name) DO UPDATE SET url = excluded.url;
            INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count)
              VALUES ('left-thing', 'net_new_https_host', 'exfil.example', '1886d1b1a3c5e1000000000000000000', '1886d1b1a3c5e1000000000000000000', 1)
              ON CONFLICT (package_name, category, value) DO UPDATE SET last_seen_run_id = excluded.last_seen_run_id, occurrence_count = occurrence_count + excluded.occurrence_count;
            UPDATE runs SET is_baseline = 1 WHERE id = '1886d1b1a3c5e1000000000000000000';
            DELETE FROM deviations WHERE run_id = '1886d1b1a3c5e1000000000000000000';
            DELETE FROM packages WHERE name = 'new';
            """);
        await _database.OpenAndCloseAsync();
        Assert.Equal(["0"], _database.Rows("SELECT count(*) FROM releases WHERE package_name = 'new'"));
        Assert.Equal([$"exfil.example|{Fangs.Actors.Analysis.PathRules.Version}"], _database.Rows("SELECT value, rules_version FROM baseline_fingerprints WHERE value LIKE 'exfil%'"));
    }

    [Fact]
    public async Task An_event_that_a_deviation_needs_cannot_be_deleted_and_others_can()
    {
        await _database.OpenAndCloseAsync();
        var refusal = Assert.Throws<SqliteException>(() => _database.Execute("DELETE FROM events WHERE id = 5"));
        Assert.Contains("FOREIGN KEY", refusal.Message);
        Assert.Equal(["4"], _database.Rows("SELECT count(*) FROM deviations"));
        _database.Execute("DELETE FROM events WHERE id = 4");
        // A run goes with everything that is its own.
        _database.Execute("DELETE FROM deviations WHERE run_id = '1886d1b1a3c5e1000000000000000000'; DELETE FROM runs WHERE id = '1886d1b1a3c5e1000000000000000000'");
        Assert.Equal(["0"], _database.Rows("SELECT count(*) FROM events WHERE run_id = '1886d1b1a3c5e1000000000000000000'"));
    }

    [Fact]
    public async Task Opening_again_changes_nothing()
    {
        await _database.OpenAndCloseAsync();
        var before = Dump();
        var upkeep = await _database.OpenAndCloseAsync();
        Assert.Equal(0, upkeep.Baselines.Examined);
        Assert.Equal(before, Dump());
    }

    [Fact]
    public async Task A_newer_version_is_refused_with_both_versions()
    {
        await _database.OpenAndCloseAsync();
        _database.Execute("INSERT INTO schema_migrations (version, checksum) VALUES ('0999_future', '')");
        var refusal = await Assert.ThrowsAsync<StorageUnusableException>(() => _database.OpenAndCloseAsync());
        Assert.Contains("0999_future", refusal.Message);
        Assert.Contains(SqliteMigrator.Known[^1].Version, refusal.Message);
    }

    [Fact]
    public async Task A_newer_version_of_the_original_is_refused_before_anything_is_changed()
    {
        _database.Execute("INSERT INTO schema_migrations (version) VALUES ('0005_of_the_original')");
        var before = Dump();
        var refusal = await Assert.ThrowsAsync<StorageUnusableException>(() => _database.OpenAndCloseAsync());
        Assert.Contains("0005_of_the_original", refusal.Message);
        Assert.Equal(before, Dump());
    }

    // Names that the first and the last statements of migrations would create: what is done before them must be undone.
    [Theory]
    [InlineData("CREATE TABLE run_history (x)", "0005_ingest", "DROP TABLE run_history")]
    [InlineData("CREATE INDEX runs_started ON runs (version)", "0005_ingest", "DROP INDEX runs_started")]
    [InlineData("CREATE TABLE deviations_rebuilt (x)", "0006_verdicts", "DROP TABLE deviations_rebuilt")]
    [InlineData("CREATE TABLE audit_log (x)", "0006_verdicts", "DROP TABLE audit_log")]
    public async Task A_migration_that_fails_is_undone_and_named_and_can_be_repeated(string obstacle, string migration, string remedy)
    {
        _database.Execute(obstacle);
        var before = Tables.Select(t => _database.Rows($"SELECT {t.Columns} FROM {t.Table} ORDER BY 1, 2")).ToList();
        var refusal = await Assert.ThrowsAsync<StorageUnusableException>(() => _database.OpenAndCloseAsync());
        Assert.Contains(migration, refusal.Message);
        Assert.DoesNotContain(migration, _database.Rows("SELECT version FROM schema_migrations"));
        Assert.Equal(before, Tables.Select(t => _database.Rows($"SELECT {t.Columns} FROM {t.Table} ORDER BY 1, 2")));
        _database.Execute(remedy);
        await _database.OpenAndCloseAsync();
        Assert.Contains(migration, _database.Rows("SELECT version FROM schema_migrations"));
        Assert.Equal(["4"], _database.Rows("SELECT count(*) FROM deviations"));
    }

    // Everything in the file but the journal of schema versions' own times.
    private List<string> Dump() =>
    [
        .. _database.Rows("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name, type"),
        .. _database.Rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
            .SelectMany(table => _database.Rows($"SELECT * FROM {table} ORDER BY 1, 2")),
    ];

    // Times in one form, so that rows can be compared that differ in nothing but the width of the fraction.
    private static List<string> Instants(IEnumerable<string> rows) =>
    [
        .. rows.Select(row => string.Join('|', row.Split('|').Select(cell =>
            cell.Length is >= 20 and <= 30 && cell[10] == 'T' && cell[^1] == 'Z' ? cell[..19] + '.' + cell[19..].Trim('.', 'Z').PadRight(9, '0') + 'Z' : cell))),
    ];
}
