using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Notifiers;

/// <summary><c>fangs notifier list</c>: where alerts go.</summary>
public static class NotifierListCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("notifier list", "List the targets of alerts",
    [
        new("show-secrets", FlagKind.Boolean, "false", "show addresses and header values in full; they often are secrets"),
    ])
    {
        Examples = ["notifier list", "notifier list -show-secrets"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("show-secrets")] bool showSecrets) => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var targets = NotifierQueries.All(database).Select(row => showSecrets ? row : NotifierSecrets.Masked(row)).ToList();
        if (call.IsJson) CliJson.Write(call, [.. targets.Select(NotifierJson.Of)], CliJson.Wire.IReadOnlyListNotifierJson);
        else Print(call, targets);
        return Task.FromResult(ExitCode.Success);
    });

    private static void Print(Invocation call, List<NotifierRow> targets)
    {
        if (targets.Count == 0)
        {
            call.Say("(none)");
            call.Say("Add one with, for example:");
            call.Say($"  fangs {NotifierAddCommand.Spec.Examples[0]}");
            return;
        }

        var table = new ColumnTable("NAME", "TEMPLATE", "URL", "ENABLED", "MIN_SEV", "HMAC", "UPDATED");
        foreach (var target in targets)
        {
            table.Add(
                TerminalText.Cut(target.Name, 60), TerminalText.Escape(target.Template), TerminalText.Cut(target.Url, 50), target.Enabled ? "yes" : "no",
                target.MinSeverity is { Length: > 0 } least ? TerminalText.Escape(least) : "any",
                target.SecretEnv is { Length: > 0 } variable ? "$" + TerminalText.Escape(variable) : "no", TimeText.Absolute(target.UpdatedAt));
        }

        table.Print(call.Environment);
    }
}
