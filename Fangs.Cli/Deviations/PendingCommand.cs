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
            if (call.IsJson) CliJson.Write(call, [.. pending.Select(PendingWords.ToJson)], CliJson.Wire.IReadOnlyListPendingJson);
            else Print(call, pending);
            return Task.FromResult(ExitCode.Success);
        });

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
                row.Rank == 0 ? "-" : PendingWords.SeverityOf(row.Rank), TerminalText.ShortId(row.Run.Id), TerminalText.Cut(row.Run.PackageName, 40),
                TerminalText.Escape(row.Run.Version), row.Findings.ToString(CultureInfo.InvariantCulture),
                TimeText.Absolute(row.LastDetected ?? row.Run.FinishedAt), PendingWords.Command(row), PendingWords.Why(row));
        }

        table.Print(call.Environment);
        call.Say(pending.Count == 1 ? "1 run waits for a decision." : $"{RunText.Number(pending.Count)} runs wait for a decision.");
    }
}
