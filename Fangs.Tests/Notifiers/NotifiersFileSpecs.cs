using System.Text;
using Fangs.Actors.Notifiers;

namespace Fangs.Tests.Notifiers;

public sealed class NotifiersFileSpecs
{
    private const string Good = """
        [
          { "name": "chat", "url": "https://hooks.example/T0KEN", "template": "slack" },
          {
            "name": "soc", "url": "http://localhost:9/in", "template": "generic", "secret_env": "SOC_HMAC",
            "headers": { "Authorization": "Bearer ${SOC}" }, "min_severity": "critical", "enabled": false
          }
        ]
        """;

    private static readonly NotifierTarget[] Targets =
    [
        new("chat", "https://hooks.example/T0KEN", "slack", null, null, null, true),
        new("soc", "http://localhost:9/in", "generic", "SOC_HMAC", """{"Authorization":"Bearer ${SOC}"}""", "crit", false),
    ];

    [Fact]
    public void A_list_and_an_object_with_a_list_say_the_same()
    {
        foreach (var text in new[] { Good, $$"""{"notifiers": {{Good}} }""", "\ufeff" + Good })
        {
            var (targets, errors) = Parse(text);
            Assert.Empty(errors);
            Assert.Equal(Targets, targets);
        }
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"notifiers":[]}""")]
    [InlineData("""[{"name":"a","url":"https://x/","template":"discord","secret_env":"","min_severity":"","headers":{}}]""")]
    [InlineData("""[{"name":"a","url":"https://x/","template":"discord","secret_env":null,"min_severity":null,"headers":null}]""")]
    public void What_is_left_empty_asks_for_nothing(string text)
    {
        var (targets, errors) = Parse(text);
        Assert.Empty(errors);
        Assert.All(targets, target => Assert.Equal(new NotifierTarget("a", "https://x/", "discord", null, null, null, true), target));
    }

    [Theory]
    [InlineData("", "1: the file is empty; write [] for no targets")]
    [InlineData(" \n ", "1: the file is empty; write [] for no targets")]
    [InlineData("[", "1: this is not JSON (byte 2 of the line)")]
    [InlineData("[\n{]", "2: this is not JSON (byte 2 of the line)")]
    [InlineData("[] []", "1: this is not JSON (byte 4 of the line)")]
    [InlineData("\"x\"", "1: expected a list of targets")]
    [InlineData("{}", "1: expected a list of targets, or an object with the key notifiers")]
    [InlineData("{\"notifier\": []}", "1: expected the key notifiers once, and no other")]
    [InlineData("{\"notifiers\": 1}", "1: notifiers: expected a list of targets")]
    [InlineData("[\n1]", "2: [0]: expected an object")]
    [InlineData("{\"notifiers\": [{}]}", "1: notifiers[0].name: is required")]
    [InlineData("[{\n\"name\": \"\"}]", "2: [0].name: expected 1 to 100 characters")]
    [InlineData("[{\n\"name\": 7}]", "2: [0].name: expected a text")]
    [InlineData("[{\"name\":\"a\",\n\"url\":\n\"http://hooks.example/\"}]", "3: [0].url: http is only for this host")]
    [InlineData("[{\"url\": \"https://u:p@x/\"}]", "1: [0].url: must not hold a user and a password")]
    [InlineData("[{\"url\": \"T0KEN\"}]", "1: [0].url: expected an address")]
    [InlineData("[{\"template\": \"teams\"}]", "1: [0].template: expected one of slack, discord, generic")]
    [InlineData("[{\"min_severity\": \"bad\"}]", "1: [0].min_severity: expected one of info, low, warn")]
    [InlineData("[{\"template\": \"slack\",\n\"secret_env\": \"A\"}]", "2: [0].secret_env: only messages of the template generic are signed")]
    [InlineData("[{\"template\": \"generic\", \"secret_env\": \"$A\"}]", "1: [0].secret_env: expected the name of an environment variable, not its value")]
    [InlineData("[{\"headers\": {\"a b\": \"c\"}}]", "1: [0].headers.a b: 'a b' is not a header name")]
    [InlineData("[{\"headers\": {\"Host\": \"c\"}}]", "1: [0].headers.Host: 'Host' cannot be set")]
    [InlineData("[{\"headers\": {\"x-fangs-signature\": \"c\"}}]", "1: [0].headers.x-fangs-signature: 'x-fangs-signature' cannot be set")]
    [InlineData("[{\"headers\": {\"A\": \"b\\nc\"}}]", "1: [0].headers.A: the value of 'A' must be text without control characters")]
    [InlineData("[{\"headers\": {\"A\": 1}}]", "1: [0].headers.A: expected a text")]
    [InlineData("[{\"headers\": []}]", "1: [0].headers: expected an object of texts")]
    [InlineData("[{\"enabled\": \"yes\"}]", "1: [0].enabled: expected true or false")]
    [InlineData("[{\"name\": \"a\", \"name\": \"b\"}]", "1: [0].name: stands there already; remove one")]
    [InlineData("[{\"token\": \"T0KEN\"}]", "1: [0].token: unknown key; expected name, url, template, secret_env, headers, min_severity, enabled")]
    [InlineData("[{\"name\":\"a\",\"url\":\"https://x/\",\"template\":\"slack\"},\n{\"name\":\"a\",\"url\":\"https://y/\",\"template\":\"slack\"}]", "2: [1].name: the target of line 1 has that name already")]
    public void What_is_wrong_is_named_with_its_line_and_field(string text, string expected)
    {
        var (targets, errors) = Parse(text);
        Assert.Empty(targets);
        Assert.Contains(errors, error => error.ToString().StartsWith(expected, StringComparison.Ordinal));
        Assert.All(errors, error => Assert.DoesNotContain("T0KEN", error.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_no_text_or_too_long_is_refused()
    {
        Assert.Equal("1: this is not valid UTF-8", Assert.Single(NotifiersFile.Parse([(byte)'[', (byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}', (byte)']']).Errors).ToString());
        Assert.Contains("longer than 256 KiB", Assert.Single(NotifiersFile.Parse(new byte[NotifiersFile.MaxBytes + 1]).Errors).ToString(), StringComparison.Ordinal);
    }

    private static (IReadOnlyList<NotifierTarget> Targets, IReadOnlyList<NotifiersFileError> Errors) Parse(string text) => NotifiersFile.Parse(Encoding.UTF8.GetBytes(text));
}
