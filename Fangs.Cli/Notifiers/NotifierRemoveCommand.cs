using Cocona;
using Fangs.Actors.Storage;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Notifiers;

/// <summary><c>fangs notifier remove</c>.</summary>
public static class NotifierRemoveCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("notifier remove", "Remove a target of alerts", [])
    {
        Arguments = ["name"],
        Aliases = ["notifier rm"],
        Details = "The log of its deliveries goes with it. To keep both and send nothing, add it again with -enabled=false.",
        Examples = ["notifier remove soc", "notifier rm soc"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string name) => call.RunAsync(() =>
    {
        using var tables = OperatorTables.Open(call.Storage, call.OperatorName, call.Environment.Clock);
        if (!tables.RemoveNotifier(name))
            throw new CliException($"there is no notifier {TerminalText.Cut(name, 100)}: 'fangs notifier list' shows them", ExitCode.NotFound);
        if (call.IsJson) CliJson.Write(call, new NotifierRemovedJson(name), CliJson.Wire.NotifierRemovedJson);
        else call.Say($"Removed {TerminalText.Escape(name)}.");
        return Task.FromResult(ExitCode.Success);
    });
}
