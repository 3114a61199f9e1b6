using Cocona;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Notifiers;

/// <summary><c>fangs notifier add</c>: makes a target of alerts, or changes one.</summary>
public static class NotifierAddCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("notifier add", "Add a target of alerts, or change the one of that name",
    [
        new("name", FlagKind.Text, "", "name of the target") { IsRequired = true },
        new("url", FlagKind.Text, "", "address to post to; https, or http on this host") { IsRequired = true },
        new("template", FlagKind.Text, "generic", "form of the message: slack, discord or generic") { Choices = NotifierTemplate.All },
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
                Check(name, "name", NotifierRules.CheckName(name)), Check(url, "url", NotifierRules.CheckUrl(url)),
                Check(template, "template", NotifierRules.CheckTemplate(template)),
                secretEnv.Length == 0 ? null : Check(secretEnv, "secret-env", NotifierRules.CheckSecretEnv(secretEnv, template)), CheckHeaders(headers),
                minSeverity.Length == 0 ? null : Check(NotifierRules.StoredSeverity(minSeverity), "min-severity", NotifierRules.CheckMinSeverity(minSeverity)), enabled);
            using var tables = OperatorTables.Open(call.Storage, call.OperatorName, call.Environment.Clock);
            var isNew = tables.SaveNotifier(target);
            if (call.IsJson) CliJson.Write(call, new NotifierAddedJson(target.Name, isNew), CliJson.Wire.NotifierAddedJson);
            else call.Say($"{(isNew ? "Added" : "Changed")} {TerminalText.Escape(target.Name)}, which posts to {NotifierSecrets.Address(target.Url)}");
            return Task.FromResult(ExitCode.Success);
        });

    private static T Check<T>(T value, string flag, string? fault) => fault is null ? value : throw new UsageException($"-{flag}: {fault}");

    private static string? CheckHeaders(string text)
    {
        if (text.Length == 0) return null;
        if (NotifierRules.ReadHeaders(text) is not { } headers) throw new UsageException("""-headers: expected a JSON object of texts such as {"X-Team":"soc"}""");
        foreach (var (name, value) in headers) Check(name, "headers", NotifierRules.CheckHeader(name, value));
        return NotifierRules.StoredHeaders(headers);
    }
}
