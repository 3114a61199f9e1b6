using System.Globalization;
using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Baselines;

/// <summary><c>fangs baseline list</c>: what is known of a package.</summary>
public static class BaselineListCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("baseline list", "List what a package is known to do",
    [
        new("package", FlagKind.Text, "", "package name") { IsRequired = true },
        new("limit", FlagKind.Count, "0", "at most this many; 0 for all"),
    ])
    {
        Examples = ["baseline list -package left-thing", "-json baseline list -package @scope/thing"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("package")] string package, [Option("limit")] int limit) => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var rows = BaselineQueries.OfPackage(database, package, limit);
        if (call.IsJson) CliJson.Write(call, [.. rows.Select(BaselineJson.Of)], CliJson.Wire.IReadOnlyListBaselineJson);
        else Print(call, rows);
        return Task.FromResult(ExitCode.Success);
    });

    private static void Print(Invocation call, IReadOnlyList<BaselineRow> rows)
    {
        var table = new ColumnTable("CATEGORY", "VALUE", "COUNT", "FIRST_SEEN", "LAST_SEEN");
        foreach (var row in rows)
        {
            table.Add(
                TerminalText.Escape(row.Category), TerminalText.Cut(row.Value, 60), row.OccurrenceCount.ToString(CultureInfo.InvariantCulture),
                TerminalText.ShortId(row.FirstSeenRunId), TerminalText.ShortId(row.LastSeenRunId));
        }

        table.Print(call.Environment);
    }
}
