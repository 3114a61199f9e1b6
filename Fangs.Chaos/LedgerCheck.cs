using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Fangs.Chaos;

/// <summary>Compares what a stopped orchestrator's database says with what was seen from outside.</summary>
internal static partial class LedgerCheck
{
    private const int MostRuns = 3; // a lost run is repeated twice at most
    private const string RunsSql = """
        SELECT id, package_name, version, state, failure_reason, runner_id, retry_of, interrupted, result_digest, conclusive, is_baseline, events_emitted, events_dropped,
          analyzed_at IS NOT NULL, npm_exit, saw_exec, bad_batches, events_over_cap,
          (SELECT count(*) FROM event_batches b WHERE b.run_id = runs.id), (SELECT coalesce(max(seq), 0) FROM event_batches b WHERE b.run_id = runs.id),
          (SELECT coalesce(sum(events), 0) FROM event_batches b WHERE b.run_id = runs.id),
          (SELECT count(*) FROM run_history h WHERE h.run_id = runs.id AND h.what IN ('analyzed', 'failed'))
        FROM runs ORDER BY id
        """;

    // Longer than a lease and a liveness window after the fault that they follow.
    private static readonly TimeSpan DeathShowsWithin = TimeSpan.FromSeconds(240), SilenceLooksBack = TimeSpan.FromSeconds(130), LeastSilence = TimeSpan.FromSeconds(40);

    /// <summary>Checks everything that the file can tell.</summary>
    /// <param name="database">The file.</param>
    /// <param name="seen">What was seen.</param>
    public static IReadOnlyList<Violation> Run(string database, Observations seen)
    {
        var found = new List<Violation>();
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database, Pooling = false }.ToString());
        connection.Open();
        foreach (var line in Rows(connection, "PRAGMA integrity_check", r => r.GetString(0)))
            if (line != "ok") found.Add(new("the database is sound", line));
        foreach (var line in Rows(connection, "PRAGMA foreign_key_check", r => r.GetString(0))) found.Add(new("the database is sound", $"a row of {line} refers to nothing"));
        var runs = Rows(connection, RunsSql, RunRow.Of).ToDictionary(r => r.Id);
        found.AddRange(Accepted(runs, seen));
        found.AddRange(Ended(runs, seen));
        found.AddRange(Reasons(runs, seen));
        found.AddRange(Repeated(runs));
        found.AddRange(Stored(connection, seen));
        found.AddRange(Overlaps(seen));
        found.AddRange(Learned(connection, runs));
        return found;
    }

    private static IEnumerable<Violation> Accepted(Dictionary<string, RunRow> runs, Observations seen)
    {
        const string Promise = "an accepted scan is durable";
        foreach (var scan in seen.Accepted)
        {
            if (!runs.TryGetValue(scan.Run, out var run)) yield return new(Promise, $"run {scan.Run} was accepted and is not there");
            else if (run.Package != scan.Package || run.Version != scan.Version) yield return new(Promise, $"run {scan.Run} was accepted for {scan.Package}@{scan.Version} and is of {run.Package}@{run.Version}");
        }

        foreach (var twice in seen.Accepted.GroupBy(s => s.Run).Where(g => g.Count() > 1)) yield return new(Promise, $"two scans were answered with run {twice.Key}");
        var accepted = seen.Accepted.Select(s => s.Run).ToHashSet();
        var nobodys = runs.Values.Where(r => r.RetryOf is null && !accepted.Contains(r.Id)).ToList();
        if (nobodys.Count > seen.Unanswered)
            yield return new(Promise, $"{nobodys.Count} runs belong to no accepted scan, but only {seen.Unanswered} scans got no answer: {string.Join(' ', nobodys.Select(r => r.Id))}");
    }

    private static IEnumerable<Violation> Ended(Dictionary<string, RunRow> runs, Observations seen)
    {
        const string Promise = "every run ends in exactly one way";
        foreach (var run in runs.Values)
        {
            if (run.State is not ("done" or "failed")) yield return new(Promise, $"run {run.Id} is {run.State}");
            else if (!run.IsAnalysed) yield return new(Promise, $"run {run.Id} is {run.State} and was never judged");
            if (run.Ends > 1) yield return new(Promise, $"run {run.Id} ended {run.Ends} times by its history");
        }

        foreach (var results in seen.Results.Where(r => r.IsAcknowledged).GroupBy(r => r.Run))
        {
            var status = results.First().Status;
            if (!runs.TryGetValue(results.Key, out var run) || run.Digest.Length == 0 || run.State != (status == "ok" ? "done" : "failed"))
                yield return new("an acknowledged result is durable", $"run {results.Key} has reported '{status}' and is {run?.State}: {run?.Reason}");
        }

        var known = seen.Results.ToLookup(r => r.Run);
        foreach (var run in runs.Values.Where(r => r.State == "done" && known[r.Id].Any() && known[r.Id].All(k => k.Status != "ok")))
            yield return new(Promise, $"run {run.Id} is done, but nobody has reported that");
        foreach (var run in runs.Values.Where(r => r.State == "done" && r.Digest.Length == 0)) yield return new(Promise, $"run {run.Id} is done without a result");
    }

    private static IEnumerable<Violation> Reasons(Dictionary<string, RunRow> runs, Observations seen)
    {
        var disturbances = seen.Disturbances.ToLookup(d => d.Party);
        var results = seen.Results.ToLookup(r => r.Run);
        var since = seen.Accepted.ToDictionary(s => s.Run, s => s.At);
        foreach (var run in runs.Values.Where(r => r.State == "failed"))
        {
            var at = seen.FailedAt.TryGetValue(run.Id, out var noticed) ? noticed : TimeSpan.MaxValue;
            if (WhyUntrue(run, at, since.TryGetValue(run.Id, out var begin) ? begin : null, disturbances, [.. results[run.Id]]) is { } why)
                yield return new("a failed run says a true reason", $"run {run.Id} on '{run.Runner}' failed: '{run.Reason}' — {why}");
        }
    }

    private static string? WhyUntrue(RunRow run, TimeSpan at, TimeSpan? accepted, ILookup<string, Disturbance> disturbances, IReadOnlyList<SentResult> results)
    {
        if (run.Reason.Length == 0) return "it says none";
        if (results.Any(r => r.Status != "ok" && r.Reason == run.Reason)) return null;
        var lost = LostRunner().Match(run.Reason) is { Success: true } m ? m.Groups["by"].Value : null;
        if (lost is not null)
        {
            // The orchestrator waits anew after each of its own starts: what it could not hear is nobody's silence.
            var heard = disturbances[Observations.Orchestrator].Where(d => d.To <= at).Select(d => d.To).DefaultIfEmpty(TimeSpan.Zero).Max();
            var hasDied = disturbances[lost].Any(d => d.IsDeath && d.From <= at && (at == TimeSpan.MaxValue || at - (d.From > heard ? d.From : heard) < DeathShowsWithin));
            if (hasDied) return null;
            if (run.Reason.EndsWith("its process was restarted", StringComparison.Ordinal)) return "nobody had restarted it";
            var silence = Silence([.. disturbances[lost], .. disturbances[Observations.Orchestrator]], at - SilenceLooksBack, at);
            return silence >= LeastSilence ? null : string.Create(CultureInfo.InvariantCulture, $"it lived, and was disturbed for {silence.TotalSeconds:0} s only");
        }

        if (run.Reason.StartsWith("not picked up: handed out 3 times", StringComparison.Ordinal))
            return disturbances.SelectMany(d => d).Count(d => d.From <= at) >= 3 ? null : "nothing had come between";
        if (Overdue().Match(run.Reason) is { Success: true } overdue)
        {
            var limit = TimeSpan.FromSeconds(int.Parse(overdue.Groups["s"].ValueSpan, CultureInfo.InvariantCulture));
            return at == TimeSpan.MaxValue || accepted is null || at - accepted >= limit ? null : string.Create(CultureInfo.InvariantCulture, $"it was accepted {(at - accepted.Value).TotalSeconds:0} s before");
        }

        // What a real runner says of its sandbox: npm's status must say so too, and a deadline needs a runner that was held up.
        if (run.Reason.StartsWith("did not finish within ", StringComparison.Ordinal))
            return disturbances[run.Runner].Any(d => d.From <= at) ? null : "its runner had not been held up";
        return run.NpmExit is > 0 ? null : "no such reason is known";
    }

    // How much of a time was covered by at least one disturbance.
    private static TimeSpan Silence(IReadOnlyList<Disturbance> disturbances, TimeSpan from, TimeSpan to)
    {
        var (covered, end) = (TimeSpan.Zero, from);
        foreach (var d in disturbances.Where(d => d.To > from && d.From < to).OrderBy(d => d.From))
        {
            var (begin, until) = (d.From > end ? d.From : end, d.To < to ? d.To : to);
            if (until <= begin) continue;
            covered += until - begin;
            end = until;
        }

        return covered;
    }

    private static IEnumerable<Violation> Repeated(Dictionary<string, RunRow> runs)
    {
        const string Promise = "a lost run is repeated as a linked run";
        var repeats = runs.Values.Where(r => r.RetryOf is not null).ToLookup(r => r.RetryOf!);
        foreach (var run in runs.Values)
        {
            var (wanted, has) = ((run.Reason.StartsWith("runner lost", StringComparison.Ordinal) || run.Interrupted) && Depth(runs, run) < MostRuns, repeats[run.Id].Count());
            if (has != (wanted ? 1 : 0)) yield return new(Promise, $"run {run.Id} ({run.State}: '{run.Reason}', number {Depth(runs, run)} of its line) has {has} repeats");
            foreach (var repeat in repeats[run.Id].Where(r => r.Package != run.Package || r.Version != run.Version))
                yield return new(Promise, $"run {repeat.Id} repeats run {run.Id} and is of another package");
        }

        foreach (var orphan in repeats.Where(r => !runs.ContainsKey(r.Key))) yield return new(Promise, $"run {orphan.First().Id} repeats run {orphan.Key}, which is not there");
    }

    private static int Depth(Dictionary<string, RunRow> runs, RunRow run)
    {
        var depth = 1;
        for (var r = run; r.RetryOf is { } before && runs.TryGetValue(before, out r!) && depth <= MostRuns; depth++)
        {
        }

        return depth;
    }

    private static IEnumerable<Violation> Stored(SqliteConnection connection, Observations seen)
    {
        const string Promise = "an acknowledged batch is stored once";
        var stored = Rows(connection, """
            SELECT b.run_id, b.seq, b.events, (SELECT count(*) FROM events e WHERE e.id >= b.first_event_id AND e.id < b.first_event_id + b.events AND e.run_id = b.run_id AND e.seq = b.seq)
            FROM event_batches b
            """, r => (Run: r.GetString(0), Seq: r.GetInt64(1), Events: r.GetInt64(2), Rows: r.GetInt64(3))).ToDictionary(b => (b.Run, b.Seq));
        foreach (var batch in seen.Batches.Distinct())
        {
            if (!stored.TryGetValue((batch.Run, batch.Seq), out var row)) yield return new(Promise, $"batch {batch.Seq} of run {batch.Run} was acknowledged and is not there");
            else if (row.Events != batch.Events || row.Rows != batch.Events)
                yield return new(Promise, $"batch {batch.Seq} of run {batch.Run} was acknowledged with {batch.Events} events, is noted with {row.Events} and has {row.Rows}");
        }

        var (events, inBatches) = (Number(connection, "SELECT count(*) FROM events"), Number(connection, "SELECT coalesce(sum(events), 0) FROM event_batches"));
        if (events != inBatches) yield return new(Promise, $"{events} events are stored, the batches have {inBatches}");
        foreach (var run in Rows(connection, "SELECT id, events_emitted, (SELECT coalesce(sum(events), 0) FROM event_batches b WHERE b.run_id = runs.id) FROM runs WHERE result_digest <> ''",
            r => (Id: r.GetString(0), Emitted: r.GetInt64(1), Stored: r.GetInt64(2))))
            if (run.Stored < run.Emitted) yield return new(Promise, $"the runner of run {run.Id} had {run.Emitted} events acknowledged, {run.Stored} are stored");
    }

    private static IEnumerable<Violation> Overlaps(Observations seen)
    {
        foreach (var run in seen.Works.GroupBy(w => w.Run))
        {
            var works = run.OrderBy(w => w.From).ToArray();
            for (var i = 1; i < works.Length; i++)
                if (works[i].From < works[i - 1].To)
                    yield return new("a job runs on one runner at a time", string.Create(CultureInfo.InvariantCulture,
                        $"run {run.Key} was with {works[i - 1].Party} from {works[i - 1].From.TotalSeconds:0.0} to {works[i - 1].To.TotalSeconds:0.0} s and with {works[i].Party} from {works[i].From.TotalSeconds:0.0} s"));
        }
    }

    // Judged anew from the rows: what the orchestrator calls conclusive is not taken from it.
    private static IEnumerable<Violation> Learned(SqliteConnection connection, Dictionary<string, RunRow> runs)
    {
        const string Promise = "nothing is learned from a run that is inconclusive";
        foreach (var run in runs.Values.Where(r => r.IsConclusive))
        {
            var doubt = run switch
            {
                { State: not "done" } => $"it is {run.State}",
                { Dropped: > 0 } => $"{run.Dropped} events were lost",
                { BadBatches: > 0 } => $"{run.BadBatches} batches were unreadable",
                { OverCap: > 0 } => $"{run.OverCap} events were not stored",
                { SawExec: false } => "no program was seen to start",
                _ when run.Batches != run.MaxSeq => $"it has {run.Batches} batches up to number {run.MaxSeq}",
                _ => null,
            };
            if (doubt is not null) yield return new(Promise, $"run {run.Id} counts as conclusive, but {doubt}");
        }

        var learned = runs.Values.Where(r => r.IsBaseline).Select(r => r.Id)
            .Concat(Rows(connection, "SELECT run_id FROM baseline_runs", r => r.GetString(0)))
            .Concat(Rows(connection, "SELECT first_seen_run_id FROM baseline_fingerprints UNION SELECT last_seen_run_id FROM baseline_fingerprints", r => r.GetString(0))).ToHashSet();
        foreach (var id in learned)
            if (!runs.TryGetValue(id, out var run) || !run.IsConclusive || run.State != "done") yield return new(Promise, $"the baseline has learned from run {id}, which is {run?.State ?? "not there"} and inconclusive");
    }

#pragma warning disable CA2100 // constants of this class
    private static List<T> Rows<T>(SqliteConnection connection, string sql, Func<SqliteDataReader, T> map)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(map(reader));
        return rows;
    }
#pragma warning restore CA2100

    private static long Number(SqliteConnection connection, string sql) => Rows(connection, sql, r => r.GetInt64(0))[0];

    [GeneratedRegex(@"^runner lost: (?:no sign of life from (?<by>\S+) for more|(?<by>[^,]+), )")]
    private static partial Regex LostRunner();

    [GeneratedRegex(@"^no result within (?<s>\d+) s$")]
    private static partial Regex Overdue();

    private sealed record RunRow(string Id, string Package, string Version, string State, string Reason, string Runner, string? RetryOf)
    {
        public bool Interrupted { get; private init; }

        public string Digest { get; private init; } = "";

        public bool IsConclusive { get; private init; }

        public bool IsBaseline { get; private init; }

        public long Dropped { get; private init; }

        public bool IsAnalysed { get; private init; }

        public long? NpmExit { get; private init; }

        public bool SawExec { get; private init; }

        public long BadBatches { get; private init; }

        public long OverCap { get; private init; }

        public long Batches { get; private init; }

        public long MaxSeq { get; private init; }

        public long Ends { get; private init; }

        public static RunRow Of(SqliteDataReader row) => new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.IsDBNull(6) ? null : row.GetString(6))
        {
            Interrupted = row.GetInt64(7) != 0,
            Digest = row.GetString(8),
            IsConclusive = !row.IsDBNull(9) && row.GetInt64(9) != 0,
            IsBaseline = row.GetInt64(10) != 0,
            Dropped = row.GetInt64(12),
            IsAnalysed = row.GetInt64(13) != 0,
            NpmExit = row.IsDBNull(14) ? null : row.GetInt64(14),
            SawExec = row.GetInt64(15) != 0,
            BadBatches = row.GetInt64(16),
            OverCap = row.GetInt64(17),
            Batches = row.GetInt64(18),
            MaxSeq = row.GetInt64(19),
            Ends = row.GetInt64(21),
        };
    }
}
