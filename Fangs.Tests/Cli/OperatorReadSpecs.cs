using System.Text.Json;

namespace Fangs.Tests.Cli;

public sealed class OperatorReadSpecs : IDisposable
{
    private readonly CliFixture _cli = new CliFixture().Seeded().Execute(VerdictSeeds.All());

    public OperatorReadSpecs() => _cli.Clock = new FixedClock();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("deviation list", "deviation-list")]
    [InlineData("deviation show " + VerdictSeeds.KeyRead, "deviation-show")]
    [InlineData("deviation show d0000000000000000000000000000002", "deviation-show-rejected")]
    [InlineData("pending", "pending")]
    [InlineData("baseline list -package left-thing", "baseline-list")]
    [InlineData("allow list", "allow-list")]
    [InlineData("notifier list", "notifier-list")]
    [InlineData("notifier history -run " + Seeds.Thief, "notifier-history")]
    [InlineData("package watched", "package-watched")]
    [InlineData("release list -package left-thing", "release-list")]
    [InlineData("diff left-thing 2.0.0 2.0.1", "diff")]
    [InlineData("run show " + VerdictSeeds.First, "run-show-baseline")]
    public async Task Tables_are_read_as_text_and_as_JSON(string command, string approved)
    {
        var text = await _cli.RunAsync(command.Split(' '));
        Assert.Equal((0, ""), (text.ExitCode, text.Error));
        CliFixture.Approve(text.Out, approved);
        var json = await _cli.RunAsync([.. command.Split(' '), "-json"]);
        Assert.Equal((0, ""), (json.ExitCode, json.Error));
        CliFixture.Approve(json.Out, approved + "-json");
        foreach (var hostile in "\u001b\u0007\r\u202e") Assert.DoesNotContain(hostile, text.Out + json.Out);
    }

    [Theory]
    [InlineData("deviation list -package unknown", "(none)\n")]
    [InlineData("baseline list -package unknown", "(none)\n")]
    [InlineData("release list -package unknown", "(none)\n")]
    [InlineData("pending -package unknown", "Nothing waits for a decision.\n")]
    [InlineData("notifier history -run 019ad1", "(none)\n")]
    [InlineData("allow list", "(none)\nAdd entries with")]
    [InlineData("notifier list", "(none)\nAdd one with")]
    [InlineData("package watched", "(none)\n")]
    public async Task Nothing_is_none_in_text_and_an_empty_list_in_JSON(string command, string text)
    {
        _cli.Execute("DELETE FROM allowlists; DELETE FROM notifiers; DELETE FROM packages; DELETE FROM notifications;");
        Assert.StartsWith(text, (await _cli.RunAsync(command.Split(' '))).Out);
        Assert.Equal("[]\n", (await _cli.RunAsync([.. command.Split(' '), "-json"])).Out);
    }

    [Theory]
    [InlineData("-severity crit", VerdictSeeds.KeyRead, VerdictSeeds.Noted)]
    [InlineData("-severity CRITICAL -package left-thing -run " + Seeds.Thief, VerdictSeeds.KeyRead)]
    [InlineData("-severity info", VerdictSeeds.Unproven)]
    [InlineData("-severity medium", VerdictSeeds.HostNamed)]
    [InlineData("-severity high")]
    [InlineData("-status open -run-id 019ac0aa", VerdictSeeds.Unproven, VerdictSeeds.KeyRead)]
    [InlineData("-status note", VerdictSeeds.Noted)]
    [InlineData("-status accepted")]
    [InlineData("-limit 1", VerdictSeeds.Unproven)]
    [InlineData("-limit 0", VerdictSeeds.Unproven, VerdictSeeds.KeyRead, VerdictSeeds.HostNamed, VerdictSeeds.Noted)]
    public async Task Deviations_are_filtered(string flags, params string[] expected)
    {
        var listed = await _cli.RunAsync(["deviation", "list", "-json", .. flags.Split(' ')]);
        Assert.Equal(expected, JsonDocument.Parse(listed.Out).RootElement.EnumerateArray().Select(d => d.GetProperty("ID").GetString()));
    }

    [Theory]
    [InlineData("deviation list -severity bad", 2)]
    [InlineData("deviation list -status bad", 2)]
    [InlineData("deviation list -run 019ac0 -run-id 019ac0", 2)]
    [InlineData("deviation list -run 019ac0", 4)]
    [InlineData("deviation list -run ffff", 3)]
    [InlineData("deviation show d0", 4)]
    [InlineData("deviation show ffff", 3)]
    [InlineData("deviation show %", 3)]
    [InlineData("deviation show", 2)]
    [InlineData("pending -min-severity bad", 2)]
    [InlineData("baseline list", 2)]
    [InlineData("release list", 2)]
    [InlineData("notifier history", 2)]
    [InlineData("notifier history -run ffff", 3)]
    [InlineData("diff left-thing 2.0.0", 3)]
    [InlineData("diff left-thing 2.0.0 9.9.9", 3)]
    [InlineData("diff left-thing 2.0.0 2.0.2", 3)]
    [InlineData("diff 019ac0 019ab0", 4)]
    [InlineData("diff left-thing", 2)]
    [InlineData("diff a b c d", 2)]
    public async Task What_does_not_exist_or_fit_has_its_exit_code(string command, int code)
    {
        var result = await _cli.RunAsync(command.Split(' '));
        Assert.Equal((code, ""), (result.ExitCode, result.Out));
        Assert.StartsWith("fangs: ", result.Error);
    }

    [Fact]
    public async Task Both_vocabularies_have_one_ranking()
    {
        _cli.Execute("DELETE FROM deviations; UPDATE runs SET conclusive = 1;");
        string[] words = ["low", "CRITICAL", "info", "odd", "warn", "high", "medium", "crit"];
        for (var i = 0; i < words.Length; i++)
        {
            _cli.Execute(Seeds.Run($"aaaa00000000000000000000000000{i:x2}", "ranked", $"1.0.{i}", "done", i)
                + $"INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at) VALUES ('dd{i}', 'aaaa00000000000000000000000000{i:x2}', 'net_new_dns', 'x', 1, '{words[i]}', '2026-01-02T03:04:0{i}.000000000Z');");
        }

        async Task<string> VersionsAsync(params string[] flags) => string.Join(' ', JsonDocument.Parse((await _cli.RunAsync(["pending", "-json", .. flags])).Out)
            .RootElement.EnumerateArray().Select(p => p.GetProperty("Run").GetProperty("Version").GetString()![4..]));

        // Worst first, the latest of equals first; an unknown word ranks as a warning.
        Assert.Equal("7 1 5 6 4 3 2 0", await VersionsAsync());
        Assert.Equal("7 1 5", await VersionsAsync("-min-severity", "high"));
        Assert.Equal("7 1 5 6 4 3", await VersionsAsync("-min-severity", "medium"));
        Assert.Equal("7 1", await VersionsAsync("-limit", "2"));
    }

    [Fact]
    public async Task Pending_runs_are_grouped_without_a_cap()
    {
        _cli.Execute(
            Seeds.Run("aaaa0000000000000000000000000000", "flood", "1.0.0", "done", 500)
            + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at)"
            + " SELECT printf('ff%030x', i), 'aaaa0000000000000000000000000000', 'net_new_dns', 'h' || i, 1, 'info', '2026-02-02T03:04:05.000000000Z' FROM n;");
        var pending = JsonDocument.Parse((await _cli.RunAsync("pending", "-json")).Out).RootElement.EnumerateArray().ToList();
        Assert.Equal(20_000, Assert.Single(pending, p => p.GetProperty("Run").GetProperty("PackageName").GetString() == "flood").GetProperty("DevCount").GetInt64());
        Assert.Contains(pending, p => p.GetProperty("Run").GetProperty("ID").GetString() == Seeds.Thief);
    }

    [Fact]
    public async Task An_inconclusive_run_without_findings_waits_until_a_later_one_of_its_version_is_conclusive()
    {
        _cli.Execute(Seeds.Run("aaaa0000000000000000000000000000", "left-thing", "2.0.2", "done", 30, "conclusive = 1"));
        Assert.Contains("the install failed", (await _cli.RunAsync("pending", "-package", "left-thing")).Out);
        _cli.Execute(Seeds.Run("bbbb0000000000000000000000000000", "left-thing", "2.0.2", "done", 90, "conclusive = 1"));
        Assert.DoesNotContain("the install failed", (await _cli.RunAsync("pending", "-package", "left-thing")).Out);
    }

    [Fact]
    public async Task A_run_of_an_image_has_no_baseline_to_wait_for()
    {
        _cli.Execute(Seeds.Run("aaaa0000000000000000000000000000", "node:20-slim", "", "failed", 30, "conclusive = 0"));
        Assert.DoesNotContain("node:20-slim", (await _cli.RunAsync("pending")).Out);
    }

    [Fact]
    public async Task Addresses_and_header_values_are_shown_in_full_on_request_only()
    {
        var full = (await _cli.RunAsync("notifier", "list", "-show-secrets", "-json")).Out;
        Assert.Contains("https://hooks.example:8443/in/T0KEN", full);
        Assert.Contains("s3cret", full);
        var masked = (await _cli.RunAsync("notifier", "list", "-json")).Out + (await _cli.RunAsync("notifier", "list")).Out;
        Assert.DoesNotContain("T0KEN", masked);
        Assert.DoesNotContain("s3cret", masked);
        Assert.Contains("Bearer ${SOC}", masked);
    }

    [Fact]
    public async Task Two_runs_of_any_packages_are_compared_by_their_ids()
    {
        var diff = JsonDocument.Parse((await _cli.RunAsync("-json", "diff", "019ab0", "019ac0aa", "-all")).Out).RootElement;
        Assert.Equal(["/home/node/.npmrc", "104.18.0.1:443"], Values(diff, "only_a"));
        Assert.Equal(["/home/node/.ssh/id_rsa", "/bin/sh", "evil.example", "metrics.example"], Values(diff, "only_b"));
        Assert.Equal(2, diff.GetProperty("common_count").GetInt32());
        var limited = JsonDocument.Parse((await _cli.RunAsync("-json", "diff", "019ab0", "019ac0aa", "-limit", "1")).Out).RootElement;
        Assert.Single(Values(limited, "only_b"));
        Assert.Equal(3, limited.GetProperty("only_b_count").GetInt32());
    }

    [Fact]
    public async Task A_run_is_equal_to_itself() =>
        Assert.Contains("No difference.\n", (await _cli.RunAsync("diff", "019ac0aa", "019ac0aa")).Out);

    [Fact]
    public async Task A_comparison_with_an_inconclusive_run_says_so() =>
        Assert.Contains("inconclusive, what it lacks may be missing: 3 events were lost\n", (await _cli.RunAsync("diff", "019ac0aa", "019ad2")).Out);

    private static IEnumerable<string?> Values(JsonElement diff, string side) =>
        diff.GetProperty(side).EnumerateArray().Select(value => value.GetProperty("value").GetString());

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 3, 0, 0, 0, TimeSpan.Zero);
    }
}
