using Fangs.Actors.Storage.Queries;

namespace Fangs.Cli.Runs;

/// <summary>Runs as text for people.</summary>
public static class RunText
{
    /// <summary>How many rows a section shows; JSON shows all.</summary>
    private const int SectionRows = 40;

    /// <summary>The state; <c>inconclusive</c> for a finished run whose evidence is not complete.</summary>
    public static string Verdict(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run is { State: "done", Conclusive: false } ? "inconclusive" : TerminalText.Escape(run.State);
    }

    /// <summary>Counts by type, such as <c>120 events: file_access 90, exec 30</c>.</summary>
    public static string Counts(IReadOnlyList<EventCountRow> counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        var total = counts.Sum(count => count.Count);
        var byType = string.Join(", ", counts.Select(count => $"{TerminalText.Escape(count.Type)} {Number(count.Count)}"));
        return total switch { 0 => "no events", 1 => $"1 event: {byType}", _ => $"{Number(total)} events: {byType}" };
    }

    /// <summary>A whole number with separators of thousands.</summary>
    public static string Number(long value) => NumberText.Of(value);

    /// <summary>Prints the three sections of a summary.</summary>
    public static void Print(CliEnvironment environment, SummaryJson summary)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(summary);
        Section(environment, "Processes run", summary.Processes, p => Line(p.Command, p.Count, p.Role));
        Section(environment, "Hosts contacted", summary.Hosts, h =>
        {
            var addresses = string.Join(", ", h.Addresses.Select(a => TerminalText.Escape(a)));
            var name = h.Name.Length == 0 ? addresses : addresses.Length == 0 ? TerminalText.Escape(h.Name) : $"{TerminalText.Escape(h.Name)}  {addresses}";
            return $"{name}  {string.Join("/", h.How)}{Times(h.Count)}";
        });
        Section(environment, "Files written outside the install tree", summary.FilesWritten, f =>
            $"{f.What switch { "write" => "", var what => TerminalText.Escape(what) + " " }}{Line(f.Path, f.Count, f.Role)}{(f.Credential ? "  [credential]" : "")}");
    }

    private static void Section<T>(CliEnvironment environment, string title, IReadOnlyList<T> items, Func<T, string> text)
    {
        environment.Out.WriteLine();
        environment.Out.WriteLine($"{title} ({items.Count})");
        foreach (var item in items.Take(SectionRows)) environment.Out.WriteLine("  " + text(item));
        if (items.Count > SectionRows) environment.Out.WriteLine($"  … and {Number(items.Count - SectionRows)} more (all of them with -json)");
    }

    private static string Line(string value, long count, string role) =>
        $"{TerminalText.Cut(value, 160)}{Times(count)}{(role.Length > 0 ? $"  ({TerminalText.Escape(role)})" : "")}";

    private static string Times(long count) => count > 1 ? $"  ×{Number(count)}" : "";
}
