using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Storage;

/// <summary>Puts alerts into the outbox, inside the transaction that stores the deviations which they tell of.</summary>
internal static class NotificationOutbox
{
    private const string RaiseSql = "UPDATE runs SET alert_revision = alert_revision + 1 WHERE id = @p0";

    private const string RankSql = $"SELECT max({SeveritySql.Rank}) FROM deviations WHERE run_id = @p0 AND status IN ('open', 'note')";

    private const string EnqueueSql = """
        INSERT INTO notification_outbox (run_id, notifier_name, revision, attempt, next_attempt_at, created_at)
        SELECT r.id, n.name, r.alert_revision, 0, @p1, @p1 FROM runs r CROSS JOIN notifiers n
        WHERE r.id = @p0 AND n.enabled
          AND CASE lower(coalesce(n.min_severity, ''))
            WHEN '' THEN 0 WHEN 'info' THEN 1 WHEN 'low' THEN 1 WHEN 'high' THEN 3 WHEN 'crit' THEN 4 WHEN 'critical' THEN 4 ELSE 2 END <= @p2
        """;

    // The newer alert of a run tells all that the older one would have.
    private const string SupersedeSql = """
        DELETE FROM notification_outbox WHERE run_id = @p0 AND EXISTS (
          SELECT 1 FROM notification_outbox newer
          WHERE newer.run_id = notification_outbox.run_id AND newer.notifier_name = notification_outbox.notifier_name AND newer.revision > notification_outbox.revision)
        """;

    /// <summary>Announces a run of which deviations have been added.</summary>
    internal static void Enqueue(StoreSession session, string run, string now)
    {
        // All may have been stored as decided already; then there is nothing to tell.
        if (session.Number(RankSql, run) is not { } rank) return;
        session.Execute(RaiseSql, run);
        if (session.Execute(EnqueueSql, run, now, rank) > 0) session.Execute(SupersedeSql, run);
    }
}
