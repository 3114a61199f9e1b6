using Fangs.Cli.Runs;
using Fangs.Protocol;

namespace Fangs.Cli.AllowList;

/// <summary>Says what a change of the allow list does to deviations that wait.</summary>
internal static class AllowEffect
{
    /// <summary>For a new entry.</summary>
    internal static string Hidden(DecisionResponse answer, bool isDryRun) => $"{(isDryRun ? "would hide" : "hides")} {Counts(answer)}.";

    /// <summary>For an entry that is gone.</summary>
    internal static string Shown(DecisionResponse answer, bool isDryRun) => $"{(isDryRun ? "would show" : "shows")} {Counts(answer)} again.";

    private static string Counts(DecisionResponse answer) =>
        $"{Number(answer.DeviationsChanged, "deviation")} in {Number(answer.RunsAffected, "run")}";

    private static string Number(int count, string what) => $"{RunText.Number(count)} {what}{(count == 1 ? "" : "s")}";
}
