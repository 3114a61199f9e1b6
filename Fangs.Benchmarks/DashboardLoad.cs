using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Fangs.Actors.Hosting;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Actors.Watching;
using Fangs.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Fangs.Benchmarks;

/// <summary>How long each page takes on a large database: 10,000 runs, 5,000 packages, 2 million events, one run of which has 100,000.</summary>
/// <remarks>Prints a JSON object per page: times in milliseconds from request to the last byte, over loopback, one request at a time.</remarks>
public static class DashboardLoad
{
    private const int Runs = 10_000;
    private const int Packages = 5_000;
    private const int EventsPerRun = 190;
    private const int LargeRun = 7_777;
    private const int EventsOfLargeRun = 100_000;
    private const int WarmUps = 3;
    private const int Requests = 60;

    /// <summary>Makes the database, unless it is there from before, and measures.</summary>
    /// <param name="folder">Where the database is kept.</param>
    public static async Task RunAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "fangs.db");
        if (!File.Exists(path)) Seed(path);
        await using var host = await OrchestratorHost.StartAsync(new OrchestratorSettings
        {
            Address = new IPEndPoint(IPAddress.Loopback, 0),
            Core = new CoreSettings { SqlitePath = path, Watch = new WatchSettings { IsOn = false } },
        }, TimeProvider.System, logging => logging.ClearProviders(), CancellationToken.None);
        using var http = new HttpClient { BaseAddress = host.Address };
        var (run, large, deviation) = (IdOf(Runs - 3), IdOf(LargeRun), $"d{Runs - 10:x31}");
        foreach (var page in new[]
        {
            "/ui/", "/ui/runs", "/ui/runs?state=deviating", "/ui/runs?state=failed", "/ui/runs?package=package-42", $"/ui/runs?after={IdOf(Runs / 2)}", $"/ui/runs/{run}", $"/ui/runs/{large}",
            $"/ui/runs/{large}?type=dns_query", $"/ui/runs/{large}?text=no-such-text", $"/ui/runs/{run}/lineage", $"/ui/runs/{large}/lineage", $"/ui/runs/{large}/lineage?process=300",
            $"/ui/diff?a={IdOf(1)}&b={IdOf(Packages + 1)}", "/ui/packages", "/ui/packages?q=77", "/ui/packages?watched=yes&after=package-3", "/ui/packages/package-42", "/ui/deviations",
            "/ui/deviations?status=open&severity=crit", "/ui/deviations?package=package-42", $"/ui/deviations/{deviation}", "/ui/events/1000000", "/ui/pending", "/ui/pending?page=5", "/ui/allowlist",
            "/ui/notifiers", "/ui/rules", "/ui/config", "/ui/coverage", "/ui/actors", "/ui/runs.json", "/ui/pending.json",
        })
            Console.WriteLine(JsonSerializer.Serialize(await MeasureAsync(http, page)));
    }

    private static async Task<object> MeasureAsync(HttpClient http, string page)
    {
        var (first, bytes, times) = (0.0, 0L, new List<double>());
        for (var i = -WarmUps; i < Requests; i++)
        {
            var began = Stopwatch.GetTimestamp();
            using var answer = await http.GetAsync(page);
            bytes = (await answer.Content.ReadAsByteArrayAsync()).LongLength;
            var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{page}: {answer.StatusCode}");
            if (i == -WarmUps) first = took;
            if (i >= 0) times.Add(took);
        }

        times.Sort();
        return new { page, first_ms = Math.Round(first, 1), p50_ms = Math.Round(times[times.Count / 2], 1), p99_ms = Math.Round(times[^1], 1), kilobytes = bytes / 1024 };
    }

    private static string IdOf(int run) => $"{0x019a_0000_0000 + run:x12}{run:x20}";

    private static void Seed(string path)
    {
        Console.Error.WriteLine("Seeding; this takes a minute or two");
        SqliteDatabase.OpenExclusive(path).Dispose();
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        Execute("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN");
        const string Id = "printf('%012x%020x', 1760936591360 + i, i)"; // 0x019a00000000
        const string At = "strftime('%Y-%m-%dT%H:%M:%S', 'now', '-' || ((10000 - i) * 90) || ' seconds') || '.000000000Z'";
        Execute($"""
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Packages})
            INSERT INTO packages (name, added_at, last_checked_at, last_seen_version, latest_version) SELECT 'package-' || i, '2026-01-01T00:00:00.000000000Z', '2026-01-02T00:00:00.000000000Z', '1.0.1', '1.0.1' FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Packages * 5})
            INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at, state) SELECT 'package-' || (i % {Packages}), '1.0.' || (i / {Packages}), '', '', '2026-01-0' || (1 + i / {Packages}) || 'T00:00:00.000000000Z', '2026-01-09T00:00:00.000000000Z', 'queued' FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Runs})
            INSERT INTO runs (id, package_name, version, state, started_at, finished_at, queued_at, analyzed_at, is_baseline, baseline_by, conclusive, inconclusive_reason, failure_reason, events_emitted, events_dropped, duration_ns, runner_id, result_digest, saw_exec, output_tail, node_version)
            SELECT {Id}, 'package-' || (i % {Packages}), '1.0.' || (i / {Packages}), iif(i % 37 = 0, 'failed', 'done'), {At}, {At}, {At}, {At}, i < {Packages}, iif(i < {Packages}, 'auto', ''), iif(i % 37 = 0 OR i % 53 = 0, 0, 1),
              iif(i % 53 = 0, '3 events were lost', ''), iif(i % 37 = 0, 'npm ended with status 1', ''), {EventsPerRun}, iif(i % 53 = 0, 3, 0), 2400000000, 'lab-' || (i % 8), 'x', 1, hex(zeroblob(1000)), '20.19.2' FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Runs * 4})
            INSERT INTO run_history (run_id, at, what, detail) SELECT (SELECT id FROM runs WHERE rowid = 1 + i / 4), (SELECT started_at FROM runs WHERE rowid = 1 + i / 4), CASE i % 4 WHEN 0 THEN 'pending' WHEN 1 THEN 'building' WHEN 2 THEN 'sandboxed' ELSE 'done' END, '' FROM n;
            """);
        var first = 1L;
        using (var events = connection.CreateCommand())
        {
            events.CommandText = """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @count)
                INSERT INTO events (id, run_id, ts_ns, type, data)
                SELECT @first + i, @run, 1767323046000000000 + @first + i, CASE WHEN i % 20 = 0 THEN 'exec' WHEN i % 20 < 15 THEN 'file_access' WHEN i % 20 < 18 THEN 'net_connect' ELSE 'dns_query' END,
                  '{"Header":{"TsNs":' || (5000000000000 + i * 1000000) || ',"CgroupID":7,"RunID":[1,154,0,0,0,0,0,0,0,0,0,0,0,0,0,1],"PID":' || (10 + i / 20) || ',"TID":' || (10 + i / 20) || ',"PPID":' || iif(i < 20, 1, 10 + i / 400)
                  || ',"UID":1000,"GID":1000,"Type":1,"Tags":' || iif(i % 997 = 996, 3, 1) || '},"CommStr":"node","BinaryPathStr":"/usr/bin/node","ArgvStrs":["node","/work/node_modules/part' || i || '.js"],"PathName":"/work/node_modules/some/package/lib/file' || i
                  || '.js","Flags":' || iif(i % 3 = 0, 577, 0) || ',"Op":"open","Ret":3,"QName":"host' || i || '.example","QType":1,"DestIP":"198.51.100.7","DestPort":443,"Proto":"tcp","Phase":"' || iif(i % 10 < 8, 'install', 'import') || '","Role":"' || iif(i % 10 < 5, 'npm', 'script') || '"}' FROM n;
                INSERT INTO event_batches VALUES (@run, 1, '2026-01-01T00:00:00.000000000Z', @first, @count);
                INSERT INTO run_event_counts VALUES (@run, 'exec', (@count + 19) / 20), (@run, 'file_access', @count * 14 / 20), (@run, 'net_connect', @count * 3 / 20), (@run, 'dns_query', @count * 2 / 20);
                """;
            foreach (var name in new[] { "@run", "@first", "@count" }) events.Parameters.Add(new SqliteParameter(name, ""));
            for (var run = 0; run < Runs; run++)
            {
                var count = run == LargeRun ? EventsOfLargeRun : EventsPerRun;
                (events.Parameters[0].Value, events.Parameters[1].Value, events.Parameters[2].Value) = (IdOf(run), first, count);
                events.ExecuteNonQuery();
                first += count;
            }
        }

        Execute($"""
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Runs * 30})
            INSERT INTO run_fingerprints SELECT (SELECT id FROM runs WHERE rowid = 1 + i / 30), CASE i % 4 WHEN 0 THEN 'proc_new_exec' WHEN 1 THEN 'fs_new_path_read' WHEN 2 THEN 'net_new_dns' ELSE 'net_new_https_host' END, '/value/number/' || (i % 30) || iif(i % 10 = 0, i, ''), 'npm', iif(i % 3 = 0, 'import', 'install'), 3, 1 + (i / 30) * {EventsPerRun}, 5000000000000 + i % 30, 1 FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Packages * 20})
            INSERT INTO baseline_fingerprints SELECT 'package-' || (i / 20), CASE i % 4 WHEN 0 THEN 'proc_new_exec' WHEN 1 THEN 'fs_new_path_read' WHEN 2 THEN 'net_new_dns' ELSE 'net_new_https_host' END, '/value/number/' || (i % 20), (SELECT id FROM runs WHERE rowid = 1 + i / 20), (SELECT id FROM runs WHERE rowid = 1 + i / 20), 2, 1 FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {Runs * 3})
            INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at, status, credential) SELECT printf('d%031x', i), (SELECT id FROM runs WHERE rowid = 1 + i % {Runs}), 'net_new_dns', 'host' || i || '.example', 1 + i, CASE i % 9 WHEN 0 THEN 'crit' WHEN 1 THEN 'info' ELSE 'warn' END, (SELECT started_at FROM runs WHERE rowid = 1 + i % {Runs}), iif(i % 6 = 0, 'open', 'accepted'), 0 FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 10000)
            INSERT INTO audit_log (at, actor, action, subject, detail) SELECT '2026-01-01T00:00:00.000000000Z', 'ann', 'deviation.accept', printf('d%031x', i), '{"{}"}' FROM n;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 500)
            INSERT INTO allowlists (id, scope, package_name, kind, value, created_at) SELECT printf('%016x', i), 'package', 'package-' || i, 'sni', 'host' || i || '.example', '2026-01-01T00:00:00.000000000Z' FROM n;
            """);
        Execute("COMMIT; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)");

        void Execute(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }
}
