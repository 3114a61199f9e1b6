using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cocona;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Notifiers;

/// <summary><c>fangs notifier add</c>: makes a target of alerts, or changes one.</summary>
public static partial class NotifierAddCommand
{
    private const int MaxNameLength = 100;
    private static readonly string[] Templates = ["slack", "discord", "generic"];
    private static readonly string[] PlainHttpHosts = ["127.0.0.1", "localhost", "[::1]"];

    // RFC 9110, section 5.6.2.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("notifier add", "Add a target of alerts, or change the one of that name",
    [
        new("name", FlagKind.Text, "", "name of the target") { IsRequired = true },
        new("url", FlagKind.Text, "", "address to post to; https, or http on this host") { IsRequired = true },
        new("template", FlagKind.Text, "generic", "form of the message: slack, discord or generic") { Choices = Templates },
        new("secret-env", FlagKind.Text, "", "environment variable of the orchestrator with the key of signatures (generic only)"),
        new("min-severity", FlagKind.Text, "", "least severity that is worth an alert; any when not given") { Choices = SeverityFlag.Words },
        new("headers", FlagKind.Text, "", "extra headers as a JSON object; ${VAR} in a value stands for a variable of the orchestrator"),
        new("enabled", FlagKind.Boolean, "true", "whether alerts are sent to it"),
    ])
    {
        Examples =
        [
            "notifier add -name soc -url https://hooks.example/in -secret-env SOC_HMAC -min-severity high",
            "notifier add -name chat -url https://hooks.example/chat -template slack",
        ],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("name")] string name, [Option("url")] string url, [Option("template")] string template, [Option("secret-env")] string secretEnv,
        [Option("min-severity")] string minSeverity, [Option("headers")] string headers, [Option("enabled")] bool enabled) => call.RunAsync(() =>
        {
            var target = new NotifierTarget(
                CheckName(name), CheckUrl(url), CheckTemplate(template), CheckVariable(secretEnv, template), CheckHeaders(headers),
                SeverityFlag.WordOf(SeverityFlag.RankOf("min-severity", minSeverity)) is { Length: > 0 } word ? word : null, enabled);
            using var tables = SqliteOperatorTables.Open(call.SqlitePath, call.OperatorName, call.Environment.Clock);
            var isNew = tables.SaveNotifier(target);
            if (call.IsJson) CliJson.Write(call, new NotifierAddedJson(target.Name, isNew), CliJson.Wire.NotifierAddedJson);
            else call.Say($"{(isNew ? "Added" : "Changed")} {TerminalText.Escape(target.Name)}, which posts to {NotifierSecrets.Address(target.Url)}");
            return Task.FromResult(ExitCode.Success);
        });

    private static string CheckName(string name) => name.Length <= MaxNameLength && !name.Any(char.IsControl) && name.Trim() == name
        ? name
        : throw new UsageException($"-name: expected 1 to {MaxNameLength} characters without control characters and without white space around");

    // What goes over the network in plain text could be read and changed, and the address itself is the secret of most targets.
    private static string CheckUrl(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Host.Length == 0 || address.Scheme is not ("http" or "https"))
            throw new UsageException("-url: expected an address such as https://hooks.example/in");
        if (address.Scheme == "http" && !PlainHttpHosts.Contains(address.Host))
            throw new UsageException($"-url: http is only for this host ({string.Join(", ", PlainHttpHosts)}); use https");
        return url;
    }

    private static string CheckTemplate(string template) =>
        Templates.Contains(template) ? template : throw new UsageException($"-template {template}: expected one of {string.Join(", ", Templates)}");

    private static string? CheckVariable(string name, string template)
    {
        if (name.Length == 0) return null;
        if (template != "generic") throw new UsageException("-secret-env: only messages of the template generic are signed");
        return VariableName().IsMatch(name) ? name : throw new UsageException("-secret-env: expected the name of an environment variable, not its value");
    }

    private static string? CheckHeaders(string text)
    {
        if (text.Length == 0) return null;
        Dictionary<string, string>? headers;
        try
        {
            headers = JsonSerializer.Deserialize(text, NotifierHeadersJson.Wire.DictionaryStringString);
        }
        catch (JsonException)
        {
            headers = null;
        }

        if (headers is null) throw new UsageException("""-headers: expected a JSON object of texts such as {"X-Team":"soc"}""");
        foreach (var (name, value) in headers)
        {
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenCharacters)) throw new UsageException($"-headers: '{name}' is not a header name");
            if (value is null || value.Any(char.IsControl)) throw new UsageException($"-headers: the value of '{name}' must be text without control characters");
        }

        return JsonSerializer.Serialize(headers, NotifierHeadersJson.Wire.DictionaryStringString);
    }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex VariableName();
}
