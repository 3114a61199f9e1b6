using Fangs.Actors.Ingest;
using Fangs.Protocol;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Sensor events in SQLite, through the one writer.</summary>
public sealed class SqliteEventStore : EventStore
{
    private const string KnownBatchSql = "SELECT events FROM event_batches WHERE run_id = @p0 AND seq = @p1";

    private const string InsertBatchSql =
        "INSERT INTO event_batches (run_id, seq, received_at, first_event_id, events) VALUES (@p0, @p1, @p2, @p3, @p4)";

    private const string InsertEventSql =
        "INSERT INTO events (id, run_id, ts_ns, type, data, ktime_ns, seq) VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6)";

    // The earliest event of a fingerprint is its evidence; batches may come in any order.
    private const string UpsertFingerprintSql = """
        INSERT INTO run_fingerprints (run_id, category, value, role, phase, count, first_event_id, first_ktime_ns, tags)
        VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8)
        ON CONFLICT (run_id, category, value, role, phase) DO UPDATE SET
          count = count + excluded.count,
          tags = tags | excluded.tags,
          first_event_id = iif((excluded.first_ktime_ns, excluded.first_event_id) < (first_ktime_ns, first_event_id), excluded.first_event_id, first_event_id),
          first_ktime_ns = min(first_ktime_ns, excluded.first_ktime_ns)
        """;

    private const string UpsertCountSql = """
        INSERT INTO run_event_counts (run_id, type, count) VALUES (@p0, @p1, @p2)
        ON CONFLICT (run_id, type) DO UPDATE SET count = count + excluded.count
        """;

    private const string OverCapSql = "UPDATE runs SET events_over_cap = events_over_cap + @p1 WHERE id = @p0";
    private const string SawExecSql = "UPDATE runs SET saw_exec = 1 WHERE id = @p0 AND saw_exec = 0";
    private const string StoredEventsSql = "SELECT coalesce(sum(events), 0) FROM event_batches WHERE run_id = @p0";
    private const string PrunedSeqSql = "SELECT pruned_seq FROM runs WHERE id = @p0";
    private const string LastIdSql = "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), coalesce((SELECT max(id) FROM events), 0))";

    /// <summary>Stores through a writer.</summary>
    /// <param name="writer">The one writer of the database.</param>
    /// <param name="clock">Arrival times.</param>
    /// <param name="maxEventsPerRun">Events of a run beyond this are counted, not stored.</param>
    public SqliteEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun = 500_000)
        : base(writer, clock, maxEventsPerRun)
    {
    }

    private protected override AppendOutcome[] AppendGroup(StoreSession session, IReadOnlyList<PreparedBatch> batches)
    {
        var sqlite = (SqliteSession)session;
        var effects = new RunEffects();
        var outcomes = new AppendOutcome[batches.Count];
        for (var i = 0; i < batches.Count; i++) outcomes[i] = Append(sqlite, batches[i], effects);
        Write(sqlite, effects);
        return outcomes;
    }

    private AppendOutcome Append(SqliteSession session, PreparedBatch batch, RunEffects effects)
    {
        var run = batch.RunId.ToString();
        var seq = (long)batch.Seq;
        if (session.Number(KnownBatchSql, run, seq) is { } stored) return new AppendOutcome(true, (int)stored, null);

        var totals = TotalsOf(session, batch.RunId, run);
        // Stored once and deleted by retention since: sent again, it is still a repeat.
        if (seq <= totals.PrunedSeq) return new AppendOutcome(true, 0, null);
        if (totals.Stored + batch.Events.Length > MaxEventsPerRun)
        {
            // Known, so that it is no gap, but empty: whoever floods a run does not fill the disk.
            session.Execute(InsertBatchSql, run, seq, StorageText.Time(Clock.GetUtcNow()), NextId(session), 0);
            session.Execute(OverCapSql, run, batch.Events.Length);
            return new AppendOutcome(false, 0, null);
        }

        var now = Clock.GetUtcNow();
        var firstId = NextId(session);
        session.Execute(InsertBatchSql, run, seq, StorageText.Time(now), firstId, batch.Events.Length);
        InsertEvents(session, batch, run, seq, firstId, Nanoseconds(now));
        effects.Add(batch, firstId);
        LastEventId = firstId + batch.Events.Length - 1;
        totals.Stored += batch.Events.Length;
        return new AppendOutcome(false, batch.Events.Length, null);
    }

    private static void Write(SqliteSession session, RunEffects effects)
    {
        foreach (var (id, effect) in effects.Runs)
        {
            var run = id.ToString();
            foreach (var (fingerprint, tally) in effect.Fingerprints)
            {
                session.Execute(UpsertFingerprintSql, run, fingerprint.Category, fingerprint.Value, fingerprint.Role, fingerprint.Phase,
                    tally.Count, tally.FirstEvent, tally.FirstKtimeNs, (int)tally.Tags);
            }

            foreach (var (type, count) in effect.Counts) session.Execute(UpsertCountSql, run, type, count);
            session.Execute(RunStore.DueSql, run);
            if (effect.SawExec) session.Execute(SawExecSql, run);
        }
    }

    private static void InsertEvents(SqliteSession session, PreparedBatch batch, string run, long seq, long firstId, long arrivalNs)
    {
        var insert = session.Statement(InsertEventSql);
        insert.Bind(1, run);
        insert.Bind(2, arrivalNs);
        insert.Bind(6, seq);
        var id = firstId;
        foreach (var e in batch.Events)
        {
            insert.Bind(0, id++);
            insert.Bind(3, e.TypeName);
            insert.Bind(4, batch.PayloadOf(e).Span);
            if (e.KtimeNs is { } ktime) insert.Bind(5, ktime);
            else insert.BindNull(5);
            insert.Run();
        }
    }

    private RunTotals TotalsOf(SqliteSession session, RunId id, string run) =>
        TryGetTotals(id, out var totals) ? totals : Remember(id, session.Number(StoredEventsSql, run) ?? 0, session.Number(PrunedSeqSql, run) ?? 0);

    private long NextId(SqliteSession session) => (LastEventId ??= session.Number(LastIdSql) ?? 0) + 1;
}
