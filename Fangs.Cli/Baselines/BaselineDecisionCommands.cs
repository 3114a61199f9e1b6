using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Decisions;
using Fangs.Cli.Rendering;
using Fangs.Cli.Runs;
using Fangs.Protocol;

namespace Fangs.Cli.Baselines;

/// <summary><c>fangs baseline promote</c>: takes all that a run did into the baseline.</summary>
public static class BaselinePromoteCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("baseline promote", "Take all that a run did into the baseline of its package",
    [
        new("note", FlagKind.Text, "", "why, for the record"),
        new("force", FlagKind.Boolean, "false", "promote even a failed or inconclusive run"),
        .. OperatorDecisions.Flags,
    ])
    {
        Arguments = ["run"],
        Details = "Its open deviations are accepted. 'fangs baseline demote' takes it back while no other run has shown the values.",
        Examples = ["baseline promote 019ac0", "baseline promote 019ac0 -note reviewed", "baseline promote 019ac0 -force"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("note")] string note, [Option("force")] bool force, [Argument] string run) =>
        call.RunAsync(async () =>
        {
            var answer = await OperatorDecisions.DecideAsync(call, database => new DecisionRequest
            {
                Action = DecisionAction.Promote,
                RunId = Invocation.ResolveRunForChange(database, run),
                Note = note,
                Force = force,
            });
            if (call.IsJson) CliJson.Write(call, PromotedJson.Of(answer), CliJson.Wire.PromotedJson);
            else Print(call, answer);
            return ExitCode.Success;
        });

    private static void Print(Invocation call, DecisionResponse answer)
    {
        call.Say($"Run       {TerminalText.Escape(answer.RunId)}");
        call.Say($"Package   {TerminalText.Escape(answer.Package)}");
        if (answer.Changed) call.Say($"Baseline  {RunText.Number(answer.FingerprintsMerged)} values merged, {RunText.Number(answer.DeviationsChanged)} deviations accepted");
        else call.Say("Baseline  it was promoted before; nothing had to be changed");
    }
}

/// <summary><c>fangs baseline demote</c>: takes a run out of the baseline again.</summary>
public static class BaselineDemoteCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("baseline demote", "Take a run out of the baseline, with the values that only it has shown",
    [
        new("note", FlagKind.Text, "", "why, for the record"),
        .. OperatorDecisions.Flags,
    ])
    {
        Arguments = ["run"],
        Details = "Refused while another run has shown a value that would have to go. Deviations that the promotion accepted are open again.",
        Examples = ["baseline demote 019ac0", "baseline demote 019ac0 -note mistaken"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("note")] string note, [Argument] string run) => call.RunAsync(async () =>
    {
        var answer = await OperatorDecisions.DecideAsync(call, database => new DecisionRequest
        {
            Action = DecisionAction.Demote,
            RunId = Invocation.ResolveRunForChange(database, run),
            Note = note,
        });
        if (call.IsJson) CliJson.Write(call, DemotedJson.Of(answer), CliJson.Wire.DemotedJson);
        else Print(call, answer);
        return ExitCode.Success;
    });

    private static void Print(Invocation call, DecisionResponse answer)
    {
        call.Say($"Run       {TerminalText.Escape(answer.RunId)}");
        call.Say($"Package   {TerminalText.Escape(answer.Package)}");
        if (answer.Changed) call.Say($"Baseline  {RunText.Number(answer.FingerprintsRemoved)} values removed, {RunText.Number(answer.DeviationsOpen)} deviations open");
        else call.Say("Baseline  it was not in the baseline; nothing had to be changed");
    }
}
