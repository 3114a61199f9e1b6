using System.Text.Json;

namespace Fangs.Tests.Cli;

public sealed class RunShowSpecs : IDisposable
{
    private readonly CliFixture _cli = new CliFixture().Seeded();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_run_is_shown_with_what_it_did()
    {
        var result = await _cli.RunAsync("run", "show", Seeds.Thief);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        CliFixture.Approve(result.Out, "run-show");
    }

    [Fact]
    public async Task Events_are_listed_in_words() =>
        CliFixture.Approve((await _cli.RunAsync("run", "show", Seeds.Thief, "-events")).Out.Split("\nEvents (")[1], "run-show-events");

    [Fact]
    public async Task Events_are_filtered_by_type_and_limited_to_the_newest()
    {
        var shown = (await _cli.RunAsync("run", "show", Seeds.Thief, "-events", "-type", "net_connect", "-limit", "1", "-json")).Out;
        var only = JsonDocument.Parse(shown).RootElement.GetProperty("events").EnumerateArray().Single();
        Assert.Equal("net_connect", only.GetProperty("type").GetString());
        Assert.Equal("2001:db8::1", only.GetProperty("data").GetProperty("DestIP").GetString());
        Assert.StartsWith("connected to [2001:db8::1]:8080 (tcp) - failed, network unreachable", only.GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_run_is_shown_as_JSON() => CliFixture.Approve((await _cli.RunAsync("-json", "run", "show", Seeds.Thief)).Out, "run-show-json");

    [Fact]
    public async Task A_failed_run_says_why_and_what_npm_printed_last() =>
        CliFixture.Approve((await _cli.RunAsync("run", "show", "019ac0bb")).Out, "run-show-failed");

    [Fact]
    public async Task An_inconclusive_run_says_why() =>
        Assert.Contains("Verdict       inconclusive: 3 events were lost\n", (await _cli.RunAsync("run", "show", "019ad2")).Out);

    [Theory]
    [InlineData("state = 'sandboxed', conclusive = NULL", "not yet: the run has not ended")]
    [InlineData("state = 'analyzed'", "not yet: the analysis is due")]
    [InlineData("analyzed_at = NULL", "not yet: the analysis is due")]
    [InlineData("state = 'failed', conclusive = NULL, failure_reason = 'runner lost'", "inconclusive: runner lost; 2 deviations wait for a decision")]
    [InlineData("conclusive = 0, inconclusive_reason = ''", "inconclusive: the reason is not known; 2 deviations wait for a decision")]
    [InlineData("package_name = 'node:20-slim'", "none: without a package there is nothing to compare with")]
    [InlineData("version = '1'", "deviating: 2 deviations wait for a decision")]
    public async Task The_verdict_says_what_can_be_said(string change, string verdict)
    {
        var open = verdict.Contains("2 deviations", StringComparison.Ordinal);
        _cli.Execute($"UPDATE runs SET analyzed_at = finished_at; UPDATE runs SET {change} WHERE id = '{Seeds.Thief}';" + (open ? "" : "DELETE FROM deviations;"));
        Assert.Contains($"Verdict       {verdict}\n", (await _cli.RunAsync("run", "show", Seeds.Thief)).Out);
    }

    [Fact]
    public async Task A_run_whose_deviations_are_all_decided_is_clean()
    {
        _cli.Execute("UPDATE runs SET analyzed_at = finished_at; UPDATE deviations SET status = 'accepted';");
        var shown = (await _cli.RunAsync("run", "show", Seeds.Thief)).Out;
        Assert.Contains("Verdict       clean\n", shown);
        Assert.Contains("Deviations    2 (2 decided)\n", shown);
    }

    [Fact]
    public async Task Events_of_another_run_between_the_batches_stay_out()
    {
        var shown = (await _cli.RunAsync("run", "show", Seeds.Thief, "-events", "-limit", "0", "-json")).Out;
        var ids = JsonDocument.Parse(shown).RootElement.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("id").GetInt64());
        Assert.Equal([1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13], ids);
    }

    [Fact]
    public async Task Nothing_hostile_reaches_the_terminal()
    {
        var text = (await _cli.RunAsync("run", "show", Seeds.Thief, "-events")).Out + (await _cli.RunAsync("run", "show", Seeds.Broken)).Out;
        Assert.DoesNotContain('\u001b', text);
        Assert.DoesNotContain('\u0007', text);
        Assert.DoesNotContain('\u202e', text);
        var json = (await _cli.RunAsync("run", "show", Seeds.Thief, "-events", "-json")).Out;
        Assert.DoesNotContain('\u001b', json);
        Assert.DoesNotContain('\u202e', json);
    }

    [Theory]
    [InlineData("019ac0", 4, "several runs begin with 019ac0")]
    [InlineData("0", 4, "several runs")]
    [InlineData("ffff", 3, "no run begins with ffff")]
    [InlineData("019AC0AA", 3, "lower-case hex")]
    [InlineData("%", 3, "no run begins with %")]
    [InlineData("019ac0a_", 3, "no run begins with")]
    [InlineData("", 2, "empty")]
    public async Task A_prefix_must_fit_exactly_one_run(string prefix, int code, string message)
    {
        var result = await _cli.RunAsync("run", "show", prefix);
        Assert.Equal((code, ""), (result.ExitCode, result.Out));
        Assert.StartsWith("fangs: ", result.Error);
        Assert.Contains(message, result.Error);
    }

    [Fact]
    public async Task A_full_id_wins_over_a_longer_one_that_begins_with_it()
    {
        _cli.Execute(Seeds.Run(Seeds.Thief + "00", "left-thing", "1.0.0", "done", 5));
        Assert.Contains("Version       2.0.1\n", (await _cli.RunAsync("run", "show", Seeds.Thief)).Out);
    }

    [Fact]
    public async Task Filters_without_events_are_a_mistake() => Assert.Equal(2, (await _cli.RunAsync("run", "show", Seeds.Thief, "-type", "exec")).ExitCode);

    [Fact]
    public async Task Payloads_of_any_kind_are_survived()
    {
        var odd = new[] { "null", "[]", "17", "{}", """{"Header":7,"ArgvStrs":[1,null,{}],"BinaryPathStr":{}}""", """{"CommStr":"\ud800"}""", """{"Header":{"TsNs":1e30,"PID":-4}}""" };
        var types = new[] { "exec", "file_access", "net_connect", "dns_query", "dns_answer", "tls_sni", "http_request", "syscall_rare", "unknown" };
        var events = types.SelectMany(type => odd.Select(data => (type, data))).ToList();
        _cli.Execute(Seeds.Batch(Seeds.Waiting, 1, 100, events));
        foreach (var format in new[] { "-json=false", "-json" })
        {
            var result = await _cli.RunAsync("run", "show", Seeds.Waiting, "-events", format);
            Assert.Equal((0, ""), (result.ExitCode, result.Error));
        }
    }
}
