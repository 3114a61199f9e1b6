using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs package watched</c>: the watch list.</summary>
public static class PackageWatchedCommand
{
    private const int MaxPackages = 100_000;

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("package watched", "List the packages whose releases are looked for", [])
    {
        Examples = ["package watched", "-json package watched"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => () => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var packages = PackageQueries.Watched(database, MaxPackages);
        if (call.IsJson) CliJson.Write(call, [.. packages.Select(WatchedPackageJson.Of)], CliJson.Wire.IReadOnlyListWatchedPackageJson);
        else Print(call, packages);
        return Task.FromResult(ExitCode.Success);
    });

    private static void Print(Invocation call, IReadOnlyList<WatchedPackageRow> packages)
    {
        var table = new ColumnTable("PACKAGE", "ADDED", "LAST_CHECKED", "LAST_SEEN");
        foreach (var package in packages)
        {
            table.Add(
                TerminalText.Escape(package.Name), TimeText.Absolute(package.AddedAt),
                string.IsNullOrEmpty(package.LastCheckedAt) ? "(never)" : TimeText.Absolute(package.LastCheckedAt),
                package.LastSeenVersion is { Length: > 0 } version ? TerminalText.Escape(version) : "-");
        }

        table.Print(call.Environment);
    }
}
