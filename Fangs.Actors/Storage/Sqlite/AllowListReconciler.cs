using System.Text.Json.Nodes;
using Fangs.Actors.Configuration;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>An entry of the configuration that was not written, because an operator has made the same one.</summary>
/// <param name="Kind">Kind of the entry.</param>
/// <param name="Value">Its value.</param>
/// <param name="OperatorsId">Id of the operator's entry, which is left as it is.</param>
/// <param name="IsExpired">Whether the operator's entry has expired, so that nothing is allowed.</param>
public sealed record AllowListConflict(string Kind, string Value, string OperatorsId, bool IsExpired);

/// <summary>What the reconciling of the allow list has done.</summary>
/// <param name="Added">Entries written.</param>
/// <param name="Changed">Entries whose note was updated.</param>
/// <param name="Removed">Entries deleted.</param>
/// <param name="Conflicts">Entries that operators own.</param>
public sealed record AllowListOutcome(int Added, int Changed, int Removed, IReadOnlyList<AllowListConflict> Conflicts);

/// <summary>Makes the allow list hold exactly those entries of the configuration that the file has now. Entries of operators are not touched.</summary>
internal static class AllowListReconciler
{
    /// <summary>Who stands in <c>audit_log</c> and <c>allowlists.created_by</c>.</summary>
    public const string Actor = "configuration";

    private const string OwnSql = "SELECT id, kind, value, note FROM allowlists WHERE id GLOB 'cfg*'";

    private const string SameSql = "SELECT id, expires_at FROM allowlists WHERE scope = 'global' AND kind = @p0 AND value = @p1 AND id NOT GLOB 'cfg*'";

    private const string InsertSql = """
        INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, created_by) VALUES (@p0, 'global', NULL, @p1, @p2, @p3, @p4, 'configuration')
        """;

    private const string NoteSql = "UPDATE allowlists SET note = @p1 WHERE id = @p0";

    private const string DeleteSql = "DELETE FROM allowlists WHERE id = @p0";

    private const string AuditSql = "INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, 'configuration', @p1, @p2, @p3)";

    /// <summary>Compares and writes. Belongs into a transaction of the caller.</summary>
    public static AllowListOutcome Run(SqliteSession session, IReadOnlyList<ConfiguredAllowEntry> wanted, DateTimeOffset now)
    {
        var at = StorageText.Time(now);
        var missing = wanted.ToDictionary(entry => entry.Id);
        var (added, changed, removed) = (0, 0, 0);
        // First those that go: a value can come back under another id when its spelling was changed.
        foreach (var row in Own(session))
        {
            if (missing.TryGetValue(row.Id, out var entry) && entry.Entry.Kind == row.Kind && entry.Entry.Value == row.Value)
            {
                missing.Remove(row.Id);
                if (entry.Note == row.Note) continue;
                session.Execute(NoteSql, row.Id, entry.Note);
                Audit("allow note", row with { Note = entry.Note });
                changed++;
                continue;
            }

            session.Execute(DeleteSql, row.Id);
            Audit("allow remove", row);
            removed++;
        }

        var conflicts = new List<AllowListConflict>();
        foreach (var (id, entry) in missing)
        {
            if (session.First(SameSql, r => new Same(r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1)), entry.Entry.Kind, entry.Entry.Value) is { } same)
            {
                conflicts.Add(new AllowListConflict(entry.Entry.Kind, entry.Entry.Value, same.Id, same.ExpiresAt is { } end && StorageText.ParseTime(end) <= now));
                continue;
            }

            session.Execute(InsertSql, id, entry.Entry.Kind, entry.Entry.Value, entry.Note, at);
            Audit("allow add", new Row(id, entry.Entry.Kind, entry.Entry.Value, entry.Note));
            added++;
        }

        return new AllowListOutcome(added, changed, removed, conflicts);

        void Audit(string action, Row row) => session.Execute(
            AuditSql, at, action, row.Id, new JsonObject { ["kind"] = row.Kind, ["value"] = row.Value, ["note"] = row.Note }.ToJsonString());
    }

    private static List<Row> Own(SqliteSession session)
    {
        var own = new List<Row>();
        using var rows = session.Prepare(OwnSql, 0).ExecuteReader();
        while (rows.Read()) own.Add(new Row(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3)));
        return own;
    }

    private sealed record Row(string Id, string Kind, string Value, string Note);

    private sealed record Same(string Id, string? ExpiresAt);
}
