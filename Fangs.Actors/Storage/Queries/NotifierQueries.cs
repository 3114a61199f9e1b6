using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads targets of alerts and the log of deliveries.</summary>
public static class NotifierQueries
{
    private const int MaxNotifiers = 10_000;
    private const int MaxAttempts = 10_000;

    /// <summary>All targets by name.</summary>
    public static IReadOnlyList<NotifierRow> All(ReadOnlyDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT name AS Name, url AS Url, template AS Template, secret_env AS SecretEnv, headers AS Headers, min_severity AS MinSeverity,
                   enabled AS Enabled, created_at AS CreatedAt, updated_at AS UpdatedAt
            FROM notifiers ORDER BY name LIMIT @limit
            """;
        return database.HasNotifiers ? database.Connection.Query<NotifierRow>(Sql, new { limit = MaxNotifiers }).AsList() : [];
    }

    /// <summary>Attempts to tell of a run, by attempt.</summary>
    public static IReadOnlyList<NotificationRow> OfRun(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        const string Sql =
            """
            SELECT id AS Id, run_id AS RunId, notifier_name AS NotifierName, attempt AS Attempt, status AS Status,
                   last_attempted_at AS LastAttemptedAt, next_attempt_at AS NextAttemptAt, response_code AS ResponseCode,
                   response_body AS ResponseBody, error_msg AS ErrorMsg, deviation_count AS DeviationCount, created_at AS CreatedAt
            FROM notifications WHERE run_id = @runId ORDER BY attempt, notifier_name, id LIMIT @limit
            """;
        return database.HasNotifiers ? database.Connection.Query<NotificationRow>(Sql, new { runId, limit = MaxAttempts }).AsList() : [];
    }
}
