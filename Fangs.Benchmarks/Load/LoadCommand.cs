using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fangs.Benchmarks.Load;

/// <summary><c>load -fangs PATH [-rounds N] [-warm-up S] [-window S] [-commit C] [-page FILE] [MODE…]</c>: measures, checks, prints one JSON line per case and round.
/// <c>load -from LINES -page FILE</c>: writes the page from lines that were printed before, so that a run that was broken off is not lost.</summary>
internal static class LoadCommand
{
    private const string PartOfDispatch = "dispatch-rate";

    private static readonly (string Mode, Func<LoadSettings, CancellationToken, IAsyncEnumerable<Figures>> Run)[] Modes =
    [
        ("raw", Raw),
        ("ingest-streams", IngestStreams),
        ("ingest-posts", IngestPosts),
        ("dispatch", Dispatch),
        (PartOfDispatch, (s, stop) => One(DispatchLoad.RateAsync(s, 50, 8, stop))),
        ("heartbeats", (s, stop) => One(RequestLoad.HeartbeatsAsync(s, 64, stop))),
        ("registrations", (s, stop) => One(RequestLoad.RegistrationsAsync(s, 16, stop))),
        ("parking", (s, stop) => One(ParkingLoad.MeasureAsync(s, 10_000, stop))),
        ("verdict", Verdict),
        ("start", StartAndCli),
        ("idle", (s, stop) => One(StartLoad.IdleAsync(s, stop))),
    ];

    /// <summary>Runs it.</summary>
    /// <returns>Exit code: 1 when something that was promised was not kept, 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var (commit, page, rounds, from) = ("unknown", "", 1, "");
        var settings = new LoadSettings("");
        var wanted = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "-fangs" when i + 1 < args.Length: settings = settings with { Fangs = Path.GetFullPath(args[++i]) }; break;
                case "-commit" when i + 1 < args.Length: commit = args[++i]; break;
                case "-from" when i + 1 < args.Length: from = args[++i]; break;
                case "-page" when i + 1 < args.Length: page = args[++i]; break;
                case "-rounds" when i + 1 < args.Length && int.TryParse(args[i + 1], CultureInfo.InvariantCulture, out var n) && n > 0: (rounds, i) = (n, i + 1); break;
                case "-warm-up" when i + 1 < args.Length && Seconds(args[i + 1]) is { } warmUp: (settings, i) = (settings with { WarmUp = warmUp }, i + 1); break;
                case "-window" when i + 1 < args.Length && Seconds(args[i + 1]) is { } window: (settings, i) = (settings with { Window = window }, i + 1); break;
                // The commands are measured on the database of the starts.
                case "cli": wanted.Add("start"); break;
                case var mode when Modes.Any(m => m.Mode == mode): wanted.Add(mode); break;
                default: return Usage();
            }
        }

        if (from.Length > 0 && page.Length > 0 && File.Exists(from))
        {
            PrintedLines.WritePage(from, page);
            return 0;
        }

        if (!File.Exists(settings.Fangs)) return Usage();
        using var stop = new CancellationTokenSource();
        using var interrupt = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        var measured = new List<List<Figures>>();
        try
        {
            for (var round = 0; round < rounds; round++) measured.Add(await RoundAsync(settings, wanted, commit, stop.Token));
        }
        catch (LoadException e)
        {
            await Console.Error.WriteLineAsync($"load: {e.Message}");
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 1;
        }

        if (page.Length > 0) PerformancePage.Update(page, measured, Machine.Describe(), Today, commit);
        return 0;
    }

    private static string Today => TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static TimeSpan? Seconds(string text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 600 ? TimeSpan.FromSeconds(seconds) : null;

    private static int Usage()
    {
        Console.Error.WriteLine($"usage: load -fangs PATH [-rounds N] [-warm-up SECONDS] [-window SECONDS] [-commit TEXT] [-page FILE] [MODE...]\n       load -from LINES -page FILE\nmodes: {string.Join(", ", Modes.Select(m => m.Mode))}, cli");
        return 2;
    }

    private static async Task<List<Figures>> RoundAsync(LoadSettings settings, List<string> wanted, string commit, CancellationToken stop)
    {
        var round = new List<Figures>();
        foreach (var (mode, run) in Modes)
        {
            if (wanted.Count > 0 ? !wanted.Contains(mode) : mode == PartOfDispatch) continue;
            await foreach (var figures in run(settings, stop))
            {
                AddRatio(figures, round);
                round.Add(figures);
                Print(figures, commit);
            }
        }

        return round;
    }

    // Of rates of the same round only: what else the machine does changes from one to the next.
    private static void AddRatio(Figures figures, List<Figures> round)
    {
        if (!figures.Case.StartsWith("ingest", StringComparison.Ordinal)) return;
        var kind = figures.Case[(figures.Case.LastIndexOf('/') + 1)..];
        if (round.Find(f => f.Case == $"raw/{kind}") is { } raw) figures["of_raw_percent"] = figures["events_per_s"] / raw["rows_per_s"] * 100;
    }

    private static void Print(Figures figures, string commit)
    {
        var values = new JsonObject();
        foreach (var (name, value) in figures) values[name] = Math.Round(value, 3);
        var line = new JsonObject
        {
            ["mode"] = figures.Case,
            ["figures"] = values,
            ["load_average"] = Machine.LoadAverage(),
            ["machine"] = Machine.Describe(),
            ["date"] = Today,
            ["commit"] = commit,
        };
        Console.WriteLine(line.ToJsonString(JsonSerializerOptions.Default));
    }

    private static async IAsyncEnumerable<Figures> One(Task<Figures> measuring)
    {
        yield return await measuring;
    }

    private static async IAsyncEnumerable<Figures> Raw(LoadSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var kind in new[] { PayloadKind.Full, PayloadKind.Slim }) yield return await RawLoad.MeasureAsync(settings, kind, stop);
    }

    private static async IAsyncEnumerable<Figures> IngestStreams(LoadSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var kind in new[] { PayloadKind.Full, PayloadKind.Slim })
            foreach (var streams in new[] { 8, 64 })
                yield return await IngestLoad.StreamsAsync(settings, streams, kind, stop);
    }

    private static async IAsyncEnumerable<Figures> IngestPosts(LoadSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var kind in new[] { PayloadKind.Full, PayloadKind.Slim }) yield return await IngestLoad.PostsAsync(settings, 8, kind, stop);
    }

    private static async IAsyncEnumerable<Figures> Dispatch(LoadSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var runners in new[] { 50, 500 }) yield return await DispatchLoad.LatencyAsync(settings, runners, stop);
        yield return await DispatchLoad.RateAsync(settings, 50, 8, stop);
    }

    private static async IAsyncEnumerable<Figures> Verdict(LoadSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        // Just below the round numbers: the largest must stay below the limit of a run.
        foreach (var events in new[] { 10_000, 100_000, 500_000 }) yield return await VerdictLoad.MeasureAsync(settings, events, stop);
    }

    private static async IAsyncEnumerable<Figures> StartAndCli(LoadSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var figures in await StartLoad.MeasureAsync(settings, stop)) yield return figures;
    }
}
