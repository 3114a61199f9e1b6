using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

/// <summary>What can be said of a run: nothing yet, nothing reliable, or whether it did what the package had not done before.</summary>
public static class RunVerdict
{
    /// <summary><c>pending</c>, <c>inconclusive</c>, <c>deviating</c>, <c>clean</c>, or <c>none</c> for a run without a package.</summary>
    public static string Word(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run switch
        {
            { State: not ("done" or "failed" or "analyzed") } => "pending",
            { State: "failed" } or { Conclusive: false } => "inconclusive",
            { OpenDeviations: > 0 } => "deviating",
            _ when !PackageBasis.IsPackage(run.PackageName) => "none",
            { AnalyzedAt: null } or { State: "analyzed" } => "pending",
            _ => "clean",
        };
    }

    /// <summary>How a run stands at a glance: its <see cref="Word"/>, but <c>failed</c>, <c>queued</c> and <c>running</c> told apart.</summary>
    public static string Standing(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.State switch
        {
            "failed" => "failed",
            "pending" => "queued",
            "done" or "analyzed" when Word(run) is var word and not "pending" => word,
            _ => "running",
        };
    }

    /// <summary>The verdict in a sentence, with its reason. Safe to print.</summary>
    public static string Sentence(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var open = run.OpenDeviations == 1 ? "1 deviation waits" : $"{NumberText.Of(run.OpenDeviations)} deviations wait";
        return Word(run) switch
        {
            "inconclusive" => $"inconclusive: {Reason(run)}{(run.OpenDeviations > 0 ? $"; {open} for a decision" : "")}",
            "deviating" => $"deviating: {open} for a decision",
            "clean" when run.Notes > 0 => $"clean; {(run.Notes == 1 ? "1 value that was learned touches" : $"{NumberText.Of(run.Notes)} values that were learned touch")} credentials",
            "clean" => "clean",
            "none" => "none: without a package there is nothing to compare with",
            _ when run.State is "done" or "analyzed" => "not yet: the analysis is due",
            _ => "not yet: the run has not ended",
        };
    }

    /// <summary>Why a run is inconclusive. Safe to print.</summary>
    public static string Reason(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var reason = run.InconclusiveReason.Length > 0 ? run.InconclusiveReason : run.FailureReason;
        return reason.Length > 0 ? TerminalText.Cut(reason, 1_000) : run.State == "failed" ? "the run failed" : "the reason is not known";
    }
}
