using System.Globalization;
using System.Text.Json;

namespace Fangs.Tests.Cli;

/// <summary>Rows as an orchestrator leaves them: payloads as our runner sends them, one run of each kind.</summary>
public static class Seeds
{
    /// <summary>A finished run of a package that steals a key.</summary>
    public const string Thief = "019ac0aa000000000000000000000001";

    /// <summary>A failed run whose id shares six digits with <see cref="Thief"/>.</summary>
    public const string Broken = "019ac0bb000000000000000000000002";

    /// <summary>A run that waits for a runner.</summary>
    public const string Waiting = "019ad1cc000000000000000000000003";

    /// <summary>A finished run whose evidence is incomplete.</summary>
    public const string Inconclusive = "019ad2dd000000000000000000000004";

    public static IEnumerable<string> All()
    {
        yield return Run(Thief, "left-thing", "2.0.1", "done", 0, "finished_at = '2026-01-02T03:04:08.500000000Z', duration_ns = 2410000000,"
            + " events_emitted = 12, node_version = '20.19.2', npm_version = '11.19.0', npm_exit = 0, runner_id = 'lab-1', conclusive = 1");
        yield return Run(Broken, "left-thing", "2.0.2", "failed", 60, "finished_at = '2026-01-02T03:05:09.000000000Z', attempt = 2,"
            + " failure_reason = 'npm ended with status 1: E404' || char(27) || '[31m', runner_id = 'lab-1', conclusive = 0,"
            + " inconclusive_reason = 'the install failed', npm_exit = 1, output_tail = 'npm error code E404' || char(10) || 'npm error 404 Not Found'"
            + $", retry_of = '{Thief}'");
        yield return Run(Waiting, "@scope/a-package-with-a-very-long-name", "1.0.0-beta.1", "pending", 120, "queued_at = started_at");
        yield return Run(Inconclusive, "is-odd", "3.0.1", "done", 180, "finished_at = '2026-01-02T03:07:09.000000000Z', is_baseline = 1,"
            + " conclusive = 0, inconclusive_reason = '3 events were lost', events_dropped = 3, duration_ns = 65000000000");
        yield return History(Thief, 0, "queued", "");
        yield return History(Thief, 1, "handed out", "runner lab-1");
        yield return History(Thief, 3, "done", "status ok");
        yield return $"INSERT INTO run_event_counts VALUES {string.Join(", ", ThiefEvents().GroupBy(e => e.Type).Select(g => $"('{Thief}', '{g.Key}', {g.Count()})"))};";
        // Two batches, with the events of another run between them.
        var events = ThiefEvents().ToList();
        yield return Batch(Thief, 1, 1, events[..5]);
        yield return Batch(Inconclusive, 1, 6, [("exec", Exec(9, 1, "/usr/bin/node", ["node", "-v"], "node", "npm", "install", 5))]);
        yield return $"INSERT INTO run_event_counts VALUES ('{Inconclusive}', 'exec', 1);";
        yield return Batch(Thief, 2, 7, events[5..]);
        yield return "INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES "
            + $"('d0000000000000000000000000000001', '{Thief}', 'fs_new_path_read', '/home/node/.ssh/id_rsa', 4, 'crit', '2026-01-02T03:04:09.000000000Z'),"
            + $"('d0000000000000000000000000000002', '{Thief}', 'net_new_https_host', 'evil.example', 9, 'info', '2026-01-02T03:04:09.000000000Z');";
    }

    /// <summary>A row of <c>runs</c>, started some seconds after 2026-01-02T03:04:05Z.</summary>
    public static string Run(string id, string package, string version, string state, int second, string rest = "attempt = 1") =>
        $"INSERT INTO runs (id, package_name, version, state, started_at) VALUES ('{id}', '{package}', '{version}', '{state}', '{At(second)}');"
        + $"UPDATE runs SET {rest} WHERE id = '{id}';";

    public static string History(string id, int second, string what, string detail) =>
        $"INSERT INTO run_history (run_id, at, what, detail) VALUES ('{id}', '{At(second)}', '{what}', '{detail}');";

    public static string Batch(string run, int seq, int firstId, IReadOnlyList<(string Type, string Data)> events) =>
        $"INSERT INTO event_batches VALUES ('{run}', {seq}, '{At(1)}', {firstId}, {events.Count});"
        + string.Concat(events.Select((e, i) => Event(run, firstId + i, e.Type, e.Data)));

    public static string Event(string run, int id, string type, string data) =>
        $"INSERT INTO events (id, run_id, ts_ns, type, data) VALUES ({id}, '{run}', {1767323046000000000 + id}, '{type}', '{data.Replace("'", "''")}');";

    public static IEnumerable<(string Type, string Data)> ThiefEvents()
    {
        yield return ("exec", Exec(10, 0, "/usr/bin/node", ["node", "/usr/bin/npm", "install", "left-thing@2.0.1"], "npm", "npm", "install", 0));
        yield return ("file_access", File(10, "/work/node_modules/left-thing/package.json", 0x241, "npm", "npm", "install", 120));
        yield return ("exec", Exec(11, 10, "/bin/sh", ["sh", "-c", "node 'install script.js'"], "sh", "script", "install", 300));
        yield return ("file_access", File(12, "/home/node/.ssh/id_rsa", 0, "node", "script", "install", 310, tags: 3));
        yield return ("file_access", File(12, "/home/node/.aws/credentials", 0, "node", "script", "install", 311, ret: -2, tags: 3));
        yield return ("file_access", File(12, "/tmp/\u001b]0;owned\u0007\u202egnp.exe", 0x241, "node", "script", "install", 320));
        yield return ("file_access", File(12, "/home/node/.bashrc", 0, "node", "script", "install", 321, op: "rename", to: "/home/node/.profile"));
        yield return ("dns_query", Payload(12, "node", "script", "install", 400, ("QName", "Evil.Example"), ("QType", 1), ("DestIP", "10.66.0.1"), ("DestPort", 53)));
        yield return ("dns_answer", Payload(12, "node", "script", "install", 401, ("QName", "evil.example"), ("Answers", new[] { "198.18.0.7" })));
        yield return ("net_connect", Payload(12, "node", "script", "install", 402, ("DestIP", "198.18.0.7"), ("DestPort", 443), ("Proto", "tcp")));
        yield return ("tls_sni", Payload(12, "node", "script", "install", 403, ("SNI", "evil.example"), ("SourceName", "tcp_clienthello")));
        yield return ("net_connect", Payload(12, "node", "script", "install", 404, ("DestIP", "2001:db8::1"), ("DestPort", 8080), ("Proto", "tcp"), ("Ret", -101)));
    }

    public static string Exec(int pid, int parent, string binary, string[] argv, string comm, string role, string phase, int ms) =>
        Payload(pid, comm, role, phase, ms, ("BinaryPathStr", binary), ("ArgvStrs", argv), ("Argc", argv.Length), ("PPID", parent));

    public static string File(
        int pid, string path, int flags, string comm, string role, string phase, int ms, int ret = 3, int tags = 1, string op = "open", string to = "") =>
        Payload(
            pid, comm, role, phase, ms, ("PathName", path), ("Flags", flags), ("Op", op), ("Ret", ret), ("ResolvedPath", true),
            ("NewPathName", to), ("_tags", tags));

    private static string Payload(int pid, string comm, string role, string phase, int ms, params (string Name, object Value)[] fields)
    {
        var tags = fields.Where(f => f.Name == "_tags").Select(f => f.Value).FirstOrDefault(0);
        var payload = new Dictionary<string, object>
        {
            ["Header"] = new Dictionary<string, object> { ["TsNs"] = 5_000_000_000_000L + (ms * 1_000_000L), ["PID"] = pid, ["Tags"] = tags },
            ["CommStr"] = comm,
            ["Role"] = role,
            ["Phase"] = phase,
        };
        foreach (var (name, value) in fields.Where(f => f.Name != "_tags")) payload[name] = value;
        return JsonSerializer.Serialize(payload);
    }

    private static string At(int second) =>
        new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddSeconds(second).ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + ".000000000Z";
}
