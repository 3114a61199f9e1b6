using System.Globalization;
using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs coverage</c>: what became of every release of the watched packages.</summary>
public static class CoverageCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("coverage", "Show how many releases of watched packages were scanned, and what became of the others",
    [
        new("package", FlagKind.Text, "", "only this package"),
    ])
    {
        Details = "Seen is always scanned + running + queued + failed + skipped. Inconclusive ones are among the scanned.",
        Examples = ["coverage", "coverage -package left-thing", "-json coverage"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("package")] string package) => call.RunAsync(() => Task.FromResult(Show(call, package)));

    private static int Show(Invocation call, string package)
    {
        using var database = call.OpenDatabase();
        var rows = CoverageQueries.Read(database, package);
        if (package.Length > 0 && rows.Count == 0)
            throw new CliException($"package {TerminalText.Cut(package, 214)} is not watched", ExitCode.NotFound);
        var packages = rows.GroupBy(row => row.Package, StringComparer.Ordinal).Select(group => CoverageCountsJson.Of(group.Key, group)).ToList();
        var total = CoverageCountsJson.Of("", rows);
        if (call.IsJson)
        {
            CliJson.Write(call, new CoverageJson(packages, total), CliJson.Wire.CoverageJson);
            return ExitCode.Success;
        }

        var table = new ColumnTable("PACKAGE", "SEEN", "SCANNED", "RUNNING", "QUEUED", "FAILED", "SKIPPED", "INCONCLUSIVE");
        foreach (var counts in packages) Add(table, TerminalText.Escape(counts.Package), counts);
        if (packages.Count > 1) Add(table, "(all)", total);
        table.Print(call.Environment);
        if (total.Skipped > 0) call.Say("");
        foreach (var (reason, count) in total.SkippedByReason) call.Say($"Skipped {Number(count)}: {TerminalText.Escape(reason)}");
        return ExitCode.Success;
    }

    private static void Add(ColumnTable table, string name, CoverageCountsJson counts) => table.Add(
        name, Number(counts.Seen), Number(counts.Scanned), Number(counts.Running), Number(counts.Queued), Number(counts.Failed), Number(counts.Skipped),
        Number(counts.Inconclusive));

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
