namespace Fangs.Tests.Cli;

/// <summary>What analysis, operators and the watcher leave behind, on top of <see cref="Seeds"/>.</summary>
public static class VerdictSeeds
{
    /// <summary>The first run of <c>left-thing</c>, whose behaviour is the baseline. It read a credential, which is noted.</summary>
    public const string First = "019ab0ee000000000000000000000005";

    /// <summary>The deviation of <see cref="Seeds.Thief"/> that reads a key.</summary>
    public const string KeyRead = "d0000000000000000000000000000001";

    /// <summary>The deviation of <see cref="Seeds.Thief"/> that names a host; somebody has rejected it.</summary>
    public const string HostNamed = "d0000000000000000000000000000002";

    /// <summary>A deviation of <see cref="Seeds.Thief"/> whose evidence is gone.</summary>
    public const string Unproven = "e0000000000000000000000000000003";

    /// <summary>What was learned with <see cref="First"/> but touches credentials.</summary>
    public const string Noted = "d1000000000000000000000000000004";

    public const string AllowedHost = "a1b2c3d4e5f60718";

    public const string AllowedRange = "cfg0123456789ab";

    public static string All() =>
        Seeds.Run(First, "left-thing", "2.0.0", "done", -60, "finished_at = '2026-01-02T03:03:07.000000000Z', conclusive = 1, is_baseline = 1,"
            + " baseline_by = 'auto', analyzed_at = '2026-01-02T03:03:08.000000000Z'")
        + $"UPDATE runs SET analyzed_at = finished_at WHERE finished_at IS NOT NULL;"
        + $"UPDATE deviations SET credential = 1, role = 'script', phase = 'install' WHERE id = '{KeyRead}';"
        + $"UPDATE deviations SET severity = 'warn', status = 'rejected', decided_by = 'ann', decided_at = '2026-01-02T04:00:00.000000000Z', note = 'not ours' || char(27) || '[2J', role = 'script', phase = 'install', count = 3 WHERE id = '{HostNamed}';"
        + "INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at, status, credential) VALUES "
        + $"('{Unproven}', '{Seeds.Thief}', 'fs_new_path_write', '/tmp/' || char(27) || ']0;owned' || char(7), 13, 'low', '2026-01-02T03:04:10.000000000Z', 'open', 0),"
        + $"('{Noted}', '{First}', 'fs_new_path_read', '/home/node/.npmrc', 1, 'crit', '2026-01-02T03:03:08.000000000Z', 'note', 1);"
        + "PRAGMA foreign_keys = OFF; DELETE FROM events WHERE id = 13;"
        + Fingerprint(First, "proc_new_exec", "/usr/bin/node", "npm", 1) + Fingerprint(First, "fs_new_path_read", "/home/node/.npmrc", "script", 2, tags: 3)
        + Fingerprint(First, "net_new_destination", "104.18.0.1:443", "npm", 3) + Fingerprint(First, "net_new_dns", "registry.example", "npm", 3)
        + Fingerprint(Seeds.Thief, "proc_new_exec", "/usr/bin/node", "npm", 1) + Fingerprint(Seeds.Thief, "proc_new_exec", "/bin/sh", "script", 3)
        + Fingerprint(Seeds.Thief, "fs_new_path_read", "/home/node/.ssh/id_rsa", "script", 4, tags: 3)
        + Fingerprint(Seeds.Thief, "net_new_https_host", "evil.example", "script", 11) + Fingerprint(Seeds.Thief, "net_new_dns", "registry.example", "npm", 2)
        + Fingerprint(Seeds.Thief, "net_new_https_host", "metrics.example", "import", 12)
        + Baseline("fs_new_path_read", "/home/node/.npmrc", 1) + Baseline("proc_new_exec", "/usr/bin/node", 2)
        + "INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, expires_at) VALUES "
        + $"('{AllowedHost}', 'package', 'left-thing', 'sni', 'metrics.example', 'vendor metrics, agreed with them' || char(10) || 'in May', '2026-01-01T00:00:00.000000000Z', NULL),"
        + $"('{AllowedRange}', 'global', NULL, 'cidr', '192.0.2.0/24', '', '2026-01-01T00:00:01.000000000Z', '2026-01-01T12:00:00.000000000Z'),"
        + "('a1b2ffffffffffff', 'package', 'is-odd', 'path', '/opt/cache', '', '2026-01-01T00:00:02.000000000Z', '2099-01-01T00:00:00.000000000Z');"
        + "INSERT INTO packages (name, added_at, last_checked_at, last_seen_version) VALUES ('left-thing', '2026-01-01T00:00:00.000000000Z', '2026-01-02T03:00:00.000000000Z', '2.0.1'),"
        + " ('@scope/new', '2026-01-02T00:00:00.000000000Z', NULL, NULL);"
        + "INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at) VALUES ('left-thing', '2.0.0', '0123456789abcdef0123456789abcdef01234567', 'sha512-AA==', '2025-12-01T00:00:00.000000000Z', '2026-01-01T00:00:00.000000000Z'),"
        + " ('left-thing', '2.0.1', '', '', NULL, '2026-01-02T03:00:00.000000000Z');"
        + "INSERT INTO notifiers VALUES ('soc', 'https://hooks.example:8443/in/T0KEN', 'generic', 'SOC_HMAC', '{\"X-Team\":\"s3cret\",\"Authorization\":\"Bearer ${SOC}\"}', 'high', 1, '2026-01-01T00:00:00.000000000Z', '2026-01-02T00:00:00.000000000Z'),"
        + " ('chat', 'https://chat.example', 'slack', NULL, NULL, NULL, 0, '2026-01-01T00:00:00.000000000Z', '2026-01-01T00:00:00.000000000Z');"
        + $"INSERT INTO notifications VALUES ('0123456789abcdef-2', '{Seeds.Thief}', 'soc', 2, 'sent', '2026-01-02T03:04:20.000000000Z', NULL, 204, '', NULL, 3, '2026-01-02T03:04:20.000000000Z'),"
        + $" ('0123456789abcdef-1', '{Seeds.Thief}', 'soc', 1, 'failed', NULL, '2026-01-02T03:04:20.000000000Z', NULL, NULL, 'connection refused' || char(13) || ' by the host that is called hooks.example', 3, '2026-01-02T03:04:10.000000000Z');";

    /// <summary>A row of <c>run_fingerprints</c> in phase <c>install</c>.</summary>
    public static string Fingerprint(string run, string category, string value, string role, int evidence, int tags = 1) =>
        $"INSERT INTO run_fingerprints VALUES ('{run}', '{category}', '{value}', '{role}', 'install', 1, {evidence}, {evidence}, {tags});";

    private static string Baseline(string category, string value, int count) =>
        $"INSERT INTO baseline_fingerprints VALUES ('left-thing', '{category}', '{value}', '{First}', '{(count > 1 ? Seeds.Thief : First)}', {count}, 1);";
}
