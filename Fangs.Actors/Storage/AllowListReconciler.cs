using System.Text.Json.Nodes;
using Fangs.Actors.Analysis;
using Fangs.Actors.Configuration;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

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
/// <param name="RunsDue">Runs that wait and are to be judged again because of it.</param>
/// <param name="Conflicts">Entries that operators own.</param>
public sealed record AllowListOutcome(int Added, int Changed, int Removed, int RunsDue, IReadOnlyList<AllowListConflict> Conflicts);

/// <summary>Makes the allow list hold exactly those entries of the configuration that the file has now. Entries of operators are not touched.</summary>
internal static class AllowListReconciler
{
    /// <summary>Who stands in <c>audit_log</c> and <c>allowlists.created_by</c>.</summary>
    private const string Actor = "configuration";

    private const string NoteAction = "allow.note";

    private const string OwnSql = "SELECT id, kind, value, note FROM allowlists WHERE substr(id, 1, 3) = 'cfg'";

    private const string SameSql = "SELECT id, expires_at FROM allowlists WHERE scope = 'global' AND kind = @p0 AND value = @p1 AND substr(id, 1, 3) <> 'cfg'";

    private const string InsertSql = """
        INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, created_by) VALUES (@p0, 'global', NULL, @p1, @p2, @p3, @p4, @p5)
        """;

    private const string NoteSql = "UPDATE allowlists SET note = @p1 WHERE id = @p0";

    private const string DeleteSql = "DELETE FROM allowlists WHERE id = @p0";

    private const string AuditSql = "INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, @p1, @p2, @p3, @p4)";

    private const string WaitingSql = "SELECT DISTINCT run_id FROM deviations WHERE status IN ('open', 'note') ORDER BY run_id";

    private const string FingerprintsSql = "SELECT category, value, tags FROM run_fingerprints WHERE run_id = @p0";

    private const string FindingsSql = "SELECT category, value, credential FROM deviations WHERE run_id = @p0 AND status IN ('open', 'note') AND NOT is_summary";

    /// <summary>Compares and writes, and marks the runs that wait to be judged again. Belongs into a transaction of the caller.</summary>
    public static AllowListOutcome Run(StoreSession session, IReadOnlyList<ConfiguredAllowEntry> wanted, DateTimeOffset now)
    {
        var at = StorageText.Time(now);
        var missing = wanted.ToDictionary(entry => entry.Id);
        List<Row> added = [], removed = [];
        var changed = 0;
        // First those that go: a value can come back under another id when its spelling was changed.
        foreach (var row in session.Rows(OwnSql, r => new Row(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3))))
        {
            if (missing.TryGetValue(row.Id, out var entry) && entry.Entry.Kind == row.Kind && entry.Entry.Value == row.Value)
            {
                missing.Remove(row.Id);
                if (entry.Note == row.Note) continue;
                session.Execute(NoteSql, row.Id, entry.Note);
                Audit(NoteAction, row with { Note = entry.Note });
                changed++;
                continue;
            }

            session.Execute(DeleteSql, row.Id);
            Audit(DecisionAction.AllowRemove, row);
            removed.Add(row);
        }

        var conflicts = new List<AllowListConflict>();
        foreach (var (id, entry) in missing)
        {
            if (session.First(SameSql, r => new Same(r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1)), entry.Entry.Kind, entry.Entry.Value) is { } same)
            {
                conflicts.Add(new AllowListConflict(entry.Entry.Kind, entry.Entry.Value, same.Id, same.ExpiresAt is { } end && StorageText.ParseTime(end) <= now));
                continue;
            }

            var row = new Row(id, entry.Entry.Kind, entry.Entry.Value, entry.Note);
            session.Execute(InsertSql, id, row.Kind, row.Value, row.Note, at, Actor);
            Audit(DecisionAction.AllowAdd, row);
            added.Add(row);
        }

        return new AllowListOutcome(added.Count, changed, removed.Count, MarkRuns(session, added, removed, at), conflicts);

        void Audit(string action, Row row) => session.Execute(
            AuditSql, at, Actor, action, row.Id, new JsonObject { ["kind"] = row.Kind, ["value"] = row.Value, ["note"] = row.Note }.ToJsonString());
    }

    // As when an operator changes the list: a run that waits is judged again when an entry that came or went is about something that it
    // did, and so is one that does not wait any more because an entry that went had hidden something.
    private static int MarkRuns(StoreSession session, List<Row> added, List<Row> removed, string at)
    {
        if (added.Count + removed.Count == 0) return 0;
        var due = new HashSet<string>(StringComparer.Ordinal);
        foreach (var row in removed)
        {
            foreach (var run in session.Rows(AnalysisStore.HiddenBySql, r => r.GetString(0), AnalysisStore.HiddenDetail(row.Id) + "%"))
            {
                due.Add(run);
                session.Execute(AnalysisStore.HistorySql, run, at, AnalysisStore.HiddenWhat, AnalysisStore.HiddenDetail(row.Id, "is gone and had hidden") + "deviations");
            }
        }

        var all = FilterOf([.. added, .. removed]);
        var each = added.Select(row => (row.Id, Filter: FilterOf([row]))).ToList();
        foreach (var run in session.Rows(WaitingSql, r => r.GetString(0)))
        {
            // Runs that the original has judged have no fingerprints, and are not judged again.
            if (!session.Rows(FingerprintsSql, r => Fingerprint(r.GetString(0), r.GetString(1), (EventTags)r.GetInt64(2)), run).Exists(f => all.Hides(f, showsHost: false))) continue;
            due.Add(run);
            var findings = session.Rows(FindingsSql, r => Fingerprint(r.GetString(0), r.GetString(1), r.GetInt64(2) != 0 ? EventTags.Credential : 0), run);
            foreach (var (id, filter) in each)
            {
                if (findings.Count(f => filter.Hides(f, showsHost: false)) is var count and > 0)
                    session.Execute(AnalysisStore.HistorySql, run, at, AnalysisStore.HiddenWhat, $"{AnalysisStore.HiddenDetail(id)}{count} deviations");
            }
        }

        foreach (var run in due) session.Execute(RunStore.DueSql, run);
        return due.Count;
    }

    private static AllowFilter FilterOf(IEnumerable<Row> rows) => AllowFilter.Create(
        rows.Select(row => new StoredAllowEntry(row.Id, row.Kind, row.Value, null, null)), "", default, new AnalysisSettings { CdnEnabled = false });

    private static RunFingerprint Fingerprint(string category, string value, EventTags tags) =>
        new(new FingerprintKey(category, value), "", "", default(FingerprintTally) with { Tags = tags });

    private sealed record Row(string Id, string Kind, string Value, string Note);

    private sealed record Same(string Id, string? ExpiresAt);
}
