using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Postgres;
using Fangs.Actors.Storage.Queries;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Protocol;
using Fangs.Tests.Cli;
using Fangs.Tests.Ingest;

namespace Fangs.Tests.Storage;

/// <summary>Locks, migrations and lost connections of a PostgreSQL database.</summary>
public sealed class PostgresDatabaseSpecs : IDisposable
{
    private readonly BackendDatabase _database = BackendDatabase.Create(Backend.Postgres);

    private PostgresDsn Dsn => ((StorageTarget.Postgres)_database.Target).Dsn;

    public void Dispose() => _database.Dispose();

    [Fact]
    public void It_has_the_versions_of_the_other_database() =>
        Assert.Equal(SqliteMigrator.Known.Select(m => m.Version), PostgresMigrator.Known.Select(m => m.Version));

    [Fact]
    public void A_second_orchestrator_is_refused_until_the_first_has_ended()
    {
        using (StoreDatabase.OpenExclusive(_database.Target))
        {
            var refusal = Assert.Throws<StorageUnusableException>(() => StoreDatabase.OpenExclusive(_database.Target));
            Assert.Contains("in use by another orchestrator", refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(PostgresServer.Password, refusal.ToString(), StringComparison.Ordinal);
            Assert.Null(PostgresDatabase.FindOrchestrator(Dsn));
        }

        StoreDatabase.OpenExclusive(_database.Target).Dispose();
    }

    [Fact]
    public async Task Several_that_migrate_at_once_do_it_once()
    {
        var applied = new System.Collections.Concurrent.ConcurrentBag<string>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => PostgresMigrator.Migrate(Dsn, applied.Add)))).Soon();
        Assert.Equal(PostgresMigrator.Known.Select(m => m.Version), applied.Order(StringComparer.Ordinal));
        Assert.Equal(PostgresMigrator.Known.Select(m => m.Version), _database.Rows("SELECT version FROM schema_migrations ORDER BY 1"));
    }

    [Fact]
    public void A_newer_or_changed_schema_is_refused()
    {
        StoreDatabase.OpenExclusive(_database.Target).Dispose();
        _database.Execute("UPDATE schema_migrations SET checksum = 'x' WHERE version = '0005_ingest'");
        Assert.Contains("0005_ingest", Assert.Throws<StorageUnusableException>(() => StoreDatabase.OpenExclusive(_database.Target)).Message, StringComparison.Ordinal);
        _database.Execute("UPDATE schema_migrations SET checksum = '' WHERE version = '0005_ingest'; INSERT INTO schema_migrations (version) VALUES ('9999_future')");
        Assert.Contains("9999_future", Assert.Throws<StorageUnusableException>(() => StoreDatabase.OpenExclusive(_database.Target)).Message, StringComparison.Ordinal);
        Assert.Contains("9999_future", Assert.Throws<StorageReadException>(() => ReadOnlyDatabase.Open(_database.Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_migration_that_fails_is_named_and_undone_and_can_be_done_later()
    {
        _database.Execute("CREATE TABLE run_history (x INTEGER)");
        Assert.Contains("0005_ingest", Assert.Throws<StorageUnusableException>(() => StoreDatabase.OpenExclusive(_database.Target)).Message, StringComparison.Ordinal);
        Assert.Equal(["0004_allowlists|"], _database.Rows("SELECT max(version), to_regclass('event_batches')::text FROM schema_migrations"));
        _database.Execute("DROP TABLE run_history");
        StoreDatabase.OpenExclusive(_database.Target).Dispose();
    }

    [Fact]
    public async Task Connections_that_are_killed_in_the_middle_of_ingest_lose_and_double_nothing_that_was_acknowledged()
    {
        await using var stores = new BackendStores(_database, TimeProvider.System, 1_000_000);
        var runs = new List<RunId>();
        for (var i = 0; i < 4; i++)
        {
            var id = RunId.New(TimeProvider.System);
            await stores.Runs.EnsureAsync(new Job { RunId = id, Kind = JobKind.SensorOnly, PackageName = "left-thing" }, TimeProvider.System.GetUtcNow(), null).Soon();
            runs.Add(id);
        }

        using var done = new CancellationTokenSource();
        var failures = 0;
        var killing = Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                _database.Execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'fangs%'");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            }

            await done.CancelAsync();
        });
        var acknowledged = await Task.WhenAll(runs.Select(run => Task.Run(async () =>
        {
            var seq = 0UL;
            while (!done.IsCancellationRequested || seq == 0)
            {
                seq++;
                while (true) // as a runner does: the same batch until it is acknowledged
                {
                    using var batch = await Batches.Prepare(run, seq, [.. Enumerable.Repeat("""{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}""", 20)]);
                    try
                    {
                        if ((await stores.Events.AppendAsync([batch]).Soon())[0] is { Error: null, Persisted: 20 }) break;
                    }
                    catch (StorageException)
                    {
                        Interlocked.Increment(ref failures);
                        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
                    }
                }
            }

            return (run, seq);
        }))).Soon();
        await killing.Soon();
        Assert.NotEqual(0, failures);
        foreach (var (run, seq) in acknowledged)
        {
            Assert.Equal([$"{seq}|{seq}|{20 * seq}"], _database.Rows($"SELECT count(*), max(seq), sum(events) FROM event_batches WHERE run_id = '{run}'"));
            Assert.Equal([$"{20 * seq}"], _database.Rows($"SELECT count(*) FROM events WHERE run_id = '{run}'"));
            Assert.Equal([$"{20 * seq}"], _database.Rows($"SELECT count FROM run_fingerprints WHERE run_id = '{run}'"));
        }

        Assert.Empty(Actors.Storage.Transfer.DatabaseCheck.Run(_database.Target, _ => { }, CancellationToken.None));
    }

    [Fact]
    public async Task Who_has_lost_the_lock_to_another_says_so_and_writes_nothing()
    {
        using var database = StoreDatabase.OpenExclusive(_database.Target);
        await using var writer = new StoreWriter(database);
        var takenOver = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        database.TakenOver += message => takenOver.TrySetResult(message);
        await writer.WriteAsync(session => session.Execute("INSERT INTO packages (name, added_at) VALUES ('one', now())")).Soon();
        _database.Execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'fangs%'");
        using var other = StoreDatabase.OpenExclusive(_database.Target);
        // The first write finds the connection gone, a later one finds the lock taken.
        for (var i = 0; i < 100 && !takenOver.Task.IsCompleted; i++)
        {
            await Assert.ThrowsAsync<StorageException>(() => writer.WriteAsync(session => session.Execute("INSERT INTO packages (name, added_at) VALUES ('two', now())"))).Soon();
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        Assert.Contains("another orchestrator", await takenOver.Task.Soon(), StringComparison.Ordinal);
        Assert.Equal(["one"], _database.Rows("SELECT name FROM packages"));
    }

    [Fact]
    public async Task A_database_of_the_original_is_read_as_it_is_and_taken_over_with_all_its_rows()
    {
        const string Run = "1886d1b1a3c5e0000000000000000000";
        _database.Execute(string.Concat(PostgresMigrator.Known.Take(4).Select(m => m.Sql)) + $$"""
            ALTER TABLE deviations DROP CONSTRAINT deviations_evidence_event_id_fkey;
            ALTER TABLE deviations ADD CONSTRAINT deviations_evidence_event_id_fkey FOREIGN KEY (evidence_event_id) REFERENCES events(id) ON DELETE CASCADE;
            CREATE INDEX idx_events_run_ts ON events (run_id, ts_ns);
            CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now());
            INSERT INTO schema_migrations (version) VALUES ('0001_init'), ('0002_notifiers'), ('0003_run_result'), ('0004_allowlists');
            INSERT INTO packages VALUES ('left-thing', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.5Z', '2.0.0');
            INSERT INTO releases VALUES ('left-thing', '2.0.0', 'sha', 'sri', '0001-01-01T00:00:00Z', '2026-01-02T03:04:05Z');
            INSERT INTO runs (id, package_name, version, state, is_baseline, started_at, finished_at, events_emitted, events_dropped, duration_ns)
              VALUES ('{{Run}}', 'left-thing', '2.0.0', 'done', FALSE, '2026-01-02T03:04:05.5Z', '2026-01-02T03:04:06Z', 3, 2, 5);
            INSERT INTO events (run_id, ts_ns, type, data) VALUES ('{{Run}}', 1767323045000000000, 'file_access', '{"PathName":"/etc/hosts","Flags":0}');
            INSERT INTO baseline_fingerprints VALUES ('left-thing', 'fs_new_path_read', '/etc/hosts', '{{Run}}', '{{Run}}', 1);
            INSERT INTO deviations VALUES ('d0000000000000000000000000000001', '{{Run}}', 'fs_new_path_read', '/etc/shadow', 1, 'info', '2026-01-02T03:04:06Z', NULL, FALSE);
            INSERT INTO notifiers VALUES ('n', 'https://n.example', 'generic', NULL, NULL, NULL, TRUE, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z');
            INSERT INTO notifications VALUES ('1', '{{Run}}', 'n', 1, 'sent', NULL, NULL, 200, '', '', 1, '2026-01-02T03:04:06Z');
            INSERT INTO allowlists VALUES ('b', 'package', 'left-thing', 'path', '/etc/', '', '2026-01-02T03:04:06Z'), ('a', 'package', 'left-thing', 'path', '/etc/', '', '2026-01-02T03:04:05Z');
            """);
        using var cli = new CliFixture();
        string[][] commands =
        [
            ["run", "list"], ["run", "show", Run], ["run", "show", Run, "-events"], ["deviation", "list"], ["deviation", "show", "d0000000000000000000000000000001"], ["pending"], ["package", "list"],
            ["package", "watched"], ["release", "list", "-package", "left-thing"], ["baseline", "list", "-package", "left-thing"], ["allow", "list"], ["notifier", "list"], ["notifier", "history", "-run", Run],
        ];
        foreach (var command in commands)
        {
            var result = await cli.RunPlainAsync([.. command, .. _database.Flags]);
            Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.Error}");
        }

        Assert.Equal(["0004_allowlists"], _database.Rows("SELECT max(version) FROM schema_migrations"));
        await using var stores = new BackendStores(_database, TimeProvider.System, 100);
        Assert.Equal([$"{Run}|left-thing|done|3|2|5||1"], _database.Rows("SELECT id, package_name, state, events_emitted, events_dropped, duration_ns, baseline_by, analyzed_at IS NOT NULL FROM runs"));
        Assert.Equal(["1|/etc/hosts"], _database.Rows("SELECT id, data ->> 'PathName' FROM events"));
        Assert.Equal(["a"], _database.Rows("SELECT id FROM allowlists"));
        Assert.Equal([""], _database.Rows("SELECT published_at FROM releases"));
        Assert.Throws<Npgsql.PostgresException>(() => _database.Execute("DELETE FROM events"));
        using var batch = await Batches.Prepare(RunId.Parse(Run), 1, """{"type":2,"payload":{}}""");
        Assert.Equal(new AppendOutcome(false, 1, null), Assert.Single(await stores.Events.AppendAsync([batch]).Soon()));
        Assert.Equal(["1", "2"], _database.Rows("SELECT id FROM events ORDER BY id"));
        // The original, should it insert, gets the next number.
        _database.Execute($"INSERT INTO events (run_id, ts_ns, type, data) VALUES ('{Run}', 1, 'exec', '{{}}')");
        Assert.Equal(["3"], _database.Rows("SELECT max(id) FROM events"));
        foreach (var command in commands)
            Assert.Equal(0, (await cli.RunPlainAsync([.. command, .. _database.Flags])).ExitCode);
    }
}

/// <summary>The spellings of a DSN.</summary>
public sealed class PostgresDsnSpecs
{
    [Theory]
    [InlineData("postgres://me:p%40ss%3A%2F@db.example:6432/fangs?sslmode=verify-full&connect_timeout=3", "Host=db.example;Port=6432;Username=me;Password=p@ss:/;Database=fangs;SSL Mode=VerifyFull")]
    [InlineData("postgresql://me@[::1]/fangs", "Host=::1;Port=5432;Username=me;Database=fangs")]
    [InlineData("host=db.example user=me password='p ss\\'w' dbname=fangs sslmode=disable", "Host=db.example;Port=5432;Username=me;Password=p ss'w;Database=fangs;SSL Mode=Disable")]
    [InlineData("Host=db.example;Username=me;Password=secret;Database=fangs", "Host=db.example;Port=5432;Username=me;Password=secret;Database=fangs")]
    public void Each_names_the_same_things(string text, string expected)
    {
        var (dsn, wanted) = (new Npgsql.NpgsqlConnectionStringBuilder(PostgresDsn.Parse(text).ConnectionString), new Npgsql.NpgsqlConnectionStringBuilder(expected));
        Assert.Equal((wanted.Host, wanted.Port, wanted.Username, wanted.Password, wanted.Database, wanted.SslMode), (dsn.Host, dsn.Port, dsn.Username, dsn.Password, dsn.Database, dsn.SslMode));
        Assert.Equal((15, 3600), (dsn.MaxPoolSize, dsn.ConnectionLifetime)); // the writer has the sixteenth
        if (wanted.Password is { } password) Assert.DoesNotContain(password, PostgresDsn.Parse(text) + PostgresDsn.Parse(text).ForTools, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mysql://me:geheim@db/fangs")]
    [InlineData("postgres://me:geheim@db:port/fangs")]
    [InlineData("postgres://me:geheim@db/fangs?sslmode=perhaps")]
    [InlineData("postgres://me:geheim@db/fangs?color=geheim2")]
    [InlineData("Host=db;Password=geheim;Colour=red")]
    [InlineData("Host=db;Password=geheim")]
    [InlineData("geheim")]
    public async Task What_cannot_be_read_is_refused_without_being_quoted(string text)
    {
        Assert.DoesNotContain("geheim", Assert.Throws<FormatException>(() => PostgresDsn.Parse(text)).Message, StringComparison.Ordinal);
        using var cli = new CliFixture();
        var result = await cli.RunPlainAsync("-storage", "postgres", "-postgres-dsn", text, "run", "list");
        Assert.Equal(2, result.ExitCode);
        Assert.DoesNotContain("geheim", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_flag_wins_over_the_variable_and_one_of_them_is_needed()
    {
        using var cli = new CliFixture();
        Assert.Contains("FANGS_PG_DSN", (await cli.RunPlainAsync("-storage", "postgres", "run", "list")).Error, StringComparison.Ordinal);
        cli.Set("FANGS_PG_DSN", "postgres://me:geheim@127.0.0.1:1/variable?sslmode=disable");
        var variable = await cli.RunPlainAsync("-storage", "postgres", "run", "list");
        Assert.Contains("postgres://me@127.0.0.1:1/variable", variable.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", variable.Error, StringComparison.Ordinal);
        var flag = await cli.RunPlainAsync("-storage", "postgres", "-postgres-dsn", "postgres://me:geheim@127.0.0.1:1/flag?sslmode=disable", "run", "list");
        Assert.Contains("postgres://me@127.0.0.1:1/flag", flag.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await cli.RunPlainAsync("-postgres-dsn", "postgres://me@127.0.0.1/x", "run", "list")).ExitCode);
        Assert.Equal(2, (await cli.RunPlainAsync("-storage", "none", "run", "list")).ExitCode);
    }
}
