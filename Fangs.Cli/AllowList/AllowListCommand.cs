using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.AllowList;

/// <summary><c>fangs allow list</c>: what operators have declared to be noise.</summary>
public static class AllowListCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("allow list", "List the entries of the allow list",
    [
        new("package", FlagKind.Text, "", "only entries that count for this package: the global ones and its own"),
        new("limit", FlagKind.Count, "0", "at most this many; 0 for all"),
    ])
    {
        Examples = ["allow list", "allow list -package left-thing"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("package")] string package, [Option("limit")] int limit) => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var entries = BaselineQueries.AllowList(database, package, limit);
        if (call.IsJson) CliJson.Write(call, [.. entries.Select(AllowEntryJson.Of)], CliJson.Wire.IReadOnlyListAllowEntryJson);
        else Print(call, entries);
        return Task.FromResult(ExitCode.Success);
    });

    private static void Print(Invocation call, IReadOnlyList<AllowEntryRow> entries)
    {
        if (entries.Count == 0)
        {
            call.Say("(none)");
            call.Say("Add entries with, for example:");
            foreach (var example in AllowAddCommand.Spec.Examples.Take(2)) call.Say($"  fangs {example}");
            return;
        }

        var now = call.Environment.Clock.GetUtcNow();
        var table = new ColumnTable("ID", "SCOPE", "PACKAGE", "KIND", "VALUE", "NOTE", "CREATED", "EXPIRES");
        foreach (var entry in entries)
        {
            table.Add(
                TerminalText.Cut(entry.Id, 40), TerminalText.Escape(entry.Scope), entry.PackageName is { } name ? TerminalText.Escape(name) : "—",
                TerminalText.Escape(entry.Kind), TerminalText.Cut(entry.Value, 40), TerminalText.Cut(entry.Note, 30), TimeText.Rfc3339(entry.CreatedAt),
                Expiry(entry.ExpiresAt, now));
        }

        table.Print(call.Environment);
    }

    private static string Expiry(string? stored, DateTimeOffset now)
    {
        if (stored is null) return "—";
        return TimeText.TryParse(stored, out var at) && at <= now ? "expired" : TimeText.Rfc3339(stored);
    }
}
