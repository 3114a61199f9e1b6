using System.Data.Common;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>Runs in a database.</summary>
public sealed class RunStore(StoreDatabase database, StoreWriter writer, TimeProvider clock) : IRunStore
{
    private const string SelectSql = """
        SELECT id, state, runner_id, failure_reason, result_digest, interrupted, package_name, analyzed_at IS NOT NULL,
          bad_batches = 0 AND max_seq = batches AND stored + events_over_cap >= events_emitted, seq_gaps, inconclusive_reason
        FROM runs, (SELECT coalesce(sum(events), 0) AS stored, coalesce(max(seq), 0) AS max_seq, count(*) AS batches FROM event_batches WHERE run_id = @p0) AS received
        WHERE id = @p0
        """;

    private const string CountSql = "SELECT state, count(*) FROM runs GROUP BY state";

    private const string InsertSql = """
        INSERT INTO runs (id, package_name, version, state, attempt, started_at, queued_at, job_kind, retry_of)
        VALUES (@p0, @p1, @p2, 'pending', 1, @p3, @p3, @p4, @p5)
        ON CONFLICT (id) DO NOTHING
        """;

    private const string SetStateSql = """
        UPDATE runs SET state = @p1, runner_id = coalesce(@p2, runner_id), attempt = coalesce(@p3, attempt)
        WHERE id = @p0 AND state NOT IN ('analyzed', 'done', 'failed')
        """;

    private const string HistorySql = "INSERT INTO run_history (run_id, at, what, detail) VALUES (@p0, @p1, @p2, @p3)";

    private const string FinishSql = """
        UPDATE runs SET state = @p1, finished_at = @p2, failure_reason = @p3, events_emitted = @p4, events_dropped = @p5, duration_ns = @p6,
          result_digest = @p7, interrupted = @p8, npm_exit = @p9, output_tail = @p10, image_digest = @p11, node_version = @p12, npm_version = @p13, npm_integrity = @p14
        WHERE id = @p0 AND state NOT IN ('analyzed', 'done', 'failed')
        """;

    // Batches that retention has deleted were there: they count as such, or a late batch of an old run would make it look full of gaps.
    // Nobody looked is not the same as nothing happened: each cause that makes a run inconclusive, the first one counts.
    internal const string AssessSql = """
        UPDATE runs SET (seq_gaps, conclusive, inconclusive_reason) = (
          SELECT gaps, reason = '', reason FROM (
            SELECT gaps, CASE
              WHEN state = 'failed' THEN CASE WHEN result_digest = '' THEN 'no result: ' || failure_reason ELSE 'the scan failed: ' || failure_reason END
              WHEN events_dropped > 0 THEN events_dropped || ' events were lost'
              WHEN gaps > 0 THEN gaps || ' batches are missing'
              WHEN bad_batches > 0 THEN bad_batches || ' batches could not be read'
              WHEN events_over_cap > 0 THEN events_over_cap || ' events beyond the limit of a run were not stored'
              WHEN NOT saw_exec THEN 'no program was seen to start'
              ELSE '' END AS reason
            FROM (SELECT
              CASE WHEN max_seq > runs.pruned_seq THEN max_seq ELSE runs.pruned_seq END - batches - runs.pruned_batches AS gaps
              FROM (SELECT coalesce(max(seq), 0) AS max_seq, count(*) AS batches FROM event_batches WHERE run_id = @p0) AS received) AS counted) AS judged)
        WHERE id = @p0 AND state IN ('analyzed', 'done', 'failed')
        """;

    private const string BadBatchSql = "UPDATE runs SET bad_batches = bad_batches + 1 WHERE id = @p0";

    // What a run showed after it had been judged is judged as well, also when the process ends before that.
    internal const string DueSql = "UPDATE runs SET analyzed_at = NULL WHERE id = @p0 AND analyzed_at IS NOT NULL";

    /// <inheritdoc/>
    public Task<RunRow?> FindAsync(RunId id) => Task.Run(() =>
    {
        try
        {
            using var session = database.OpenReadSession();
            return session.First(SelectSql, MapRow, id.ToString());
        }
        catch (DbException e)
        {
            throw new StorageException($"Run {id} cannot be read: {e.Message}", e);
        }
    });

    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, long>> CountByStateAsync() => Task.Run(IReadOnlyDictionary<string, long> () =>
    {
        try
        {
            using var session = database.OpenReadSession();
            return session.Rows(CountSql, row => (State: row.GetString(0), Count: row.GetInt64(1))).ToDictionary(row => row.State, row => row.Count, StringComparer.Ordinal);
        }
        catch (DbException e)
        {
            throw new StorageException($"The runs cannot be counted: {e.Message}", e);
        }
    });

    /// <inheritdoc/>
    public Task<(RunRow Row, bool Created)> EnsureAsync(Job job, DateTimeOffset queuedAt, RunId? retryOf)
    {
        ArgumentNullException.ThrowIfNull(job);
        var package = string.IsNullOrEmpty(job.PackageName) ? ImageName(job.Sandbox?.Image) : job.PackageName;
        return writer.WriteAsync(session =>
        {
            var created = session.Execute(InsertSql, job.RunId.ToString(), package, job.Version ?? "", StorageText.Time(queuedAt), job.Kind, retryOf?.ToString()) > 0;
            if (created) AddHistory(session, job.RunId, RunStates.Pending, retryOf is { } lost ? $"queued, repeats run {lost}" : "queued");
            return (Read(session, job.RunId), created);
        });
    }

    /// <inheritdoc/>
    public Task SetStateAsync(RunId id, string state, string? runnerId, int? attempt, string detail) => writer.WriteAsync(session =>
    {
        var changed = session.Execute(SetStateSql, id.ToString(), state, runnerId, attempt) > 0;
        if (changed) AddHistory(session, id, state, detail);
        return changed;
    });

    /// <inheritdoc/>
    public Task<RunRow> FinishAsync(RunId id, RunEnd end)
    {
        ArgumentNullException.ThrowIfNull(end);
        var (result, details) = (end.Result, end.Result?.Details);
        return writer.WriteAsync(session =>
        {
            var changed = session.Execute(FinishSql, id.ToString(), end.State, StorageText.Time(clock.GetUtcNow()), Clean(end.Reason),
                result?.EventsEmitted ?? 0, (long)Math.Min(end.EventsDropped, long.MaxValue), result?.Duration.Value ?? 0, end.ResultDigest,
                details?.Interrupted == true ? 1 : 0, details?.NpmExit, Clean(details?.OutputTail), Clean(details?.ImageDigest),
                Clean(details?.NodeVersion), Clean(details?.NpmVersion), Clean(details?.Integrity)) > 0;
            if (changed)
            {
                AddHistory(session, id, end.State, end.Reason);
                session.Execute(AssessSql, id.ToString());
            }

            return Read(session, id);
        });
    }

    /// <inheritdoc/>
    public Task<RunRow> ReassessAsync(RunId id) => writer.WriteAsync(session => Assess(session, id));

    /// <inheritdoc/>
    public Task<RunRow> NoteBadBatchAsync(RunId id, string detail) => writer.WriteAsync(session =>
    {
        session.Execute(BadBatchSql, id.ToString());
        AddHistory(session, id, "bad batch", detail);
        return Assess(session, id);
    });

    private static RunRow Assess(StoreSession session, RunId id)
    {
        session.Execute(AssessSql, id.ToString());
        session.Execute(DueSql, id.ToString());
        return Read(session, id);
    }

    private static RunRow Read(StoreSession session, RunId id) =>
        session.First(SelectSql, MapRow, id.ToString()) ?? throw new StorageException($"There is no run {id}.");

    // Shown in place of a package; the colon tells it from one, so that unrelated work in one image never shares a baseline.
    private static string ImageName(string? image) => string.IsNullOrEmpty(image) || image.Contains(':', StringComparison.Ordinal) ? image ?? "" : image + ":latest";

    private void AddHistory(StoreSession session, RunId id, string what, string detail) =>
        session.Execute(HistorySql, id.ToString(), StorageText.Time(clock.GetUtcNow()), what, Clean(detail));

    // U+0000 cannot be stored in PostgreSQL's text, and what is stored must not depend on the backend.
    private static string Clean(string? text) => text?.Replace('\0', '\u2400') ?? "";

    private static RunRow MapRow(StoreRow row) =>
        new(RunId.Parse(row.GetString(0)), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetInt64(5) != 0)
        {
            Package = row.GetString(6),
            IsAnalysed = row.GetInt64(7) != 0,
            IsComplete = row.GetInt64(8) != 0,
            SeqGaps = row.GetInt64(9),
            InconclusiveReason = row.GetString(10),
        };
}
