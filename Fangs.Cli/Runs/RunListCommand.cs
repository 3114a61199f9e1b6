using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Runs;

/// <summary><c>fangs run list</c>.</summary>
public static class RunListCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("run list", "List runs, newest first",
    [
        new("package", FlagKind.Text, "", "only runs of this package"),
        new("limit", FlagKind.Count, "50", "at most this many"),
    ])
    {
        Examples = ["run list", "run list -package left-thing -limit 5", "-json run list"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("package")] string package, [Option("limit")] int limit) =>
        call.RunAsync(() => Task.FromResult(List(call, package, limit)));

    private static int List(Invocation call, string package, int limit)
    {
        using var database = call.OpenDatabase();
        var runs = RunQueries.Newest(database, package, limit);
        if (call.IsJson)
        {
            CliJson.Write(call, [.. runs.Select(RunJson.Of)], CliJson.Wire.IReadOnlyListRunJson);
            return ExitCode.Success;
        }

        var table = new ColumnTable("RUN_ID", "PACKAGE", "VERSION", "STATE", "BASE", "STARTED");
        foreach (var run in runs)
        {
            table.Add(
                TerminalText.ShortId(run.Id), TerminalText.Cut(run.PackageName, 24), TerminalText.Escape(run.Version),
                RunText.Verdict(run), run.IsBaseline ? "★" : "·", TimeText.Absolute(run.StartedAt));
        }

        table.Print(call.Environment);
        return ExitCode.Success;
    }
}
