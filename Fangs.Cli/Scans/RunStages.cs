using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Runs;

namespace Fangs.Cli.Scans;

/// <summary>Turns what is seen of a run, look after look, into lines of progress. Remembers only which stages it has told.</summary>
public sealed class RunStages
{
    private static readonly string[] Order = ["pending", "building", "sandboxed", "analyzed", "done"];
    private int _told = -1;

    /// <summary>Lines for the stages that were reached since the last look, oldest first. Stages missed between two looks are told too.</summary>
    public IReadOnlyList<string> Advance(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (run.State == "failed")
        {
            if (_told >= Order.Length) return [];
            _told = Order.Length;
            return [$"failed: {(run.FailureReason.Length > 0 ? TerminalText.Cut(run.FailureReason, 500) : "no reason given")}"];
        }

        var reached = Array.IndexOf(Order, run.State);
        var lines = new List<string>();
        while (_told < reached) lines.Add(Line(++_told, run));
        return lines;
    }

    /// <summary>What goes on at the moment, with the events so far.</summary>
    public static string Now(RunRow run, IReadOnlyList<EventCountRow> counts)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(counts);
        return run.State switch
        {
            "pending" => "waiting for a runner",
            "building" => "preparing the sandbox",
            "sandboxed" => RunText.Counts(counts),
            "analyzed" => $"analysing {RunText.Counts(counts)}",
            _ => RunText.Counts(counts),
        };
    }

    private static string Line(int stage, RunRow run) => stage switch
    {
        0 => "queued",
        1 => run.RunnerId.Length > 0 ? $"handed to runner {TerminalText.Cut(run.RunnerId, 80)}" : "handed to a runner",
        2 => "sandbox started, events are arriving",
        3 => "result received",
        _ => run.Conclusive == false
            ? $"done, inconclusive: {TerminalText.Cut(run.InconclusiveReason, 300)}"
            : $"done in {TimeText.Duration(run.DurationNs)}",
    };
}
