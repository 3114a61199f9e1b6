using System.Globalization;
using Cocona;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Notifiers;

/// <summary><c>fangs notifier test</c>: sends a trial message to a target, by the code that sends alerts.</summary>
public static class NotifierTestCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("notifier test", "Send a trial message to a target of alerts", CommandSpec.Unbound(ConfigurationFile.Flag))
    {
        Arguments = ["name"],
        Details = "One attempt, with headers, signature and all checks of a real alert, from this host and with the variables of this shell: those that the\n"
            + "target refers to must be set here as they are for the orchestrator. Ends with status 1 when the receiver does not answer 2xx.",
        Examples = ["notifier test soc", "-json notifier test soc"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string name) => call.RunAsync(async () =>
    {
        var target = Find(call, name);
        var settings = new NotifierSettings
        {
            AllowPrivate = ConfigurationFile.Load(call.Line).Settings.AllowPrivateNotifiers ?? false,
            Variable = call.Environment.Variable,
        };
        using var sender = new WebhookSender(settings, call.Environment.Clock);
        var result = await sender.SendAsync(target, WebhookPayload.Test(target.Template), call.Stop);
        var isSent = result.Status == AttemptStatus.Sent;
        if (call.IsJson)
        {
            CliJson.Write(call, new NotifierTestJson(target.Name, isSent, result.Status, result.ResponseCode, result.Error, result.ResponseBody), CliJson.Wire.NotifierTestJson);
            return isSent ? ExitCode.Success : ExitCode.Error;
        }

        var shown = TerminalText.Escape(target.Name);
        if (!isSent)
        {
            var body = result.ResponseBody.Trim();
            throw new CliException($"{shown} did not take the message: {TerminalText.Escape(result.Error)}{(body.Length > 0 ? $": {TerminalText.Cut(body, 200)}" : "")}");
        }

        call.Say($"{shown} took the message: status {result.ResponseCode!.Value.ToString(CultureInfo.InvariantCulture)}");
        if (!target.Enabled) call.Say("It is not enabled, so no alerts are sent to it.");
        return ExitCode.Success;
    });

    private static NotifierTarget Find(Invocation call, string name)
    {
        using var database = call.OpenDatabase();
        return NotifierQueries.All(database).FirstOrDefault(row => row.Name == name) is { } row
            ? new NotifierTarget(row.Name, row.Url, row.Template, row.SecretEnv, row.Headers, row.MinSeverity, row.Enabled)
            : throw new CliException($"there is no notifier {TerminalText.Cut(name, 100)}: 'fangs notifier list' shows them", ExitCode.NotFound);
    }
}
