using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fangs.Actors.Notifiers;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>Outbox, delivery log and targets of alerts: reads through connections of their own, writes through the one writer.</summary>
public sealed class NotificationStore(StoreDatabase database, StoreWriter writer, TimeProvider clock) : INotificationStore
{
    private const string DueSql = """
        SELECT run_id, notifier_name, revision FROM (
          SELECT o.run_id, o.notifier_name, o.revision, o.next_attempt_at,
            row_number() OVER (PARTITION BY o.notifier_name ORDER BY o.next_attempt_at, o.run_id, o.revision) AS place
          FROM notification_outbox o JOIN notifiers n ON n.name = o.notifier_name
          WHERE n.enabled AND o.next_attempt_at <= @p0) due
        WHERE place <= @p1 ORDER BY next_attempt_at, run_id, notifier_name, revision
        """;

    private const string NextSql = """
        SELECT min(o.next_attempt_at) FROM notification_outbox o JOIN notifiers n ON n.name = o.notifier_name
        WHERE n.enabled AND o.next_attempt_at > @p0
        """;

    private const string NamesSql = "SELECT name FROM notifiers ORDER BY name";

    private const string TargetSql = """
        SELECT n.name, n.url, n.template, n.secret_env, n.headers, n.min_severity, n.enabled, o.attempt
        FROM notification_outbox o JOIN notifiers n ON n.name = o.notifier_name
        WHERE o.run_id = @p0 AND o.notifier_name = @p1 AND o.revision = @p2 AND o.next_attempt_at <= @p3 AND n.enabled
        """;

    private const string RunSql = "SELECT package_name, version, state, is_baseline FROM runs WHERE id = @p0";

    private const string DeviationsSql =
        "SELECT id, category, value, severity, evidence_event_id FROM deviations WHERE run_id = @p0 AND status IN ('open', 'note')";

    // A target that was removed meanwhile has taken its log along; a run that is gone likewise.
    private const string LogSql = """
        INSERT INTO notifications (id, run_id, notifier_name, attempt, status, last_attempted_at, next_attempt_at, response_code, response_body, error_msg, deviation_count, created_at)
        SELECT @p0, r.id, n.name, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p5 FROM runs r CROSS JOIN notifiers n WHERE r.id = @p1 AND n.name = @p2
        ON CONFLICT (id) DO NOTHING
        """;

    private const string MoveSql =
        "UPDATE notification_outbox SET attempt = @p3, next_attempt_at = @p4 WHERE run_id = @p0 AND notifier_name = @p1 AND revision = @p2";

    private const string EndSql = "DELETE FROM notification_outbox WHERE run_id = @p0 AND notifier_name = @p1 AND revision = @p2";

    private const string NotifiedSql = "UPDATE deviations SET notified_at = @p1 WHERE id = @p0 AND notified_at IS NULL";

    /// <inheritdoc/>
    public Task<OutboxView> LookAsync(DateTimeOffset now, int perTarget) => ReadAsync("The outbox of alerts", session =>
    {
        var at = StorageText.Time(now);
        var due = session.Rows(DueSql, row => new DeliveryKey(RunId.Parse(row.GetString(0)), row.GetString(1), row.GetInt64(2)), at, perTarget);
        var next = session.Rows(NextSql, row => row.IsDBNull(0) ? null : row.GetString(0), at)[0];
        return new OutboxView(due, next is null ? null : StorageText.ParseTime(next), session.Rows(NamesSql, row => row.GetString(0)));
    });

    /// <inheritdoc/>
    public Task<Delivery?> LoadAsync(DeliveryKey key, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(key);
        return ReadAsync($"The alert of run {key.Run}", session =>
        {
            var run = key.Run.ToString();
            if (session.First(RunSql, row => MapAlert(key.Run, row), run) is not { } alert) return null;
            return session.First(
                TargetSql, row => new Delivery(NotifierTable.Map(row), (int)row.GetInt64(7), alert), run, key.Notifier, key.Revision, StorageText.Time(now)) is { } delivery
                ? delivery with { Alert = alert with { Deviations = session.Rows(DeviationsSql, MapDeviation, run) } }
                : null;
        });
    }

    /// <inheritdoc/>
    public Task RecordAsync(DeliveryAttempt attempt)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        return writer.WriteAsync(session =>
        {
            var (key, result, at) = (attempt.Key, attempt.Result, StorageText.Time(attempt.At));
            var (run, next) = (key.Run.ToString(), attempt.NextAt is { } due ? StorageText.Time(due) : null);
            session.Execute(LogSql, IdOf(key, attempt.Attempt), run, key.Notifier, attempt.Attempt, result.Status, at, next,
                result.ResponseCode, result.ResponseBody, result.Error, attempt.Told.Count);
            if (next is null) session.Execute(EndSql, run, key.Notifier, key.Revision);
            else session.Execute(MoveSql, run, key.Notifier, key.Revision, attempt.Attempt, next);
            if (result.Status == AttemptStatus.Sent)
                foreach (var id in attempt.Told) session.Execute(NotifiedSql, id, at);
            return true;
        });
    }

    /// <inheritdoc/>
    public Task DropAsync(DeliveryKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return writer.WriteAsync(session => session.Execute(EndSql, key.Run.ToString(), key.Notifier, key.Revision));
    }

    /// <inheritdoc/>
    public Task<(int Added, int Changed)> SaveTargetsAsync(IReadOnlyList<NotifierTarget> targets, string actor)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return writer.WriteAsync(session =>
        {
            var now = StorageText.Time(clock.GetUtcNow());
            var (added, changed) = (0, 0);
            foreach (var target in targets)
            {
                var before = NotifierTable.Find(session, target.Name);
                if (before == target) continue;
                NotifierTable.Save(session, target, actor, now);
                if (before is null) added++;
                else changed++;
            }

            return (added, changed);
        });
    }

    // The same for the same attempt, so that logging it again is no second line.
    private static string IdOf(DeliveryKey key, int attempt)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{key.Run}|{key.Revision}|{key.Notifier}"));
        return $"{Convert.ToHexStringLower(hash.AsSpan(0, 8))}-{attempt}";
    }

    private static Alert MapAlert(RunId run, StoreRow row) => new()
    {
        Run = run,
        Package = row.GetString(0),
        Version = row.GetString(1),
        State = row.GetString(2),
        IsBaseline = row.GetInt64(3) != 0,
        Deviations = [],
    };

    private static AlertDeviation MapDeviation(StoreRow row) => new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4));

    // One transaction, so that all is as it was at one moment.
    private Task<T> ReadAsync<T>(string what, Func<StoreSession, T> read) => Task.Run(() =>
    {
        try
        {
            using var session = database.OpenReadSession();
            session.BeginRead();
            try
            {
                return read(session);
            }
            finally
            {
                session.Rollback();
            }
        }
        catch (Exception e) when (e is DbException or FormatException)
        {
            throw new StorageException($"{what} cannot be read: {e.Message}", e);
        }
    });
}

/// <summary>The table of targets, for all who change it.</summary>
internal static class NotifierTable
{
    private const string FindSql = "SELECT name, url, template, secret_env, headers, min_severity, enabled FROM notifiers WHERE name = @p0";

    private const string UpsertSql = """
        INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, enabled, created_at, updated_at)
        VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p7)
        ON CONFLICT (name) DO UPDATE SET url = excluded.url, template = excluded.template, secret_env = excluded.secret_env,
          headers = excluded.headers, min_severity = excluded.min_severity, enabled = excluded.enabled, updated_at = excluded.updated_at
        """;

    private const string AuditSql = "INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, @p1, @p2, @p3, @p4)";

    /// <summary>The target of a name; null when there is none.</summary>
    internal static NotifierTarget? Find(StoreSession session, string name) => session.First(FindSql, Map, name);

    /// <summary>Makes a target, or changes the one of that name, with a line in the audit log.</summary>
    /// <returns>True when it is new.</returns>
    internal static bool Save(StoreSession session, NotifierTarget target, string actor, string now)
    {
        var isNew = Find(session, target.Name) is null;
        session.Execute(UpsertSql, target.Name, target.Url, target.Template, target.SecretEnv, target.Headers, target.MinSeverity, target.Enabled ? 1 : 0, now);
        // The address is a secret; who may read the log need not know it.
        var detail = new JsonObject
        {
            ["host"] = Uri.TryCreate(target.Url, UriKind.Absolute, out var address) ? address.Host : "",
            ["template"] = target.Template,
            ["min_severity"] = target.MinSeverity,
            ["enabled"] = target.Enabled,
        };
        session.Execute(AuditSql, now, actor, isNew ? "notifier.add" : "notifier.change", target.Name, detail.ToJsonString(JsonSerializerOptions.Default));
        return isNew;
    }

    /// <summary>Maps a row that begins with name, url, template, secret_env, headers, min_severity, enabled.</summary>
    internal static NotifierTarget Map(StoreRow row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), Text(row, 3), Text(row, 4), Text(row, 5), row.GetInt64(6) != 0);

    private static string? Text(StoreRow row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
