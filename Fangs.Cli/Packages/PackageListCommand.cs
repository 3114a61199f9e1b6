using System.Globalization;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs package list</c>.</summary>
public static class PackageListCommand
{
    private const int MaxPackages = 100_000;

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("package list", "List every package that has runs", [])
    {
        Examples = ["package list", "-json package list"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => () => call.RunAsync(() => Task.FromResult(List(call)));

    private static int List(Invocation call)
    {
        using var database = call.OpenDatabase();
        var packages = PackageQueries.WithRuns(database, MaxPackages);
        if (call.IsJson)
        {
            CliJson.Write(
                call,
                [.. packages.Select(p => new PackageSummaryJson(p.Name, p.RunsTotal, p.RunsBaseline, p.DeviationsLatest, p.LatestRunId, p.LatestVersion))],
                CliJson.Wire.IReadOnlyListPackageSummaryJson);
            return ExitCode.Success;
        }

        var table = new ColumnTable("PACKAGE", "RUNS", "BASELINES", "LATEST_VERSION", "LATEST_DEVS", "LATEST_RUN");
        foreach (var package in packages)
        {
            table.Add(
                TerminalText.Escape(package.Name), Plain(package.RunsTotal), Plain(package.RunsBaseline),
                TerminalText.Escape(package.LatestVersion), Plain(package.DeviationsLatest), TerminalText.ShortId(package.LatestRunId));
        }

        table.Print(call.Environment);
        return ExitCode.Success;
    }

    private static string Plain(long number) => number.ToString(CultureInfo.InvariantCulture);
}
