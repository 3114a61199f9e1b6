using CsCheck;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;

namespace Fangs.Tests.Storage;

public sealed class BaselineRewriteSpecs : IDisposable
{
    private const string First = "1886d1b1a3c5e0000000000000000000";
    private const string Second = "1886d1b1a3c5e1000000000000000000";

    private readonly UpstreamDatabase _database = new();

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task A_baseline_of_the_original_is_rewritten_and_equal_values_are_merged()
    {
        var upkeep = await _database.OpenAndCloseAsync();
        Assert.Equal(new BaselineRewriteOutcome(Examined: 18, Changed: 10, Merged: 4), upkeep.Baselines);
        Assert.Equal(
            [
                $"gone|fs_new_path_read|/a/b|{new string('f', 32)}|{new string('f', 32)}|1",
                $"left-thing|fs_new_path_read|/etc/hosts|{First}|{First}|1",
                $"left-thing|fs_new_path_read|/proc/<PID>/task/<TID>/stat|{First}|{Second}|2",
                $"left-thing|fs_new_path_read|/tmp/test/node_modules/left-thing/**|{First}|{First}|1",
                $"left-thing|fs_new_path_read|/usr/lib/x.so|{First}|{Second}|7",
                $"left-thing|fs_new_path_read|<DFD>/relative/path|{First}|{First}|1",
                $"left-thing|fs_new_path_write|/tmp/<RAND>/x|{First}|{First}|1",
                $"left-thing|fs_new_path_write|/tmp/test/node_modules/left-thing/**|{First}|{Second}|3",
                $"left-thing|net_new_destination|192.0.2.1:443|{First}|{First}|1",
                $"left-thing|net_new_destination|[2001:db8::1]:443|{First}|{First}|1",
                $"left-thing|net_new_destination|nonsense|{First}|{First}|1",
                $"left-thing|net_new_dns|registry.example|{First}|{Second}|2",
                $"left-thing|net_new_https_host|registry.example|{First}|{Second}|2",
                $"left-thing|proc_new_exec|/usr/bin/node|{First}|{Second}|2",
            ],
            _database.Rows("SELECT package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count FROM baseline_fingerprints ORDER BY 1, 2, 3"));
        Assert.Equal([$"{PathRules.Version}"], _database.Rows("SELECT DISTINCT rules_version FROM baseline_fingerprints"));
        Assert.Equal(["4"], _database.Rows("SELECT count(*) FROM deviations"));
    }

    [Fact]
    public async Task Values_of_the_current_rules_are_not_looked_at()
    {
        await _database.OpenAndCloseAsync();
        _database.Execute($"UPDATE baseline_fingerprints SET value = '/etc//hosts' WHERE value = '/etc/hosts'");
        Assert.Equal(new BaselineRewriteOutcome(0, 0, 0), (await _database.OpenAndCloseAsync()).Baselines);
        Assert.Equal(["/etc//hosts"], _database.Rows("SELECT value FROM baseline_fingerprints WHERE value LIKE '/etc%'"));
    }

    [Fact]
    public async Task A_rewrite_that_fails_changes_nothing_and_stops_the_start()
    {
        await _database.OpenAndCloseAsync();
        _database.Execute("""
            INSERT INTO baseline_fingerprints VALUES ('p', 'fs_new_path_read', '/a//1', 'r', 'r', 1, 0), ('p', 'fs_new_path_read', '/a//2', 'r', 'r', 1, 0);
            CREATE TRIGGER stop BEFORE UPDATE ON baseline_fingerprints WHEN new.value = '/a/2' BEGIN SELECT RAISE(ABORT, 'no'); END;
            """);
        await Assert.ThrowsAsync<StorageUnusableException>(() => _database.OpenAndCloseAsync());
        Assert.Equal(["/a//1|0", "/a//2|0"], _database.Rows("SELECT value, rules_version FROM baseline_fingerprints WHERE package_name = 'p' ORDER BY 1"));
        _database.Execute("DROP TRIGGER stop");
        Assert.Equal(new BaselineRewriteOutcome(2, 2, 0), (await _database.OpenAndCloseAsync()).Baselines);
    }

    [Theory]
    [InlineData("net_new_destination", "::ffff:192.0.2.1:443", "192.0.2.1:443")]
    [InlineData("net_new_destination", "2001:DB8:0::1:80", "[2001:db8::1]:80")]
    [InlineData("net_new_destination", "[2001:DB8::1]:80", "[2001:db8::1]:80")]
    [InlineData("net_new_destination", "::1:443", "[::1]:443")]
    [InlineData("net_new_destination", "192.0.2.1:65536", "192.0.2.1:65536")]
    [InlineData("net_new_destination", ":443", ":443")]
    [InlineData("net_new_https_host", "API.Example", "api.example")]
    [InlineData("net_new_dns", "API.Example.", "api.example")]
    [InlineData("net_new_dns", ".", ".")]
    [InlineData("fs_new_path_read", "/proc/self/root/etc/hosts", "/etc/hosts")]
    [InlineData("fs_new_path_write", "/scan/node_modules/@a/b/c/d.js", "/scan/node_modules/@a/b/**")]
    [InlineData("fs_new_path_read", "/srv/<HEX>/0123456789ab/x", "/srv/<HEX>/<HEX>/x")]
    [InlineData("proc_new_exec", "/usr//bin/../bin/node", "/usr//bin/../bin/node")]
    [InlineData("syscall_rare_category", "Ptrace", "Ptrace")]
    [InlineData("of_tomorrow", "A/../b", "A/../b")]
    public void A_value_becomes_what_the_same_behaviour_yields_today(string category, string old, string expected) =>
        Assert.Equal(expected, BaselineValue.Renew(new FingerprintExtractor(), category, old));

    [Fact]
    public void A_value_that_events_yield_today_stays_what_it_is()
    {
        var extractor = new FingerprintExtractor();
        string[] parts = ["etc", "..", ".", "proc", "4711", "task", "fd", "root", "tmp", "a-1234", "0123456789abcdef", "node_modules", "x", ""];
        var path = Gen.Int[0, parts.Length - 1].Array[1, 8].Select(chosen => "/" + string.Join('/', chosen.Select(i => parts[i])));
        path.Sample(raw =>
        {
            var facts = new EventFacts { Type = Fangs.Protocol.EventType.FileAccess, Path = raw };
            return !extractor.TryExtract(facts, out var fingerprint) || BaselineValue.Renew(extractor, fingerprint.Category, fingerprint.Value) == fingerprint.Value;
        });
        Gen.Select(Gen.Byte.Array[16], Gen.UShort).Sample((bytes, port) =>
        {
            var facts = new EventFacts { Type = Fangs.Protocol.EventType.NetConnect, DestIP = new System.Net.IPAddress(bytes).ToString(), DestPort = port };
            return !extractor.TryExtract(facts, out var fingerprint) || BaselineValue.Renew(extractor, fingerprint.Category, fingerprint.Value) == fingerprint.Value;
        });
    }
}
