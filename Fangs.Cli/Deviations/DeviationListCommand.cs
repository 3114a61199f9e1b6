using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Deviations;

/// <summary><c>fangs deviation list</c>.</summary>
public static class DeviationListCommand
{
    private static readonly string[] Statuses = ["open", "note", "accepted", "rejected"];

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("deviation list", "List deviations, newest first",
    [
        new("package", FlagKind.Text, "", "only those of this package"),
        new("severity", FlagKind.Text, "", "only those of this severity: info, warn, high or crit (or low, medium, critical)") { Choices = SeverityFlag.Words },
        new("status", FlagKind.Text, "", "only those in this status: open, note, accepted or rejected") { Choices = Statuses },
        new("run-id", FlagKind.Text, "", "only those of this run"),
        new("run", FlagKind.Text, "", "the same as -run-id"),
        new("limit", FlagKind.Count, "50", "at most this many; 0 for all"),
    ])
    {
        Details = "A note is a value that was learned with the first run, and is shown because it touches credentials.",
        Examples = ["deviation list -status open -severity crit", "deviation list -run 019ac0", "-json deviation list -package left-thing -limit 20"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("package")] string package, [Option("severity")] string severity, [Option("status")] string status,
        [Option("run-id")] string runId, [Option("run")] string run, [Option("limit")] int limit) => call.RunAsync(() =>
        {
            if (runId.Length > 0 && run.Length > 0) throw new UsageException("-run and -run-id mean the same: give one");
            if (status.Length > 0 && !Statuses.Contains(status)) throw new UsageException($"-status {status}: expected one of {string.Join(", ", Statuses)}");
            var severities = SeverityFlag.SameAs("severity", severity);
            using var database = call.OpenDatabase();
            var prefix = runId + run;
            var filter = new DeviationFilter
            {
                Package = package,
                RunId = prefix.Length > 0 ? Invocation.ResolveRun(database, prefix) : "",
                Severities = severities,
                Status = status,
            };
            Print(call, DeviationQueries.Newest(database, filter, limit));
            return Task.FromResult(ExitCode.Success);
        });

    private static void Print(Invocation call, IReadOnlyList<DeviationRow> deviations)
    {
        if (call.IsJson)
        {
            CliJson.Write(call, [.. deviations.Select(DeviationJson.Of)], CliJson.Wire.IReadOnlyListDeviationJson);
            return;
        }

        var table = new ColumnTable("DEV_ID", "DETECTED", "SEV", "CATEGORY", "VALUE", "RUN_ID", "STATUS");
        foreach (var deviation in deviations)
        {
            table.Add(
                TerminalText.ShortId(deviation.Id), TimeText.Absolute(deviation.DetectedAt), TerminalText.Escape(deviation.Severity),
                TerminalText.Escape(deviation.Category), TerminalText.Cut(deviation.Value, 60), TerminalText.ShortId(deviation.RunId),
                TerminalText.Escape(deviation.Status));
        }

        table.Print(call.Environment);
    }
}
