using System.Globalization;
using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Runs;

/// <summary><c>fangs run show</c>: one run with its history, what it did and, on request, its events.</summary>
public static class RunShowCommand
{
    private const int MaxDeviations = 1_000;

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("run show", "Show one run: result, history, what it did, its events",
    [
        new("events", FlagKind.Boolean, "false", "list events too, newest last"),
        new("type", FlagKind.Text, "", "list only events of this type: exec, file_access, net_connect, dns_query, tls_sni …"),
        new("limit", FlagKind.Count, "200", "list at most this many events, the newest ones; 0 for all"),
    ])
    {
        Arguments = ["run"],
        Details = "The run is named by its id or by as many of its first digits as make it unique.",
        Examples = ["run show 019ac0", "run show 019ac0 -events -type exec", "-json run show 019ac0 -events -limit 0"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) =>
        ([Option("events")] bool events, [Option("type")] string type, [Option("limit")] int limit, [Argument] string run) =>
            call.RunAsync(() =>
            {
                if (!events && (type.Length > 0 || call.Line.Given.Contains("limit"))) throw new UsageException("-type and -limit go with -events");
                return Task.FromResult(Show(call, run, events ? new EventFilter(type, limit) : null));
            });

    private sealed record EventFilter(string Type, int Limit);

    private static int Show(Invocation call, string prefix, EventFilter? filter)
    {
        using var database = call.OpenDatabase();
        var id = Invocation.ResolveRun(database, prefix);
        var run = RunQueries.ById(database, id) ?? throw new CliException($"run {id} was removed meanwhile", ExitCode.NotFound);
        var counts = EventQueries.CountsByType(database, id);
        var summary = RunSummary.Of(EventQueries.All(database, id)).ToJson();
        var deviations = DeviationQueries.Newest(database, new DeviationFilter { RunId = id }, MaxDeviations);
        var history = RunQueries.History(database, id);
        var events = filter is null ? null : EventQueries.Last(database, id, filter.Type, filter.Limit);
        if (call.IsJson)
        {
            CliJson.Write(call, new RunShowJson
            {
                Run = RunJson.Of(run),
                Deviations = [.. deviations.Select(DeviationJson.Of)],
                EventCount = counts.Sum(count => count.Count),
                EventsByType = counts.ToDictionary(count => count.Type, count => count.Count),
                History = [.. history.Select(entry => new HistoryJson(entry.At, entry.What, entry.Detail))],
                Summary = summary,
                OutputTail = run.OutputTail,
                Events = events?.Select(ToJson).ToList(),
            }, CliJson.Wire.RunShowJson);
            return ExitCode.Success;
        }

        PrintHead(call, run, counts, DeviationQueries.CountOf(database, id));
        PrintHistory(call, history);
        RunText.Print(call.Environment, summary);
        PrintDeviations(call, deviations);
        PrintOutput(call, run);
        if (events is not null) PrintEvents(call, events, counts);
        return ExitCode.Success;
    }

    private static EventJson ToJson(EventRow row)
    {
        var payload = EventPayload.Parse(row.Data);
        return new EventJson(row.Id, row.TsNs, row.Type, EventWords.Describe(row.Type, payload), payload.Root);
    }

    /// <summary>Prints the block of facts that <c>run show</c> and <c>up</c> share.</summary>
    public static void PrintHead(Invocation call, RunRow run, IReadOnlyList<EventCountRow> counts, long deviations)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(run);
        void Fact(string name, string value) => call.Say($"{name,-14}{value}");

        Fact("Run", TerminalText.Escape(run.Id));
        Fact("Package", TerminalText.Escape(run.PackageName));
        Fact("Version", TerminalText.Escape(run.Version));
        Fact("State", TerminalText.Escape(run.State));
        if (run.FailureReason.Length > 0) Fact("Failure", TerminalText.Cut(run.FailureReason, 1_000));
        Fact("Verdict", RunVerdict.Sentence(run));
        Fact("Attempt", run.Attempt.ToString(CultureInfo.InvariantCulture) + (run.RetryOf is { Length: > 0 } other ? $" (repeats {TerminalText.ShortId(other)})" : ""));
        Fact("Baseline", !run.IsBaseline ? "no" : run.BaselineBy.Length > 0 ? $"yes ({TerminalText.Cut(run.BaselineBy, 20)})" : "yes");
        if (run.RunnerId.Length > 0) Fact("Runner", TerminalText.Cut(run.RunnerId, 80));
        Fact("Started", TimeText.Absolute(run.StartedAt));
        Fact("Finished", TimeText.Absolute(run.FinishedAt));
        Fact("Duration", TimeText.Duration(run.DurationNs));
        if (run.NodeVersion.Length + run.NpmVersion.Length > 0)
            Fact("Toolchain", $"node {Or(run.NodeVersion)}, npm {Or(run.NpmVersion)}{(run.NpmExit is { } exit ? $", npm's exit status {exit}" : "")}");
        Fact("Events", RunText.Counts(counts));
        if (run.EventsDropped > 0) Fact("Lost events", RunText.Number(run.EventsDropped));
        Fact("Deviations", Deviations(run, deviations));
    }

    private static string Deviations(RunRow run, long all)
    {
        string[] parts =
        [
            run.OpenDeviations > 0 ? $"{RunText.Number(run.OpenDeviations)} open" : "",
            run.Notes > 0 ? $"{RunText.Number(run.Notes)} noted" : "",
            all > run.OpenDeviations + run.Notes ? $"{RunText.Number(all - run.OpenDeviations - run.Notes)} decided" : "",
        ];
        return all == 0 ? "0" : $"{RunText.Number(all)} ({string.Join(", ", parts.Where(part => part.Length > 0))})";
    }

    private static string Or(string text) => text.Length == 0 ? "?" : TerminalText.Cut(text, 40);

    private static void PrintHistory(Invocation call, IReadOnlyList<HistoryRow> history)
    {
        if (history.Count == 0) return;
        call.Say("");
        call.Say("History");
        foreach (var entry in history)
        {
            var detail = entry.Detail.Length > 0 ? "  " + TerminalText.Cut(entry.Detail, 200) : "";
            call.Say($"  {TimeText.Absolute(entry.At)}  {TerminalText.Cut(entry.What, 60)}{detail}");
        }
    }

    private static void PrintDeviations(Invocation call, IReadOnlyList<DeviationRow> deviations)
    {
        if (deviations.Count == 0) return;
        call.Say("");
        var table = new ColumnTable("DEV_ID", "SEV", "CATEGORY", "VALUE", "STATUS");
        foreach (var deviation in deviations)
        {
            table.Add(
                TerminalText.ShortId(deviation.Id), TerminalText.Escape(deviation.Severity), TerminalText.Escape(deviation.Category),
                TerminalText.Cut(deviation.Value, 60), TerminalText.Escape(deviation.Status));
        }

        table.Print(call.Environment);
    }

    /// <summary>Prints the last output of a run that did not go well.</summary>
    public static void PrintOutput(Invocation call, RunRow run)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(run);
        // Output of a run that went well is of no interest.
        if (run.OutputTail.Length == 0 || (run.State == "done" && run.Conclusive != false)) return;
        call.Say("");
        call.Say("Last output");
        foreach (var line in run.OutputTail.Split('\n').TakeLast(20)) call.Say("  " + TerminalText.Cut(line.TrimEnd('\r'), 400));
    }

    private static void PrintEvents(Invocation call, IReadOnlyList<EventRow> events, IReadOnlyList<EventCountRow> counts)
    {
        var total = counts.Sum(count => count.Count);
        call.Say("");
        call.Say(events.Count < total ? $"Events ({RunText.Number(events.Count)} of {RunText.Number(total)})" : $"Events ({RunText.Number(events.Count)})");
        if (events.Count == 0) call.Say("  (none)");
        var width = events.Count == 0 ? 0 : events.Max(row => row.Type.Length);
        long? origin = null;
        foreach (var row in events)
        {
            var payload = EventPayload.Parse(row.Data);
            var time = payload.KernelNs;
            if (time > 0) origin ??= time;
            var offset = time > 0 ? ((time - origin!.Value) / 1e9).ToString("+0.000;-0.000", CultureInfo.InvariantCulture) + "s" : "-";
            call.Say($"  {offset,10}  {TerminalText.Escape(row.Type).PadRight(width)}  {EventWords.Describe(row.Type, payload)}");
        }
    }
}
