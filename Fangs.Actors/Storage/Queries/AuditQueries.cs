using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>One line of the audit log.</summary>
public sealed record AuditRow
{
    /// <summary>Its number.</summary>
    public long Id { get; init; }

    /// <summary>When.</summary>
    public string At { get; init; } = "";

    /// <summary>Who.</summary>
    public string Actor { get; init; } = "";

    /// <summary>What was done.</summary>
    public string Action { get; init; } = "";

    /// <summary>Id of what it was done to.</summary>
    public string Subject { get; init; } = "";

    /// <summary>Particulars, a JSON object.</summary>
    public string Detail { get; init; } = "";
}

/// <summary>Reads the audit log.</summary>
public static class AuditQueries
{
    private const string Columns = "SELECT a.id AS Id, a.at AS At, a.actor AS Actor, a.action AS Action, a.subject AS Subject, CAST(a.detail AS TEXT) AS Detail FROM audit_log a";

    /// <summary>Decisions about a package, its runs and their deviations, newest first.</summary>
    public static IReadOnlyList<AuditRow> OfPackage(ReadOnlyDatabase database, string package, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        var sql =
            $"""
            {Columns} WHERE a.subject = @package
              OR a.subject IN (SELECT id FROM runs WHERE package_name = @package)
              OR a.subject IN (SELECT d.id FROM runs r JOIN deviations d ON d.run_id = r.id WHERE r.package_name = @package)
              OR a.subject IN (SELECT id FROM allowlists WHERE package_name = @package)
            ORDER BY a.id DESC LIMIT @limit
            """;
        return database.Connection.Query<AuditRow>(sql, new { package, limit }).AsList();
    }

    /// <summary>Decisions about one thing, newest first.</summary>
    public static IReadOnlyList<AuditRow> OfSubject(ReadOnlyDatabase database, string subject, int limit)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.Query<AuditRow>($"{Columns} WHERE a.subject = @subject ORDER BY a.id DESC LIMIT @limit", new { subject, limit }).AsList();
    }
}
