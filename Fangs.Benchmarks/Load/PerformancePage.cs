using System.Globalization;
using System.Text;

namespace Fangs.Benchmarks.Load;

/// <summary>Keeps the table of <c>docs/performance.md</c>: replaces the rows that were measured and leaves the others as they are.</summary>
internal static class PerformancePage
{
    private const string Begin = "<!-- figures: written by ./bench -->", End = "<!-- end of figures -->";
    private const string Head = "| What | Original | Target | Measured | Lowest and highest | Met | CPU, memory, more | Measured at |\n|---|---|---|---|---|---|---|---|\n";

    /// <summary>One line of the table.</summary>
    /// <param name="What">First column; names the row.</param>
    /// <param name="Original">What the original reached.</param>
    /// <param name="Target">What was to be reached.</param>
    /// <param name="Case">The case it comes from.</param>
    /// <param name="Main">The figure whose spread is shown.</param>
    /// <param name="Show">The measured column.</param>
    /// <param name="IsMet">Whether the target is reached.</param>
    private sealed record Row(string What, string Original, string Target, string Case, string Main, Func<Figures, string> Show, Func<Figures, bool> IsMet);

    private static readonly Row[] Rows =
    [
        new("ingest, full payloads, 8 streams", "20,650 events/s, 73 µs CPU/event", "120,000 events/s", "ingest-streams/8/full", "events_per_s", EventRate, f => f["events_per_s"] >= 120_000),
        new("ingest, full payloads, 64 streams", "19,680; peak 160 MB", "as for 8; peak < 300 MB", "ingest-streams/64/full", "events_per_s", f => $"{EventRate(f)}; peak {Mib(f["peak_mib"])}", f => f["events_per_s"] >= 120_000 && f["peak_mib"] < 286),
        new("ingest, one POST per batch, 8 clients, full", "16,510 events/s; p99 280 ms, max 893 ms", "90,000 events/s; p99 < 40 ms, max < 150 ms", "ingest-posts/8/full", "events_per_s", f => $"{EventRate(f)}; {Latencies(f, "")}", f => f["events_per_s"] >= 90_000 && f["p99_ms"] < 40 && f["max_ms"] < 150),
        new("ingest, one POST per batch, 8 clients, slim", "–", "–", "ingest-posts/8/slim", "events_per_s", f => $"{EventRate(f)}; {Latencies(f, "")}", _ => true),
        new("ingest, slim payloads, 8 streams", "72,200 events/s", "250,000 events/s and ≥ 70 % of raw", "ingest-streams/8/slim", "events_per_s", f => EventRate(f) + OfRaw(f), f => f["events_per_s"] >= 250_000 && !(f["of_raw_percent"] < 70)),
        new("ingest, slim payloads, 64 streams", "–", "–", "ingest-streams/64/slim", "events_per_s", f => $"{EventRate(f)}{OfRaw(f)}; peak {Mib(f["peak_mib"])}", _ => true),
        new("raw SQLite, the rows of full payloads", "–", "–", "raw/full", "rows_per_s", f => $"{Number(f["rows_per_s"])} rows/s", _ => true),
        new("raw SQLite, the rows of slim payloads", "–", "–", "raw/slim", "rows_per_s", f => $"{Number(f["rows_per_s"])} rows/s", _ => true),
        new("scan sent → parked poll answered, 50 runners", "p50 0.34 ms, p99 0.8 ms, not durable", "p50 < 1 ms, p99 < 3 ms, durable", "dispatch/50/latency", "p50_ms", f => Latencies(f, ""), f => f["p50_ms"] < 1 && f["p99_ms"] < 3),
        new("scan sent → parked poll answered, 500 runners", "p50 0.34 ms, p99 0.8 ms, not durable", "p50 < 1 ms, p99 < 3 ms, durable", "dispatch/500/latency", "p50_ms", f => Latencies(f, ""), f => f["p50_ms"] < 1 && f["p99_ms"] < 3),
        new("scans, 8 submitters, 50 runners", "3,050 scans/s; p99 54 ms, max 830 ms", "5,000 scans/s; p99 < 10 ms, max < 50 ms", "dispatch/50/rate", "scans_per_s", f => $"{Number(f["scans_per_s"])} scans/s; {Latencies(f, "")}", f => f["scans_per_s"] >= 5000 && f["p99_ms"] < 10 && f["max_ms"] < 50),
        new("heartbeats, 64 connections", "61,900/s; p99 4.6 ms", "60,000/s; p99 < 4 ms", "heartbeats/64", "requests_per_s", f => $"{Number(f["requests_per_s"])}/s; {Latencies(f, "")}", f => f["requests_per_s"] >= 60_000 && f["p99_ms"] < 4),
        new("registrations, 16 connections", "49,700/s", "40,000/s", "registrations/16", "requests_per_s", f => $"{Number(f["requests_per_s"])}/s; {Latencies(f, "")}", f => f["requests_per_s"] >= 40_000),
        new("10,000 parked polls", "187 MB, 17 kB each", "< 250 MB; all 204s within 25.0–25.3 s; wake-up p99 < 5 ms", "parking/10000", "parked_mib", f => $"{Mib(f["parked_mib"])}, {f["poll_kib"].ToString("0.0", CultureInfo.InvariantCulture)} kB each; 204s after {Seconds(f["first_204_s"])}–{Seconds(f["last_204_s"])} s; wake-up {Latencies(f, "wake_")}", f => f["peak_mib"] < 238 && f["first_204_s"] >= 25 && f["last_204_s"] <= 25.3 && f["wake_p99_ms"] < 5),
        Verdict("10,000", "10000", "132 ms"),
        Verdict("100,000", "100000", "1,187 ms"),
        Verdict("500,000", "500000", "6,025 ms"),
        new("start to healthy, 200,000 events stored", "8 ms", "< 700 ms", "start/200k", "healthy_ms", f => Ms(f["healthy_ms"]), f => f["healthy_ms"] < 700),
        new("idle memory", "18 MB", "< 110 MB", "idle", "idle_mib", f => Mib(f["idle_mib"]), f => f["idle_mib"] < 104),
        Command("run list", "run_list_ms", "9 ms"),
        Command("deviation list", "deviation_list_ms", "167 ms"),
        Command("pending", "pending_ms", "371 ms"),
    ];

    /// <summary>Writes the medians of the rounds into the page.</summary>
    public static void Update(string page, IReadOnlyList<IReadOnlyList<Figures>> rounds, string machine, string date, string commit)
    {
        var text = File.ReadAllText(page);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        if (begin < 0 || end < begin) throw new LoadException($"{page} has lost the marks around its table.");
        var known = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in text[begin..end].Split('\n'))
            if (line.StartsWith("| ", StringComparison.Ordinal)) known[line.Split('|')[1].Trim()] = line;

        var table = new StringBuilder(Begin).Append("\n\n").Append(CultureInfo.InvariantCulture, $"Machine of the last run: {machine}.\n\n").Append(Head);
        foreach (var row in Rows)
        {
            var measured = rounds.SelectMany(r => r).Where(f => f.Case == row.Case).ToList();
            if (measured.Count > 0) table.Append(Line(row, measured, $"{date}, {commit}")).Append('\n');
            else if (known.TryGetValue(row.What, out var old)) table.Append(old).Append('\n');
        }

        File.WriteAllText(page, string.Concat(text.AsSpan(0, begin), table.Append('\n').ToString(), text.AsSpan(end)));
    }

    private static Row Verdict(string events, string @case, string original) => new($"verdict after the result, {events} events", original + " (first 10,000 events only, after 2 s)", "< 100 ms", $"verdict/{@case}", "verdict_ms", f => Ms(f["verdict_ms"]), f => f["verdict_ms"] < 100);

    private static Row Command(string command, string figure, string original) => new($"fangs {command}, 1,000 runs, 200,000 events", original, "< 250 ms", "cli/1000-runs", figure, f => Ms(f[figure]), f => f[figure] < 250);

    private static string Line(Row row, List<Figures> measured, string at)
    {
        var median = Figures.Median(measured);
        var (low, high) = (measured.Min(f => f[row.Main]), measured.Max(f => f[row.Main]));
        var met = row.Target == "–" ? "" : row.IsMet(median) ? "yes" : "no";
        return $"| {row.What} | {row.Original} | {row.Target} | {row.Show(median)} | {Short(low)}–{Short(high)} | {met} | {More(median)} | {at}, {measured.Count} × |";
    }

    private static string More(Figures f)
    {
        var parts = new List<string>();
        foreach (var (name, unit) in new[] { ("cpu_us_per_event", "event"), ("cpu_us_per_scan", "scan"), ("cpu_us_per_request", "request"), ("cpu_us_per_row", "row"), ("cpu_us_per_poll", "poll") })
            if (double.IsFinite(f[name])) parts.Add($"{Short(f[name])} µs CPU/{unit}");
        if (double.IsFinite(f["of_raw_percent"])) parts.Add($"{Short(f["of_raw_percent"])} % of raw");
        if (double.IsFinite(f["peak_mib"])) parts.Add($"peak {Mib(f["peak_mib"])}");
        return string.Join(", ", parts);
    }

    private static string EventRate(Figures f) => $"{Number(f["events_per_s"])} events/s";

    private static string OfRaw(Figures f) => double.IsFinite(f["of_raw_percent"]) ? $", {Short(f["of_raw_percent"])} % of raw" : "";

    private static string Latencies(Figures f, string prefix) => $"p50 {Ms(f[prefix + "p50_ms"])}, p99 {Ms(f[prefix + "p99_ms"])}, max {Ms(f[prefix + "max_ms"])}";

    private static string Ms(double value) => $"{Short(value)} ms";

    private static string Seconds(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    // MB as in the targets: a million bytes.
    private static string Mib(double mib) => $"{Number(mib * 1.048576)} MB";

    private static string Number(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Short(double value) => value.ToString(value < 10 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}
