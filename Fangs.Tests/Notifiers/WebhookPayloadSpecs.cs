using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using Fangs.Actors.Notifiers;
using Fangs.Protocol;

namespace Fangs.Tests.Notifiers;

public sealed partial class WebhookPayloadSpecs
{
    internal static readonly Alert Sample = new()
    {
        Run = RunId.Parse("019ac0aa000000000000000000000001"),
        Package = "@scope/left-thing",
        Version = "2.0.1",
        State = "done",
        Deviations =
        [
            new("d2", "net_new_dns", "evil.example", "warn", 9),
            new("d1", "fs_new_path_read", "/home/node/.ssh/id_rsa", "crit", 4),
        ],
    };

    private static readonly Gen<string> Hostile = Gen.OneOf(
        Gen.String,
        Gen.String[Gen.Char["`*_~<>&|@#[]()\\\n\r\t\u202e\u200b\u0000:/-ab"], 0, 400],
        OneOf("<!channel>", "@everyone", "<@U123>", "```\n<!here>", "<https://x|y>", "\ud83d", new string('&', 5000), string.Concat(Enumerable.Repeat("👩", 300)), "", " "));

    private static readonly Gen<Alert> Alerts = Gen.Select(Hostile, Hostile, Gen.Select(Hostile, Hostile, Gen.OneOf(OneOf("info", "warn", "crit", "high", "low"), Hostile)).List[0, 40],
        (package, version, deviations) => new Alert
        {
            Run = RunId.Parse("019ac0aa000000000000000000000001"),
            Package = package,
            Version = version,
            State = "done",
            Deviations = [.. deviations.Select((d, i) => new AlertDeviation($"d{i}", d.Item1, d.Item2, d.Item3, i))],
        });

    [Fact]
    public void Generic_is_as_documented() => Assert.Equal(
        """{"source":"fangs-orchestrator","schema_version":"v1","run_id":"019ac0aa000000000000000000000001","package_name":"@scope/left-thing","version":"2.0.1","state":"done","is_baseline":false,"max_severity":"crit","deviations":["""
        + """{"id":"d1","category":"fs_new_path_read","value":"/home/node/.ssh/id_rsa","severity":"crit","evidence_event_id":4},"""
        + """{"id":"d2","category":"net_new_dns","value":"evil.example","severity":"warn","evidence_event_id":9}],"deviation_count":2}""",
        Text(NotifierTemplate.Generic, Sample));

    [Fact]
    public void Slack_is_as_documented() => Assert.Equal(
        """{"text":"\uD83D\uDEA8 @scope/left-thing@2.0.1: 2 findings, highest severity crit","blocks":["""
        + """{"type":"header","text":{"type":"plain_text","text":"\uD83D\uDEA8 @scope/left-thing@2.0.1: 2 findings, highest severity crit","emoji":true}},"""
        + """{"type":"section","text":{"type":"mrkdwn","text":"*Run* \u0060019ac0aa0000\u0060  *Package* \u0060@scope/left-thing\u0060  *Version* \u00602.0.1\u0060"}},"""
        + """{"type":"section","text":{"type":"mrkdwn","text":"\u2022 *crit* \u0060/home/node/.ssh/id_rsa\u0060 fs_new_path_read\n\u2022 *warn* \u0060evil.example\u0060 net_new_dns"}}]}""",
        Text(NotifierTemplate.Slack, Sample));

    [Fact]
    public void Discord_is_as_documented() => Assert.Equal(
        """{"username":"FANGS","embeds":[{"title":"\\@scope/left-thing\\@2.0.1","description":"2 findings, highest severity crit, run \u0060019ac0aa0000\u0060","color":14902109,"fields":["""
        + """{"name":"crit \u00B7 fs_new_path_read","value":"\u0060/home/node/.ssh/id_rsa\u0060","inline":false},"""
        + """{"name":"warn \u00B7 net_new_dns","value":"\u0060evil.example\u0060","inline":false}]}],"allowed_mentions":{"parse":[]}}""",
        Text(NotifierTemplate.Discord, Sample));

    [Theory]
    [InlineData("generic", """{"source":"fangs-orchestrator","schema_version":"v1","test":true,"message":"This is a test of FANGS. Alerts of this orchestrator will look for you here."}""")]
    [InlineData("slack", """{"text":"This is a test of FANGS. Alerts of this orchestrator will look for you here."}""")]
    [InlineData("discord", """{"username":"FANGS","embeds":[{"title":"FANGS","description":"This is a test of FANGS. Alerts of this orchestrator will look for you here.","color":7185368}],"allowed_mentions":{"parse":[]}}""")]
    public void A_trial_message_is_as_documented(string template, string body) => Assert.Equal(body, Encoding.UTF8.GetString(WebhookPayload.Test(template)!));

    [Fact]
    public void There_is_no_other_template()
    {
        Assert.Null(WebhookPayload.Of("teams", Sample));
        Assert.Null(WebhookPayload.Test("teams"));
    }

    [Theory]
    [InlineData("crit", 0xE3635D)]
    [InlineData("critical", 0xE3635D)]
    [InlineData("high", 0xD3A851)]
    [InlineData("medium", 0xD3A851)]
    [InlineData("warn", 0xD3A851)]
    [InlineData("low", 0x6DA3D8)]
    [InlineData("info", 0x6DA3D8)]
    [InlineData("odd", 0x808080)]
    public void Discord_shows_the_severity_as_a_colour(string severity, int colour)
    {
        using var json = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Discord, Sample with { Deviations = [new("d", "c", "v", severity, 1)] })!);
        Assert.Equal(colour, json.RootElement.GetProperty("embeds")[0].GetProperty("color").GetInt32());
    }

    [Fact]
    public void Twelve_findings_are_listed_and_the_others_are_counted()
    {
        var many = Sample with { Deviations = [.. Enumerable.Range(0, 30).Select(i => new AlertDeviation($"d{i:00}", "fs_new_path_read", $"/opt/{i:00}", "info", i))] };
        using var slack = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Slack, many)!);
        var lines = slack.RootElement.GetProperty("blocks")[2].GetProperty("text").GetProperty("text").GetString()!.Split('\n');
        Assert.Equal((13, "…and 18 more", "• *info* `/opt/11` fs_new_path_read"), (lines.Length, lines[^1], lines[^2]));
        using var discord = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Discord, many)!);
        var fields = discord.RootElement.GetProperty("embeds")[0].GetProperty("fields");
        Assert.Equal((13, "…and 18 more"), (fields.GetArrayLength(), fields[12].GetProperty("value").GetString()));
        using var generic = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Generic, many)!);
        Assert.Equal(30, generic.RootElement.GetProperty("deviations").GetArrayLength());
    }

    [Fact]
    public void A_list_that_would_be_too_long_for_Slack_loses_whole_lines()
    {
        var wide = Sample with { Deviations = [.. Enumerable.Range(0, 12).Select(i => new AlertDeviation($"d{i:00}", "fs_new_path_read", new string('&', 200), "info", i))] };
        using var slack = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Slack, wide)!);
        var text = slack.RootElement.GetProperty("blocks")[2].GetProperty("text").GetProperty("text").GetString()!;
        Assert.InRange(text.Length, 2000, 3000);
        Assert.EndsWith(" more", text, StringComparison.Ordinal);
        Assert.True(text.Count(c => c == '`') % 2 == 0);
    }

    [Fact]
    public void Whatever_a_package_is_called_and_does_Slack_gets_inert_text_within_its_limits() => Alerts.Sample(alert =>
    {
        using var json = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Slack, alert)!);
        var blocks = json.RootElement.GetProperty("blocks");
        var header = blocks[0].GetProperty("text").GetProperty("text").GetString()!;
        Assert.Equal(json.RootElement.GetProperty("text").GetString(), header);
        Assert.InRange(header.Length, 1, 150);
        Assert.Contains(alert.Count, header, StringComparison.Ordinal); // the end is not what is cut
        AssertInertSlack(header);
        for (var i = 1; i <= 2; i++)
        {
            var text = blocks[i].GetProperty("text").GetProperty("text").GetString()!;
            Assert.InRange(text.Length, 0, 3000);
            foreach (var line in text.Split('\n')) AssertInertSlack(line);
            Assert.True(text.Split('\n').Length <= 13);
            Assert.All(text.Split('\n'), line => Assert.True(line.Count(c => c == '`') % 2 == 0, line));
            // All that is hostile stands in code spans; outside only words of ours are left.
            Assert.Matches("""\A[•*A-Za-z0-9_…? \n-]*\z""", CodeSpan().Replace(text, ""));
        }
    });

    [Fact]
    public void Whatever_a_package_is_called_and_does_Discord_gets_inert_text_within_its_limits() => Alerts.Sample(alert =>
    {
        using var json = JsonDocument.Parse(WebhookPayload.Of(NotifierTemplate.Discord, alert)!);
        Assert.Equal(0, json.RootElement.GetProperty("allowed_mentions").GetProperty("parse").GetArrayLength());
        var embed = json.RootElement.GetProperty("embeds")[0];
        var (title, description) = (embed.GetProperty("title").GetString()!, embed.GetProperty("description").GetString()!);
        Assert.InRange(title.Length, 1, 256);
        Assert.DoesNotMatch("""[*_~|<>\[\]()#@:`]""", Escaped().Replace(title, ""));
        Assert.Matches("""\A[A-Za-z0-9_…?, -]*\z""", CodeSpan().Replace(description, ""));
        var fields = embed.GetProperty("fields").EnumerateArray().ToList();
        Assert.True(fields.Count <= 13);
        foreach (var field in fields)
        {
            var (name, value) = (field.GetProperty("name").GetString()!, field.GetProperty("value").GetString()!);
            Assert.InRange(name.Length, 1, 256);
            Assert.InRange(value.Length, 1, 1024);
            Assert.Matches("""\A(`[^`\n]+`|…and [0-9]+ more)\z""", value);
        }

        Assert.True(title.Length + description.Length + fields.Sum(f => f.GetProperty("name").GetString()!.Length + f.GetProperty("value").GetString()!.Length) <= 6000);
    });

    [Fact]
    public void Cut_text_keeps_whole_characters_and_never_exceeds_its_length() => Gen.Select(Hostile, Gen.Int[1, 60]).Sample((text, length) =>
    {
        foreach (var cut in new[] { ChatText.Cut(text, length), ChatText.Slack(text, length), ChatText.Discord(text, length) })
        {
            Assert.True(cut.Length <= length);
            Assert.Equal(cut, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(cut)));
        }

        if (text.EnumerateRunes().All(r => r != Rune.ReplacementChar) && text.Length <= length) Assert.Equal(text, ChatText.Cut(text, length));
    });

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static string Text(string template, Alert alert) => Encoding.UTF8.GetString(WebhookPayload.Of(template, alert)!);

    private static void AssertInertSlack(string line)
    {
        Assert.DoesNotMatch("[<>]", line);
        Assert.DoesNotMatch("&(?!amp;|lt;|gt;)", line);
        foreach (var rune in line.EnumerateRunes())
            Assert.False(Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format, $"U+{rune.Value:X4}");
    }

    [GeneratedRegex("`[^`\n]+`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex("""\\[\\*_~|<>\[\]()#@:]""")]
    private static partial Regex Escaped();
}
