using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs release list</c>: the releases of a watched package.</summary>
public static class ReleaseListCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("release list", "List the known releases of a watched package, last discovered first",
    [
        new("package", FlagKind.Text, "", "package name") { IsRequired = true },
        new("limit", FlagKind.Count, "50", "at most this many; 0 for all"),
    ])
    {
        Examples = ["release list -package left-thing", "-json release list -package left-thing -limit 5"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("package")] string package, [Option("limit")] int limit) => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var releases = PackageQueries.Releases(database, package, limit);
        if (call.IsJson) CliJson.Write(call, [.. releases.Select(ReleaseJson.Of)], CliJson.Wire.IReadOnlyListReleaseJson);
        else Print(call, releases);
        return Task.FromResult(ExitCode.Success);
    });

    private static void Print(Invocation call, IReadOnlyList<ReleaseRow> releases)
    {
        var table = new ColumnTable("PACKAGE", "VERSION", "PUBLISHED", "DISCOVERED", "TARBALL_SHA");
        foreach (var release in releases)
        {
            table.Add(
                TerminalText.Escape(release.PackageName), TerminalText.Escape(release.Version), TimeText.Absolute(release.PublishedAt),
                TimeText.Absolute(release.DiscoveredAt), release.TarballSha256.Length > 0 ? TerminalText.Cut(release.TarballSha256, 16) : "-");
        }

        table.Print(call.Environment);
    }
}
