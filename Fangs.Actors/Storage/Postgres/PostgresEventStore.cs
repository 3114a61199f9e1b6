using Fangs.Actors.Ingest;
using Fangs.Protocol;
using NpgsqlTypes;

namespace Fangs.Actors.Storage.Postgres;

/// <summary>Sensor events in PostgreSQL: the batches of a group go in by COPY, and what is kept beside them by one statement each for all of them.</summary>
internal sealed class PostgresEventStore : EventStore
{
    private const string KnownSql = """
        SELECT b.run_id, b.seq, b.events FROM event_batches b JOIN unnest(@p0, @p1) AS w (run_id, seq) ON b.run_id = w.run_id AND b.seq = w.seq
        """;

    private const string TotalsSql = """
        SELECT r.id, coalesce((SELECT sum(b.events) FROM event_batches b WHERE b.run_id = r.id), 0)::bigint, r.pruned_seq FROM runs r WHERE r.id = ANY (@p0)
        """;

    private const string LastIdSql = """
        SELECT GREATEST(coalesce((SELECT max(id) FROM events), 0), (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_id_seq))
        """;

    // The sequence follows, so that whoever inserts without an id, upstream for one, gets none that is given; and that an id is never given
    // again after retention has deleted the last events.
    private const string SetLastIdSql = "SELECT setval('events_id_seq', @p0::bigint)";

    private const string CopyEventsSql = "COPY events (id, run_id, ts_ns, type, data, ktime_ns, seq) FROM STDIN (FORMAT BINARY)";
    private const string CopyBatchesSql = "COPY event_batches (run_id, seq, received_at, first_event_id, events) FROM STDIN (FORMAT BINARY)";

    // The earliest event of a fingerprint is its evidence; batches may come in any order.
    private const string UpsertFingerprintsSql = """
        INSERT INTO run_fingerprints AS f (run_id, category, value, role, phase, count, first_event_id, first_ktime_ns, tags)
        SELECT * FROM unnest(@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8)
        ON CONFLICT (run_id, category, value, role, phase) DO UPDATE SET
          count = f.count + excluded.count,
          tags = f.tags | excluded.tags,
          first_event_id = CASE WHEN (excluded.first_ktime_ns, excluded.first_event_id) < (f.first_ktime_ns, f.first_event_id) THEN excluded.first_event_id ELSE f.first_event_id END,
          first_ktime_ns = LEAST(f.first_ktime_ns, excluded.first_ktime_ns)
        """;

    private const string UpsertCountsSql = """
        INSERT INTO run_event_counts AS c (run_id, type, count) SELECT * FROM unnest(@p0, @p1, @p2)
        ON CONFLICT (run_id, type) DO UPDATE SET count = c.count + excluded.count
        """;

    private const string DueSql = "UPDATE runs SET analyzed_at = NULL WHERE id = ANY (@p0) AND analyzed_at IS NOT NULL";
    private const string SawExecSql = "UPDATE runs SET saw_exec = TRUE WHERE id = ANY (@p0) AND NOT saw_exec";
    private const string OverCapSql = "UPDATE runs SET events_over_cap = events_over_cap + @p1 WHERE id = @p0";

    /// <summary>Stores through a writer.</summary>
    internal PostgresEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun)
        : base(writer, clock, maxEventsPerRun)
    {
    }

    private protected override AppendOutcome[] AppendGroup(StoreSession store, IReadOnlyList<PreparedBatch> batches)
    {
        var session = (PostgresSession)store;
        var outcomes = new AppendOutcome[batches.Count];
        var known = Known(session, batches);
        LoadTotals(session, batches);
        var (now, lastId) = (Clock.GetUtcNow(), LastEventId ??= session.Number(LastIdSql) ?? 0);
        var firstOfGroup = lastId;
        var accepted = new List<Accepted>(batches.Count);
        for (var i = 0; i < batches.Count; i++)
        {
            var (batch, key) = (batches[i], (batches[i].RunId, (long)batches[i].Seq));
            if (!TryGetTotals(batch.RunId, out var totals))
            {
                outcomes[i] = new AppendOutcome(false, 0, NotStored(batch, "there is no such run", null));
                continue;
            }

            // Stored once and deleted by retention since: sent again, it is still a repeat.
            if (known.TryGetValue(key, out var stored) || key.Item2 <= totals.PrunedSeq)
            {
                outcomes[i] = new AppendOutcome(true, (int)stored, null);
                continue;
            }

            // Beyond the limit it is known, so that it is no gap, but empty: whoever floods a run does not fill the disk.
            var isOver = totals.Stored + batch.Events.Length > MaxEventsPerRun;
            var events = isOver ? 0 : batch.Events.Length;
            accepted.Add(new Accepted(batch, lastId + 1, events));
            if (isOver) session.Execute(OverCapSql, batch.RunId.ToString(), batch.Events.Length);
            known[key] = events;
            totals.Stored += events;
            lastId += events;
            outcomes[i] = new AppendOutcome(false, events, null);
        }

        if (accepted.Count == 0) return outcomes;
        CopyEvents(session, accepted, Nanoseconds(now));
        CopyBatches(session, accepted, now);
        var filled = accepted.FindAll(a => a.Events > 0 || a.Batch.Events.Length == 0);
        var effects = new RunEffects();
        foreach (var entry in filled) effects.Add(entry.Batch, entry.FirstId);
        Write(session, effects);
        if (lastId > firstOfGroup) session.Execute(SetLastIdSql, lastId);
        LastEventId = lastId;
        return outcomes;
    }

    private static Dictionary<(RunId Run, long Seq), long> Known(PostgresSession session, IReadOnlyList<PreparedBatch> batches)
    {
        using var command = session.ArrayCommand(KnownSql, batches.Select(b => b.RunId.ToString()).ToArray(), batches.Select(b => (long)b.Seq).ToArray());
        using var rows = command.ExecuteReader();
        var known = new Dictionary<(RunId, long), long>();
        while (rows.Read()) known[(RunId.Parse(rows.GetString(0)), rows.GetInt64(1))] = rows.GetInt64(2);
        return known;
    }

    private void LoadTotals(PostgresSession session, IReadOnlyList<PreparedBatch> batches)
    {
        var missing = batches.Select(b => b.RunId).Distinct().Where(run => !TryGetTotals(run, out _)).Select(run => run.ToString()).ToArray();
        if (missing.Length == 0) return;
        using var command = session.ArrayCommand(TotalsSql, [missing]);
        using var rows = command.ExecuteReader();
        while (rows.Read()) Remember(RunId.Parse(rows.GetString(0)), rows.GetInt64(1), rows.GetInt64(2));
    }

    private static void CopyEvents(PostgresSession session, List<Accepted> accepted, long arrivalNs)
    {
        using var copy = session.Connection.BeginBinaryImport(CopyEventsSql);
        foreach (var (batch, firstId, events) in accepted)
        {
            if (events == 0) continue;
            var (run, seq, id) = (batch.RunId.ToString(), (long)batch.Seq, firstId);
            foreach (var e in batch.Events)
            {
                copy.StartRow();
                copy.Write(id++, NpgsqlDbType.Bigint);
                copy.Write(run, NpgsqlDbType.Text);
                copy.Write(arrivalNs, NpgsqlDbType.Bigint);
                copy.Write(e.TypeName, NpgsqlDbType.Text);
                copy.Write(batch.PayloadOf(e).ToArray(), NpgsqlDbType.Json);
                if (e.KtimeNs is { } ktime) copy.Write((long)ktime, NpgsqlDbType.Bigint);
                else copy.WriteNull();
                copy.Write(seq, NpgsqlDbType.Bigint);
            }
        }

        copy.Complete();
    }

    private static void CopyBatches(PostgresSession session, List<Accepted> accepted, DateTimeOffset now)
    {
        using var copy = session.Connection.BeginBinaryImport(CopyBatchesSql);
        foreach (var (batch, firstId, events) in accepted)
        {
            copy.StartRow();
            copy.Write(batch.RunId.ToString(), NpgsqlDbType.Text);
            copy.Write((long)batch.Seq, NpgsqlDbType.Bigint);
            copy.Write(now.UtcDateTime, NpgsqlDbType.TimestampTz);
            copy.Write(firstId, NpgsqlDbType.Bigint);
            copy.Write((long)events, NpgsqlDbType.Bigint);
        }

        copy.Complete();
    }

    private static void Write(PostgresSession session, RunEffects effects)
    {
        if (effects.Runs.Count == 0) return;
        var fingerprints = effects.Runs.SelectMany(r => r.Value.Fingerprints.Select(f => (Run: r.Key.ToString(), f.Key, f.Value))).ToList();
        if (fingerprints.Count > 0)
        {
            session.ExecuteArrays(UpsertFingerprintsSql,
                fingerprints.Select(f => f.Run).ToArray(), fingerprints.Select(f => f.Key.Category).ToArray(), fingerprints.Select(f => f.Key.Value).ToArray(),
                fingerprints.Select(f => f.Key.Role).ToArray(), fingerprints.Select(f => f.Key.Phase).ToArray(), fingerprints.Select(f => f.Value.Count).ToArray(),
                fingerprints.Select(f => f.Value.FirstEvent).ToArray(), fingerprints.Select(f => f.Value.FirstKtimeNs).ToArray(),
                fingerprints.Select(f => (int)f.Value.Tags).ToArray());
        }

        var counts = effects.Runs.SelectMany(r => r.Value.Counts.Select(c => (Run: r.Key.ToString(), Type: c.Key, Count: c.Value))).ToList();
        if (counts.Count > 0) session.ExecuteArrays(UpsertCountsSql, counts.Select(c => c.Run).ToArray(), counts.Select(c => c.Type).ToArray(), counts.Select(c => c.Count).ToArray());
        session.ExecuteArrays(DueSql, [effects.Runs.Keys.Select(run => run.ToString()).ToArray()]);
        var execs = effects.Runs.Where(r => r.Value.SawExec).Select(r => r.Key.ToString()).ToArray();
        if (execs.Length > 0) session.ExecuteArrays(SawExecSql, [execs]);
    }

    /// <summary>A batch that is stored now.</summary>
    private sealed record Accepted(PreparedBatch Batch, long FirstId, int Events);
}
