using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Decisions;
using Fangs.Cli.Rendering;
using Fangs.Cli.Runs;
using Fangs.Protocol;

namespace Fangs.Cli.Deviations;

/// <summary><c>fangs deviation accept</c>: takes one value into the baseline.</summary>
public static class DeviationAcceptCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("deviation accept", "Take one deviation into the baseline of its package",
        [new("note", FlagKind.Text, "", "why, for the record"), .. OperatorDecisions.Flags])
    {
        Arguments = ["deviation"],
        Details = "When nothing is left to decide, a conclusive run joins the baseline.",
        Examples = ["deviation accept 3f9c21", "deviation accept 3f9c21 -note reviewed"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("note")] string note, [Argument] string deviation) =>
        call.RunAsync(() => DeviationDecision.RunAsync(call, DecisionAction.Accept, "accepted", deviation, note));
}

/// <summary><c>fangs deviation reject</c>: keeps one value out of the baseline.</summary>
public static class DeviationRejectCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("deviation reject", "Keep one deviation out of the baseline of its package",
        [new("note", FlagKind.Text, "", "why, for the record"), .. OperatorDecisions.Flags])
    {
        Arguments = ["deviation"],
        Details = "The value deviates again in every later run that shows it. 'fangs deviation accept' changes the decision.",
        Examples = ["deviation reject 3f9c21", "deviation reject 3f9c21 -note stolen"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("note")] string note, [Argument] string deviation) =>
        call.RunAsync(() => DeviationDecision.RunAsync(call, DecisionAction.Reject, "rejected", deviation, note));
}

/// <summary>What accepting and rejecting have in common.</summary>
internal static class DeviationDecision
{
    internal static async Task<int> RunAsync(Invocation call, string action, string status, string deviation, string note)
    {
        var answer = await OperatorDecisions.DecideAsync(call, database => new DecisionRequest
        {
            Action = action,
            DeviationId = Invocation.ResolveDeviationForChange(database, deviation),
            Note = note,
        });
        if (call.IsJson)
        {
            CliJson.Write(
                call, new DeviationDecidedJson(answer.DeviationId, answer.RunId, answer.Package, status, answer.Changed, answer.DeviationsOpen),
                CliJson.Wire.DeviationDecidedJson);
            return ExitCode.Success;
        }

        call.Say($"Deviation  {TerminalText.Escape(answer.DeviationId)}");
        call.Say($"Package    {TerminalText.Escape(answer.Package)}");
        call.Say($"Status     {status}{(answer.Changed ? "" : ", as it was before")}");
        call.Say($"Run        {TerminalText.Escape(answer.RunId)}, {RunText.Number(answer.DeviationsOpen)} deviations open");
        return ExitCode.Success;
    }
}
