using System.Diagnostics;

namespace Fangs.Tests.Storage;

/// <summary>The orchestrator's process is killed while it migrates a database of the original.</summary>
public sealed class MigrationCrashSpecs : IDisposable
{
    private const int Rows = 40_000;
    private const int KilledBySigxfsz = 128 + 25;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly UpstreamDatabase _database = new();

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task A_migration_that_was_killed_leaves_the_old_state_and_is_done_by_the_next_start()
    {
        // Large enough that the migration's transaction does not fit into memory and grows in the WAL.
        _database.Execute($"""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Rows})
              INSERT INTO runs (id, package_name, version, state, started_at, finished_at)
              SELECT printf('%032x', i), 'big', '1.0.0', 'done', '2026-01-02T03:04:05.5Z', '2026-01-02T03:04:06Z' FROM n;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Rows})
              INSERT INTO deviations SELECT printf('%032x', i + 1000), printf('%032x', i), 'net_new_dns', 'host' || i, 5, 'warn', '2026-01-02T03:04:06.5Z', NULL, 0 FROM n;
            PRAGMA wal_checkpoint(TRUNCATE);
            """);
        foreach (var megabytes in new[] { 1, 3, 6 })
        {
            await MigrateUntilWalExceedsAsync(megabytes << 20);
            // Nothing of the migration is left behind.
            Assert.DoesNotContain("0006_verdicts", _database.Rows("SELECT version FROM schema_migrations"));
            Assert.Empty(_database.Rows("SELECT name FROM pragma_table_info('deviations') WHERE name = 'status'"));
            Assert.Empty(_database.Rows("SELECT name FROM sqlite_master WHERE name IN ('audit_log', 'deviations_rebuilt', 'baseline_runs')"));
            Assert.Equal([$"{Rows + 4}"], _database.Rows("SELECT count(*) FROM deviations"));
        }

        await _database.OpenAndCloseAsync().WaitAsync(Limit);
        Assert.Equal(["ok"], _database.Rows("PRAGMA integrity_check"));
        Assert.Equal([$"{Rows + 4}"], _database.Rows("SELECT count(*) FROM deviations WHERE status = 'open'"));
        Assert.Equal([$"{Rows}"], _database.Rows("SELECT count(*) FROM runs WHERE package_name = 'big' AND started_at = '2026-01-02T03:04:05.500000000Z'"));
    }

    // The kernel ends the process in the middle of the write that would make the file larger (setrlimit(2), RLIMIT_FSIZE): the same byte
    // each time, where a watcher that sends SIGKILL may come after the commit. The runtime's double mapping needs a large file of its own.
    private async Task MigrateUntilWalExceedsAsync(long bytes)
    {
        var start = new ProcessStartInfo("prlimit")
        {
            ArgumentList =
            {
                $"--fsize={bytes}", "--core=0", Path.Combine(AppContext.BaseDirectory, "fangs"), "orchestrator", "-addr", "127.0.0.1:0", "-sqlite-path", _database.Path,
            },
            Environment = { ["DOTNET_EnableWriteXorExecute"] = "0" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        Assert.Equal(KilledBySigxfsz, process.ExitCode);
    }
}
