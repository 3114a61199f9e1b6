using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Decisions;
using Fangs.Cli.Rendering;
using Fangs.Protocol;

namespace Fangs.Cli.Runs;

/// <summary><c>fangs run reanalyze</c>: judges a run again from its stored events.</summary>
public static class RunReanalyzeCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("run reanalyze", "Compute what a run did again from its events, and judge it again", OperatorDecisions.Flags)
    {
        Arguments = ["run"],
        Details = "Deviations that still hold keep their ids and decisions.",
        Examples = ["run reanalyze 019ac0"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string run) => call.RunAsync(async () =>
    {
        var answer = await OperatorDecisions.DecideAsync(call, database => new DecisionRequest
        {
            Action = DecisionAction.Reanalyze,
            RunId = Invocation.ResolveRunForChange(database, run),
        });
        if (call.IsJson)
        {
            CliJson.Write(call, new ReanalyzedJson(answer.RunId, answer.Package, answer.Changed, answer.DeviationsChanged, answer.DeviationsOpen), CliJson.Wire.ReanalyzedJson);
            return ExitCode.Success;
        }

        call.Say($"Run         {TerminalText.Escape(answer.RunId)}");
        call.Say($"Package     {TerminalText.Escape(answer.Package)}");
        call.Say($"Deviations  {RunText.Number(answer.DeviationsOpen)} open{(answer.Changed ? "" : "; nothing had to be changed")}");
        return ExitCode.Success;
    });
}
