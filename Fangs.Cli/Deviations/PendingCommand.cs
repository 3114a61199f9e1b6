using System.Globalization;
using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Cli.Runs;

namespace Fangs.Cli.Deviations;

/// <summary><c>fangs pending</c>: what waits for an operator.</summary>
public static class PendingCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("pending", "List the runs that wait for a decision, worst first",
    [
        new("package", FlagKind.Text, "", "only runs of this package"),
        new("min-severity", FlagKind.Text, "", "only runs with a finding of at least this severity") { Choices = SeverityFlag.Words },
        new("limit", FlagKind.Count, "0", "at most this many; 0 for all"),
    ])
    {
        Details = "A run waits while it has findings that nobody has decided on, or while it is inconclusive: nobody looked is not the same as nothing\n"
            + "happened. An inconclusive run without findings leaves the list once a later run of the same version is conclusive.",
        Examples = ["pending", "pending -min-severity warn", "-json pending -package left-thing"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) =>
        ([Option("package")] string package, [Option("min-severity")] string minSeverity, [Option("limit")] int limit) => call.RunAsync(() =>
        {
            var rank = SeverityFlag.RankOf("min-severity", minSeverity);
            using var database = call.OpenDatabase();
            var pending = DeviationQueries.Pending(database, package, rank, limit);
            if (call.IsJson) CliJson.Write(call, [.. pending.Select(ToJson)], CliJson.Wire.IReadOnlyListPendingJson);
            else Print(call, pending);
            return Task.FromResult(ExitCode.Success);
        });

    private static PendingJson ToJson(PendingRow row) => new(
        RunJson.Of(row.Run), row.Findings, SeverityFlag.WordOf(row.Rank), row.FirstDetected, row.LastDetected, ReasonOf(row));

    private static void Print(Invocation call, IReadOnlyList<PendingRow> pending)
    {
        if (pending.Count == 0)
        {
            call.Say("Nothing waits for a decision.");
            return;
        }

        var table = new ColumnTable("SEVERITY", "RUN", "PACKAGE", "VERSION", "FINDINGS", "DETECTED", "PROMOTE", "WHY");
        foreach (var row in pending)
        {
            table.Add(
                row.Rank == 0 ? "-" : SeverityFlag.WordOf(row.Rank), TerminalText.ShortId(row.Run.Id), TerminalText.Cut(row.Run.PackageName, 40),
                TerminalText.Escape(row.Run.Version), row.Findings.ToString(CultureInfo.InvariantCulture),
                TimeText.Absolute(row.LastDetected ?? row.Run.FinishedAt), Promote(row), Why(row));
        }

        table.Print(call.Environment);
        call.Say(pending.Count == 1 ? "1 run waits for a decision." : $"{RunText.Number(pending.Count)} runs wait for a decision.");
    }

    // Ready to be copied. Promoting a run whose evidence is incomplete must be asked for twice; what was learned already is decided one by one.
    private static string Promote(PendingRow row) => ReasonOf(row) switch
    {
        "note" => $"fangs deviation list -status note -run {TerminalText.ShortId(row.Run.Id)}",
        "inconclusive" => $"fangs baseline promote {TerminalText.ShortId(row.Run.Id)} -force",
        _ => $"fangs baseline promote {TerminalText.ShortId(row.Run.Id)}",
    };

    private static string ReasonOf(PendingRow row) =>
        RunVerdict.Word(row.Run) == "inconclusive" ? "inconclusive" : row.Run.OpenDeviations > 0 ? "deviating" : "note";

    private static string Why(PendingRow row) => ReasonOf(row) switch
    {
        "inconclusive" => TerminalText.Fit("inconclusive: " + RunVerdict.Reason(row.Run), 100),
        "note" => "learned, but touches credentials",
        var other => other,
    };
}
