using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Decisions;
using Fangs.Cli.Rendering;
using Fangs.Protocol;

namespace Fangs.Cli.AllowList;

/// <summary><c>fangs allow remove</c>: takes an entry of the allow list back.</summary>
public static class AllowRemoveCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("allow remove", "Remove an entry of the allow list",
    [
        new("note", FlagKind.Text, "", "why, for the record"),
        new("dry-run", FlagKind.Boolean, "false", "only tell what would happen"),
        .. OperatorDecisions.Flags,
    ])
    {
        Arguments = ["id"],
        Aliases = ["allow rm"],
        Examples = ["allow remove 1f2e3d4c", "allow rm 1f2e3d4c -dry-run"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("note")] string note, [Option("dry-run")] bool dryRun, [Argument] string id) =>
        call.RunAsync(async () =>
        {
            var entry = "";
            var answer = await OperatorDecisions.DecideAsync(call, database => new DecisionRequest
            {
                Action = DecisionAction.AllowRemove,
                AllowId = entry = Invocation.ResolveAllowEntryForChange(database, id),
                Note = note,
                DryRun = dryRun,
            });
            if (call.IsJson) CliJson.Write(call, new AllowRemovedJson(entry, !dryRun, dryRun, answer.DeviationsChanged, answer.RunsAffected), CliJson.Wire.AllowRemovedJson);
            else call.Say($"{(dryRun ? "Would remove" : "Removed")} {TerminalText.Escape(entry)}: {AllowEffect.Shown(answer, dryRun)}");
            return ExitCode.Success;
        });
}
