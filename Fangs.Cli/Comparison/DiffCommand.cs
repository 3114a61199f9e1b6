using System.Globalization;
using Cocona;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Cli.Runs;

namespace Fangs.Cli.Comparison;

/// <summary><c>fangs diff</c>: what one run did and another did not.</summary>
public static class DiffCommand
{
    private const int MaxAllowEntries = 100_000;

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("diff", "Show what one release or run did and another did not",
    [
        new("all", FlagKind.Boolean, "false", "show differences too that the allow list hides"),
        new("limit", FlagKind.Count, "200", "show at most this many values of each side; 0 for all. JSON has all unless a limit is given"),
    ])
    {
        Arguments = ["package", "version-a", "version-b"],
        OptionalArguments = 1,
        Usages = ["[flags] <package> <version-a> <version-b>", "[flags] <run-a> <run-b>"],
        Details = "Of a version the newest conclusive run is taken. - marks what only the first did, + what only the second did.",
        Examples = ["diff left-thing 2.0.0 2.0.1", "diff 019ac0 019ad2", "-json diff @scope/thing 1.0.0 1.0.1"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("all")] bool all, [Option("limit")] int limit, [Argument] string first, [Argument] string second, [Argument] string? third = null) =>
        call.RunAsync(() =>
        {
            using var database = call.OpenDatabase();
            var (a, b) = third is null
                ? (ByRun(database, first), ByRun(database, second))
                : (ByVersion(database, first, second), ByVersion(database, first, third));
            var comparison = RunComparison.Of(
                FingerprintQueries.OfRun(database, a.Run.Id), FingerprintQueries.OfRun(database, b.Run.Id), FilterOf(call, database, a.Run, all), FilterOf(call, database, b.Run, all));
            var most = limit == 0 || (call.IsJson && !call.Line.Given.Contains("limit")) ? int.MaxValue : limit;
            if (call.IsJson) CliJson.Write(call, ToJson(database, a, b, comparison, most), CliJson.Wire.DiffJson);
            else Print(call, database, a, b, comparison, most);
            return Task.FromResult(ExitCode.Success);
        });

    /// <summary>A run, and how it was chosen.</summary>
    private sealed record Side(RunRow Run, string Choice);

    private static Side ByRun(ReadOnlyDatabase database, string prefix)
    {
        var id = Invocation.ResolveRun(database, prefix);
        return new Side(RunQueries.ById(database, id) ?? throw new CliException($"run {id} was removed meanwhile", ExitCode.NotFound), "named");
    }

    private static Side ByVersion(ReadOnlyDatabase database, string package, string version)
    {
        var runs = RunQueries.CountOf(database, package, version);
        var what = TerminalText.Cut($"{package} {version}", 300);
        if (RunQueries.NewestConclusive(database, package, version) is { } run)
            return new Side(run, runs == 1 ? "the only run" : $"the newest conclusive of {RunText.Number(runs)} runs");
        throw new CliException(
            runs == 0
                ? $"there is no run of {what}: scan it with 'fangs scan submit'"
                : $"no run of {what} is conclusive: scan it again, or compare runs by their ids ('fangs run list -package {TerminalText.Cut(package, 220)}')",
            ExitCode.NotFound);
    }

    private static AllowFilter FilterOf(Invocation call, ReadOnlyDatabase database, RunRow run, bool all)
    {
        if (all) return AllowFilter.None;
        var entries = BaselineQueries.AllowList(database, run.PackageName, MaxAllowEntries).Select(row => new StoredAllowEntry(
            row.Id, row.Kind, row.Value, row.PackageName, row.ExpiresAt is { } end && TimeText.TryParse(end, out var at) ? at : null));
        return AllowFilter.Create(entries, run.PackageName, call.Environment.Clock.GetUtcNow(), SettingsQueries.Analysis(database));
    }

    private static DiffJson ToJson(ReadOnlyDatabase database, Side a, Side b, RunComparison comparison, int limit)
    {
        IReadOnlyList<DifferenceJson> Values(IReadOnlyList<RunFingerprint> values) => [.. values.Take(limit).Select(value => new DifferenceJson(
            value.Key.Category, value.Key.Value, value.Severity, value.Role, value.Phase, value.Tally.Count, value.IsCredential,
            value.Tally.FirstEvent, EventQueries.ById(database, value.Tally.FirstEvent) is { } e ? EventWords.Describe(e.Type, EventPayload.Parse(e.Data)) : null))];

        return new DiffJson
        {
            A = RunJson.Of(a.Run),
            AChosen = a.Choice,
            B = RunJson.Of(b.Run),
            BChosen = b.Choice,
            OnlyA = Values(comparison.OnlyFirst),
            OnlyACount = comparison.OnlyFirst.Count,
            OnlyB = Values(comparison.OnlySecond),
            OnlyBCount = comparison.OnlySecond.Count,
            CommonCount = comparison.Common,
            HiddenCount = comparison.Hidden,
        };
    }

    private static void Print(Invocation call, ReadOnlyDatabase database, Side a, Side b, RunComparison comparison, int limit)
    {
        PrintSide(call, "-", a);
        PrintSide(call, "+", b);
        call.Say("");
        var rows = comparison.OnlyFirst.Take(limit).Select(value => (Mark: "-", Value: value))
            .Concat(comparison.OnlySecond.Take(limit).Select(value => (Mark: "+", Value: value)))
            .OrderBy(row => OrderOf(row.Value)).ToList();
        if (rows.Count > 0) PrintTable(call, database, rows);
        else call.Say("No difference.");
        var left = comparison.OnlyFirst.Count + comparison.OnlySecond.Count - rows.Count;
        if (left > 0) call.Say($"… and {RunText.Number(left)} more (-limit 0 shows all)");
        call.Say("");
        call.Say(
            $"{RunText.Number(comparison.OnlyFirst.Count)} only in the first, {RunText.Number(comparison.OnlySecond.Count)} only in the second, "
            + $"{RunText.Number(comparison.Common)} in both{(comparison.Hidden > 0 ? $", {RunText.Number(comparison.Hidden)} hidden by the allow list (-all shows them)" : "")}");
    }

    private static void PrintSide(Invocation call, string mark, Side side)
    {
        var run = side.Run;
        call.Say($"{mark} {TerminalText.ShortId(run.Id)}  {TerminalText.Cut($"{run.PackageName} {run.Version}", 300)}  {TimeText.Absolute(run.StartedAt)}  ({side.Choice})");
        if (RunVerdict.Word(run) == "inconclusive") call.Say($"  inconclusive, what it lacks may be missing: {RunVerdict.Reason(run)}");
    }

    private static void PrintTable(Invocation call, ReadOnlyDatabase database, IReadOnlyList<(string Mark, RunFingerprint Value)> rows)
    {
        var table = new ColumnTable("", "CATEGORY", "VALUE", "SEV", "ROLE", "PHASE", "EVENT", "EVIDENCE");
        foreach (var (mark, value) in rows)
        {
            var evidence = EventQueries.ById(database, value.Tally.FirstEvent);
            table.Add(
                mark, TerminalText.Escape(value.Key.Category), TerminalText.Cut(value.Key.Value, 80), value.Severity, Or(value.Role), Or(value.Phase),
                value.Tally.FirstEvent.ToString(CultureInfo.InvariantCulture),
                evidence is null ? "(not stored any more)" : TerminalText.Fit(EventWords.Describe(evidence.Type, EventPayload.Parse(evidence.Data)), 120));
        }

        table.Print(call.Environment);
    }

    private static string Or(string text) => text.Length > 0 ? TerminalText.Cut(text, 20) : "-";

    private static int OrderOf(RunFingerprint value) => RunComparison.CategoryOrder(value.Key.Category);
}
