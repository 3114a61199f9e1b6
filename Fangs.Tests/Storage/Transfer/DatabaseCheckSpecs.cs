using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Tests.Cli;

namespace Fangs.Tests.Storage.Transfer;

/// <summary>What is wrong with a database is found, and nothing else is.</summary>
public abstract class DatabaseCheckSpecs(Backend backend) : IDisposable
{
    private readonly BackendDatabase _database = BackendDatabase.Create(backend);
    private readonly CliFixture _cli = new();

    public void Dispose()
    {
        _cli.Dispose();
        _database.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("DELETE FROM events WHERE type = 'exec'", "batches hold as many events")]
    [InlineData("UPDATE events SET seq = 9 WHERE type = 'tls_sni'", "every event belongs to a batch")]
    [InlineData("UPDATE event_batches SET events = events + 1", "contiguous")]
    [InlineData("UPDATE run_event_counts SET count = count + 1", "events by type")]
    [InlineData("UPDATE run_fingerprints SET count = 1000", "fingerprints")]
    [InlineData("UPDATE runs SET finished_at = NULL", "say when")]
    [InlineData("UPDATE runs SET state = 'lost'", "known state")]
    [InlineData("UPDATE baseline_fingerprints SET occurrence_count = 0", "at least once")]
    [InlineData("UPDATE baseline_runs SET package_name = 'other'", "belong to its package")]
    [InlineData("INSERT INTO event_batches VALUES ((SELECT min(id) FROM runs), 0, '2026-01-02T03:04:05.000000000Z', 900, 0)", "begin at 1")]
    public async Task A_defect_is_named_and_ends_with_code_1(string damage, string check)
    {
        await FillAsync();
        var sound = await _cli.RunPlainAsync(["-json", "db", "check", .. _database.Flags]);
        Assert.Equal((0, true), (sound.ExitCode, JsonDocument.Parse(sound.Out).RootElement.GetProperty("sound").GetBoolean()));
        _database.Execute(damage);
        var result = await _cli.RunPlainAsync(["-json", "db", "check", .. _database.Flags]);
        Assert.Equal(1, result.ExitCode);
        var defects = JsonDocument.Parse(result.Out).RootElement.GetProperty("defects").EnumerateArray().Select(d => d.GetProperty("check").GetString()!).ToList();
        Assert.Contains(defects, defect => defect.Contains(check, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_retention_has_taken_is_no_defect()
    {
        await FillAsync();
        await using (var store = new Actors.Hosting.Store(_database.On(new Actors.Hosting.CoreSettings()), TimeProvider.System))
        {
            var cutoff = TimeProvider.System.GetUtcNow().AddDays(1);
            foreach (var run in await store.Retention.FindRunsAsync(cutoff, null, 10))
            {
                for (var next = PrunePosition.Start; next is not null;)
                    next = (await store.Retention.PruneRunAsync(run.Run, next, 1, TimeSpan.FromSeconds(1))).Next;
            }
        }

        Assert.Equal(["1"], _database.Rows("SELECT count(*) FROM events")); // the evidence
        var result = await _cli.RunPlainAsync(["db", "check", .. _database.Flags]);
        Assert.True(result.ExitCode == 0, result.Out);
    }

    [Fact]
    public async Task A_database_that_is_not_there_or_not_ours_is_an_error()
    {
        Assert.Equal(1, (await _cli.RunPlainAsync(["db", "check", .. _database.Flags])).ExitCode);
    }

    [Fact]
    public async Task Migrating_tells_what_it_did_and_does_nothing_the_second_time()
    {
        var first = await _cli.RunPlainAsync(["-json", "db", "migrate", .. _database.Flags]);
        Assert.Equal(0, first.ExitCode);
        Assert.Equal(SqliteMigrator.Known.Select(m => m.Version), JsonDocument.Parse(first.Out).RootElement.GetProperty("applied").EnumerateArray().Select(v => v.GetString()!));
        Assert.Contains("applied 0001_init", first.Error, StringComparison.Ordinal);
        var second = await _cli.RunPlainAsync(["db", "migrate", .. _database.Flags]);
        Assert.Equal((0, ""), (second.ExitCode, second.Error));
        Assert.Contains("already", second.Out, StringComparison.Ordinal);
    }

    private async Task FillAsync()
    {
        await using var ledger = new LedgerFixture(_database);
        await ledger.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Tls("registry.example"));
        await ledger.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Tls("exfil.example"));
    }
}

public sealed class SqliteDatabaseCheckSpecs() : DatabaseCheckSpecs(Backend.Sqlite);

public sealed class PostgresDatabaseCheckSpecs() : DatabaseCheckSpecs(Backend.Postgres);

/// <summary>A file is copied while it is written to.</summary>
public sealed class SqliteBackupSpecs : IDisposable
{
    private readonly BackendDatabase _database = BackendDatabase.Create(Backend.Sqlite);
    private readonly CliFixture _cli = new();

    public void Dispose()
    {
        _cli.Dispose();
        _database.Dispose();
    }

    [Fact]
    public async Task The_copy_is_of_one_moment_and_sound_although_writing_goes_on()
    {
        await using var ledger = new LedgerFixture(_database);
        var run = await ledger.QueuedAsync("left-thing");
        for (var seq = 1UL; seq <= 200; seq++) await ledger.AppendAsync(run, seq, [.. Enumerable.Repeat(Did.Exec("/usr/bin/node"), 50)]);
        using var isDone = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            for (var seq = 201UL; !isDone.IsCancellationRequested; seq++) await ledger.AppendAsync(run, seq, Did.Exec("/usr/bin/node"));
        });
        var copy = Path.Combine(_cli.Folder, "copy.db");
        var result = await _cli.RunPlainAsync(["-json", "db", "backup", copy, .. _database.Flags]);
        await isDone.CancelAsync();
        await writing.Soon();
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal([copy], Directory.GetFiles(_cli.Folder, "copy*"));
        Assert.Contains("pages: ", result.Error, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(copy));
        var check = await _cli.RunPlainAsync("db", "check", "-sqlite-path", copy);
        Assert.True(check.ExitCode == 0, check.Out);
        Assert.InRange(long.Parse(LedgerFixture.RowsOf(copy, "SELECT count(*) FROM events")[0], System.Globalization.CultureInfo.InvariantCulture), 10_000, long.MaxValue);
        Assert.Contains("exists already", (await _cli.RunPlainAsync(["db", "backup", copy, .. _database.Flags])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PostgreSQL_is_left_to_its_own_program_whose_command_is_told_without_the_password()
    {
        using var postgres = BackendDatabase.Create(Backend.Postgres);
        var result = await _cli.RunPlainAsync(["db", "backup", "copy.dump", .. postgres.Flags]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("pg_dump -Fc -f copy.dump -h 127.0.0.1 -p ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(PostgresServer.Password, result.Error, StringComparison.Ordinal);
    }
}
