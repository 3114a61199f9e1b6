using System.Data.Common;
using System.Text;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>Baselines, deviations, allow list and audit log in a database: reads through connections of their own, writes through the one writer.</summary>
public sealed class AnalysisStore(StoreDatabase database, StoreWriter writer, TimeProvider clock) : IAnalysisStore
{
    private const string RunSql = """
        SELECT id, state, coalesce(conclusive, FALSE), inconclusive_reason, is_baseline, baseline_by, analyzed_at IS NOT NULL,
          EXISTS (SELECT 1 FROM baseline_runs b WHERE b.package_name = runs.package_name AND b.run_id = runs.id),
          (SELECT count(*) FROM event_batches e WHERE e.run_id = runs.id), package_name
        FROM runs WHERE id = @p0
        """;

    private const string FingerprintsSql = """
        SELECT f.category, f.value, f.role, f.phase, f.count, f.first_event_id, f.first_ktime_ns, f.tags,
          b.first_seen_run_id, b.last_seen_run_id, b.occurrence_count
        FROM run_fingerprints f
        LEFT JOIN baseline_fingerprints b ON b.package_name = @p1 AND b.category = f.category AND b.value = f.value
        WHERE f.run_id = @p0
        """;

    private const string DeviationsSql = """
        SELECT d.id, d.category, d.value, d.status, d.severity, d.evidence_event_id, d.credential, d.role, d.phase, d.count, d.is_summary,
          d.decided_by, d.decided_at, d.note, b.first_seen_run_id, b.last_seen_run_id, b.occurrence_count
        FROM deviations d
        LEFT JOIN baseline_fingerprints b ON b.package_name = @p1 AND b.category = d.category AND b.value = d.value
        WHERE d.run_id = @p0 ORDER BY d.id
        """;

    private const string HasBaselineSql = "SELECT EXISTS (SELECT 1 FROM baseline_fingerprints WHERE package_name = @p0)";

    private const string HasOldRulesSql = "SELECT EXISTS (SELECT 1 FROM baseline_fingerprints WHERE package_name = @p0 AND rules_version < @p1)";

    private const string HasOthersSql = """
        SELECT EXISTS (SELECT 1 FROM baseline_runs WHERE package_name = @p0 AND run_id <> @p1)
          OR EXISTS (SELECT 1 FROM baseline_fingerprints WHERE package_name = @p0 AND (first_seen_run_id <> @p1 OR last_seen_run_id <> @p1))
        """;

    // Other runs are looked for where the count says that there are some: a run from which the value was hidden is none. Ids sort by time.
    // Runs of upstream have no fingerprints of their own; what it noted as last seen stands in for them.
    private const string OthersSql = """
        SELECT o.run_id FROM baseline_runs o WHERE o.package_name = b.package_name AND o.run_id <> @p1 AND b.occurrence_count > 1
          AND EXISTS (SELECT 1 FROM run_fingerprints f WHERE f.run_id = o.run_id AND f.category = b.category AND f.value = b.value)
        """;

    private const string OtherLastSeenSql = "CASE WHEN b.last_seen_run_id <> @p1 THEN b.last_seen_run_id END";

    private const string ContributionsSql = $"""
        SELECT b.category, b.value, b.first_seen_run_id, b.last_seen_run_id, b.occurrence_count,
          coalesce(({OthersSql} ORDER BY o.run_id LIMIT 1), {OtherLastSeenSql}), coalesce(({OthersSql} ORDER BY o.run_id DESC LIMIT 1), {OtherLastSeenSql})
        FROM baseline_fingerprints b
        WHERE b.package_name = @p0 AND (b.first_seen_run_id = @p1 OR b.last_seen_run_id = @p1
          OR EXISTS (SELECT 1 FROM run_fingerprints f WHERE f.run_id = @p1 AND f.category = b.category AND f.value = b.value))
        """;

    private const string CandidatesSql = """
        SELECT id FROM runs
        WHERE package_name = @p0 AND id <> @p1 AND state IN ('analyzed', 'done', 'failed') AND conclusive AND analyzed_at IS NOT NULL
          AND (is_baseline OR (baseline_by <> 'manual' AND NOT EXISTS (SELECT 1 FROM baseline_runs b WHERE b.package_name = @p0 AND b.run_id = runs.id)))
        ORDER BY id LIMIT @p2
        """;

    private const string AllowSql =
        "SELECT id, kind, value, package_name, expires_at FROM allowlists WHERE package_name IS NULL OR package_name = @p0 ORDER BY id";

    private const string StateSql = """
        SELECT state, coalesce(conclusive, FALSE), is_baseline, baseline_by, (SELECT count(*) FROM event_batches e WHERE e.run_id = runs.id)
        FROM runs WHERE id = @p0
        """;

    private const string LearnSql = """
        INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count, rules_version)
        VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6)
        ON CONFLICT (package_name, category, value) DO UPDATE SET
          last_seen_run_id = excluded.last_seen_run_id, occurrence_count = baseline_fingerprints.occurrence_count + excluded.occurrence_count
        """;

    private const string ForgetSql = "DELETE FROM baseline_fingerprints WHERE package_name = @p0 AND category = @p1 AND value = @p2";

    private const string ReleaseSql = """
        UPDATE baseline_fingerprints SET first_seen_run_id = @p3, last_seen_run_id = @p4, occurrence_count = CASE WHEN occurrence_count > 1 THEN occurrence_count - 1 ELSE 1 END
        WHERE package_name = @p0 AND category = @p1 AND value = @p2
        """;

    private const string CountRunSql = "INSERT INTO baseline_runs (package_name, run_id) VALUES (@p0, @p1) ON CONFLICT DO NOTHING";
    private const string UncountRunSql = "DELETE FROM baseline_runs WHERE package_name = @p0 AND run_id = @p1";
    private const string SetBaselineSql = "UPDATE runs SET is_baseline = @p1, baseline_by = @p2 WHERE id = @p0";

    private const string JudgedSql =
        "UPDATE runs SET analyzed_at = @p1, rules_version = @p2, state = CASE WHEN state = 'analyzed' THEN 'done' ELSE state END WHERE id = @p0";

    private const string AddDeviationSql = """
        INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, detected_at, status, credential, role, phase, count, is_summary)
        VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12)
        """;

    private const string UpdateDeviationSql = """
        UPDATE deviations SET value = @p1,
          evidence_event_id = CASE WHEN EXISTS (SELECT 1 FROM events WHERE id = @p2) THEN @p2 ELSE evidence_event_id END, severity = @p3, status = @p4, credential = @p5, role = @p6, phase = @p7,
          count = @p8, decided_by = @p9, decided_at = @p10, note = @p11
        WHERE id = @p0
        """;

    private const string RemoveDeviationSql = "DELETE FROM deviations WHERE id = @p0";
    internal const string HistorySql = "INSERT INTO run_history (run_id, at, what, detail) VALUES (@p0, @p1, @p2, @p3)";
    private const string AuditSql = "INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, @p1, @p2, @p3, @p4)";
    internal const string HiddenWhat = "allow list";

    private const string DueRunsSql = """
        SELECT id, package_name FROM runs
        WHERE analyzed_at IS NULL AND state IN ('analyzed', 'done', 'failed') AND id > @p1 AND (package_name = @p0 OR @p0 IS NULL)
        ORDER BY id LIMIT @p2
        """;

    private const string WaitingSql = """
        SELECT DISTINCT r.id, r.package_name FROM deviations d JOIN runs r ON r.id = d.run_id
        WHERE d.status IN ('open', 'note') AND (r.package_name = @p0 OR @p0 IS NULL) ORDER BY r.id
        """;

    internal const string HiddenBySql = """
        SELECT DISTINCT r.id, r.package_name FROM run_history h JOIN runs r ON r.id = h.run_id
        WHERE h.what = 'allow list' AND h.detail LIKE @p0 ORDER BY r.id
        """;

    private const string FindAllowSql = "SELECT id, kind, value, package_name, expires_at FROM allowlists WHERE id = @p0";

    private const string FindEqualAllowSql = """
        SELECT id, kind, value, package_name, expires_at FROM allowlists
        WHERE scope = CASE WHEN CAST(@p0 AS TEXT) IS NULL THEN 'global' ELSE 'package' END AND coalesce(package_name, '') = coalesce(@p0, '') AND kind = @p1 AND value = @p2
        """;

    private const string AddAllowSql = """
        INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at, expires_at, created_by)
        VALUES (@p0, CASE WHEN CAST(@p1 AS TEXT) IS NULL THEN 'global' ELSE 'package' END, @p1, @p2, @p3, @p4, @p5, @p6, @p7)
        ON CONFLICT DO NOTHING
        """;

    private const string ExpiredAllowSql = """
        SELECT id, kind, value, package_name, expires_at FROM allowlists
        WHERE expires_at IS NOT NULL AND NOT is_over AND expires_at <= @p0 ORDER BY expires_at, id
        """;

    private const string ExpireAllowSql = "UPDATE allowlists SET is_over = TRUE WHERE id = @p0 AND NOT is_over";
    private const string RemoveAllowSql = "DELETE FROM allowlists WHERE id = @p0";
    private const string HasEventSql = "SELECT 1 FROM events WHERE id = @p0";

    private const string IsPrunedSql = "SELECT 1 FROM runs WHERE id = @p0 AND pruned_at IS NOT NULL";

    private const string BatchesSql = "SELECT first_event_id, events FROM event_batches WHERE run_id = @p0 ORDER BY first_event_id";
    private const string BatchCountSql = "SELECT count(*) FROM event_batches WHERE run_id = @p0";
    private const string EventRangeSql = "SELECT id, type, data FROM events WHERE id BETWEEN @p0 AND @p1 AND run_id = @p2 ORDER BY id";
    private const string UpstreamEventsSql = "SELECT id, type, data FROM events WHERE run_id = @p0 AND id > @p1 ORDER BY id LIMIT @p2";
    private const string ClearFingerprintsSql = "DELETE FROM run_fingerprints WHERE run_id = @p0";

    private const string InsertFingerprintSql = """
        INSERT INTO run_fingerprints (run_id, category, value, role, phase, count, first_event_id, first_ktime_ns, tags)
        VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8)
        """;

    private const string SetSawExecSql = "UPDATE runs SET saw_exec = @p1 WHERE id = @p0";
    private const int EventsPerVisit = 2000;

    /// <inheritdoc/>
    public Task<PackageBasis?> LoadAsync(RunId run, BasisScope scope) => ReadAsync($"Run {run} and what it is judged by", session =>
    {
        string? package = null;
        if (session.First(RunSql, row =>
        {
            package = row.GetString(9);
            return MapRun(row);
        }, run.ToString()) is not { } facts)
        {
            return null;
        }

        var known = new Dictionary<FingerprintKey, BaselineMark>();
        facts = WithDetails(session, facts, package!, known);
        var hasBaseline = session.Number(HasBaselineSql, package) != 0;
        var needsContributions = scope.WithContributions || (facts.IsCounted && !facts.IsConclusive);
        var candidates = hasBaseline || scope.MinRuns <= 1 || !facts.IsConclusive || !PackageBasis.IsPackage(package!) ? [] : session
            .Rows(CandidatesSql, row => row.GetString(0), package, run.ToString(), scope.MinRuns - 1)
            .Select(id => WithDetails(session, session.First(RunSql, MapRun, id)!, package!, known)).ToList();
        return new PackageBasis
        {
            Package = package!,
            Run = facts,
            Known = known,
            HasBaseline = hasBaseline,
            HasOldRules = hasBaseline && session.Number(HasOldRulesSql, package, PathRules.Version) != 0,
            HasOthers = hasBaseline && session.Number(HasOthersSql, package, run.ToString()) != 0,
            Contributions = needsContributions ? session.Rows(ContributionsSql, MapContribution, package, run.ToString()) : [],
            Candidates = candidates,
            Allow = session.Rows(AllowSql, MapAllow, package),
        };
    });

    /// <inheritdoc/>
    public Task<bool> SaveAsync(PackageChange change, IReadOnlyList<RunId> due)
    {
        ArgumentNullException.ThrowIfNull(change);
        ArgumentNullException.ThrowIfNull(due);
        return writer.WriteAsync(session =>
        {
            if (change.Runs.Any(run => !IsUnchanged(session, run.Before))) return false;
            if (!session.Rows(AllowSql, MapAllow, change.Basis.Package).SequenceEqual(change.Basis.Allow)) return false;
            var now = StorageText.Time(clock.GetUtcNow());
            SaveBaseline(session, change);
            foreach (var run in change.Runs) SaveRun(session, change, run, now);
            if (change.Audit is { } audit) AddAudit(session, audit, now);
            foreach (var run in due) session.Execute(RunStore.DueSql, run.ToString());
            return true;
        });
    }

    /// <inheritdoc/>
    public Task UpgradeBaselineAsync(string package) => writer.WriteAsync(session => BaselineRewrite.Run(session, package));

    /// <inheritdoc/>
    public Task<PackageRun?> FindRunAsync(RunId run) =>
        FindAsync("SELECT id, package_name FROM runs WHERE id = @p0", run.ToString());

    /// <inheritdoc/>
    public Task<PackageRun?> FindDeviationAsync(string deviationId) =>
        FindAsync("SELECT r.id, r.package_name FROM deviations d JOIN runs r ON r.id = d.run_id WHERE d.id = @p0", deviationId);

    /// <inheritdoc/>
    public Task<IReadOnlyList<PackageRun>> DueAsync(string? package, RunId after, int limit) =>
        ListAsync("Runs to be judged", DueRunsSql, package, after.ToString(), limit);

    /// <inheritdoc/>
    public Task<IReadOnlyList<PackageRun>> WaitingAsync(string? package) => ListAsync("Runs that wait", WaitingSql, package);

    /// <inheritdoc/>
    public Task<IReadOnlyList<PackageRun>> HiddenByAsync(string allowId) =>
        ListAsync("Histories", HiddenBySql, HiddenDetail(allowId) + "%");

    /// <inheritdoc/>
    public Task<StoredAllowEntry?> FindAllowAsync(string id) => ReadAsync("The allow list", session => session.First(FindAllowSql, MapAllow, id));

    /// <inheritdoc/>
    public Task<StoredAllowEntry?> FindAllowAsync(AllowEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return ReadAsync("The allow list", session => session.First(FindEqualAllowSql, MapAllow, entry.PackageName, entry.Kind, entry.Value));
    }

    /// <inheritdoc/>
    public Task<bool> AddAllowAsync(NewAllowEntry entry, AuditEntry audit, IReadOnlyList<AffectedRun> affected)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return writer.WriteAsync(session =>
        {
            var expires = entry.ExpiresAt is { } end ? StorageText.Time(end) : null;
            var (kind, value, package) = entry.Entry;
            if (session.Execute(AddAllowSql, entry.Id, package, kind, value, entry.Note, StorageText.Time(entry.CreatedAt), expires, entry.CreatedBy) == 0) return false;
            SaveAllowChange(session, entry.Id, audit, affected, "hides");
            return true;
        });
    }

    /// <inheritdoc/>
    public Task<bool> RemoveAllowAsync(string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected) => writer.WriteAsync(session =>
    {
        if (session.Execute(RemoveAllowSql, id) == 0) return false;
        SaveAllowChange(session, id, audit, affected, "is gone and had hidden");
        return true;
    });

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoredAllowEntry>> ExpiredAllowAsync(DateTimeOffset now) =>
        ReadAsync<IReadOnlyList<StoredAllowEntry>>("The allow list", session => session.Rows(ExpiredAllowSql, MapAllow, StorageText.Time(now)));

    /// <inheritdoc/>
    public Task<bool> ExpireAllowAsync(string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected) => writer.WriteAsync(session =>
    {
        if (session.Execute(ExpireAllowSql, id) == 0) return false;
        SaveAllowChange(session, id, audit, affected, "has expired and had hidden");
        return true;
    });

    /// <inheritdoc/>
    public Task<long?> ReadEventsAsync(RunId run, Action<IReadOnlyList<StoredEvent>> visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        return ReadAsync<long?>($"Events of run {run}", session =>
        {
            if (session.Number(IsPrunedSql, run.ToString()) is not null) return null;
            var batches = session.Rows(BatchesSql, row => (First: row.GetInt64(0), Events: row.GetInt64(1)), run.ToString());
            if (batches.Count == 0) return ReadUpstreamEvents(session, run, visit);
            var events = new List<StoredEvent>();
            foreach (var (first, count) in batches)
            {
                if (count == 0) continue; // beyond the limit of a run
                var part = session.Rows(EventRangeSql, MapEvent, first, first + count - 1, run.ToString());
                if (part.Count != count) return null;
                events.AddRange(part);
                if (events.Count < EventsPerVisit) continue;
                visit(events);
                events.Clear();
            }

            if (events.Count > 0) visit(events);
            return batches.Count;
        });
    }

    /// <inheritdoc/>
    public Task<bool> ReplaceFingerprintsAsync(RunId run, Recomputed recomputed, AuditEntry audit)
    {
        ArgumentNullException.ThrowIfNull(recomputed);
        ArgumentNullException.ThrowIfNull(audit);
        return writer.WriteAsync(session =>
        {
            var id = run.ToString();
            if (session.Number(BatchCountSql, id) != recomputed.Batches) return false;
            session.Execute(ClearFingerprintsSql, id);
            foreach (var (fingerprint, tally) in recomputed.Fingerprints)
            {
                session.Execute(InsertFingerprintSql, id, fingerprint.Category, fingerprint.Value, fingerprint.Role, fingerprint.Phase,
                    tally.Count, tally.FirstEvent, tally.FirstKtimeNs, (int)tally.Tags);
            }

            session.Execute(SetSawExecSql, id, recomputed.SawExec ? 1 : 0);
            session.Execute(RunStore.AssessSql, id);
            session.Execute(RunStore.DueSql, id);
            var now = StorageText.Time(clock.GetUtcNow());
            AddAudit(session, audit, now);
            var words = $"{audit.Actor}: {recomputed.Fingerprints.Count} fingerprints computed again from the events";
            session.Execute(HistorySql, id, now, DecisionAction.Reanalyze, Clean(words));
            return true;
        });
    }

    private static long? ReadUpstreamEvents(StoreSession session, RunId run, Action<IReadOnlyList<StoredEvent>> visit)
    {
        var last = 0L;
        while (true)
        {
            var part = session.Rows(UpstreamEventsSql, MapEvent, run.ToString(), last, EventsPerVisit);
            if (part.Count == 0) return 0;
            visit(part);
            last = part[^1].Id;
        }
    }

    private static JudgedRun WithDetails(StoreSession session, JudgedRun run, string package, Dictionary<FingerprintKey, BaselineMark> known)
    {
        var id = run.Id.ToString();
        var parts = session.Rows(FingerprintsSql, row =>
        {
            var fingerprint = new Fingerprint(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3));
            AddMark(known, new FingerprintKey(fingerprint.Category, fingerprint.Value), row, 8);
            return (fingerprint, new FingerprintTally(row.GetInt64(4), row.GetInt64(5), row.GetInt64(6), (EventTags)row.GetInt64(7)));
        }, id, package);
        var deviations = session.Rows(DeviationsSql, row =>
        {
            var deviation = MapDeviation(row);
            if (!deviation.IsSummary) AddMark(known, deviation.Key, row, 14);
            return deviation;
        }, id, package);
        return run with { Fingerprints = RunFingerprint.Merge(parts), Deviations = deviations };
    }

    private static void AddMark(Dictionary<FingerprintKey, BaselineMark> known, FingerprintKey key, StoreRow row, int column)
    {
        if (!row.IsDBNull(column)) known[key] = new BaselineMark(row.GetString(column), row.GetString(column + 1), row.GetInt64(column + 2));
    }

    // What was computed from something that is not so any more must not be stored.
    private static bool IsUnchanged(StoreSession session, JudgedRun run) => session.First(StateSql, row =>
        row.GetString(0) == run.State && row.GetInt64(1) != 0 == run.IsConclusive && row.GetInt64(2) != 0 == run.IsInBaseline
        && row.GetString(3) == run.BaselineBy && row.GetInt64(4) == run.Batches ? run : null!, run.Id.ToString()) is not null;

    private static void SaveBaseline(StoreSession session, PackageChange change)
    {
        var package = change.Basis.Package;
        foreach (var (category, value) in change.Forgotten) session.Execute(ForgetSql, package, category, value);
        foreach (var (key, firstSeen, lastSeen) in change.Released) session.Execute(ReleaseSql, package, key.Category, key.Value, firstSeen, lastSeen);
        foreach (var (key, firstSeen, lastSeen, count) in change.Learned)
            session.Execute(LearnSql, package, key.Category, key.Value, firstSeen.ToString(), lastSeen.ToString(), count, PathRules.Version);
    }

    private static void SaveRun(StoreSession session, PackageChange change, RunChange run, string now)
    {
        var (id, before) = (run.Before.Id.ToString(), run.Before);
        if (run.IsCounted != before.IsCounted) session.Execute(run.IsCounted ? CountRunSql : UncountRunSql, change.Basis.Package, id);
        if ((run.IsInBaseline, run.BaselineBy) != (before.IsInBaseline, before.BaselineBy))
            session.Execute(SetBaselineSql, id, run.IsInBaseline ? 1 : 0, run.BaselineBy);
        foreach (var removed in run.Removed) session.Execute(RemoveDeviationSql, removed);
        foreach (var row in run.Updated) UpdateDeviation(session, row);
        var withoutEvidence = 0;
        foreach (var row in run.Added)
        {
            // Retention has deleted the events of an old run that nothing referred to: what cannot be shown is not claimed.
            if (session.Number(HasEventSql, row.EvidenceEventId) is null) withoutEvidence++;
            else AddDeviation(session, id, row, now);
        }

        if (run.Added.Count > withoutEvidence) NotificationOutbox.Enqueue(session, id, now);
        if (withoutEvidence > 0 && run.IsNews)
            session.Execute(HistorySql, id, now, "evidence deleted", $"{withoutEvidence} deviations are not shown: retention has deleted their events; scan the version again");
        if (change.IsAnalysis) session.Execute(JudgedSql, id, now, PathRules.Version);
        // A look that finds everything as it was is no event.
        if (run.Event.Length > 0 && (!change.IsAnalysis || run.IsNews || before.State == RunStates.Analyzed))
            session.Execute(HistorySql, id, now, run.Event, Clean(run.Detail));
        if (change.IsAnalysis && before.State == RunStates.Analyzed) session.Execute(HistorySql, id, now, RunStates.Done, "");
    }

    private static void AddDeviation(StoreSession session, string run, Deviation row, string now) => session.Execute(
        AddDeviationSql, row.Id, run, row.Key.Category, row.Key.Value, row.EvidenceEventId, row.Severity, now, row.Status, row.IsCredential ? 1 : 0,
        row.Role, row.Phase, row.Count, row.IsSummary ? 1 : 0);

    private static void UpdateDeviation(StoreSession session, Deviation row) => session.Execute(
        UpdateDeviationSql, row.Id, row.Key.Value, row.EvidenceEventId, row.Severity, row.Status, row.IsCredential ? 1 : 0, row.Role, row.Phase,
        row.Count, row.DecidedBy, row.DecidedAt is { } at ? StorageText.Time(at) : null, Clean(row.DecisionNote));

    /// <inheritdoc/>
    public Task AddAuditAsync(AuditEntry audit)
    {
        ArgumentNullException.ThrowIfNull(audit);
        var now = StorageText.Time(clock.GetUtcNow());
        return writer.WriteAsync(session =>
        {
            AddAudit(session, audit, now);
            return true;
        });
    }

    private static void AddAudit(StoreSession session, AuditEntry audit, string now) =>
        session.Execute(AuditSql, now, Clean(audit.Actor), audit.Action, audit.Subject, audit.Detail);

    internal static string HiddenDetail(string allowId, string what = "hides") => $"entry {allowId} {what} ";

    private void SaveAllowChange(StoreSession session, string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected, string what)
    {
        var now = StorageText.Time(clock.GetUtcNow());
        AddAudit(session, audit, now);
        foreach (var run in affected)
        {
            session.Execute(HistorySql, run.RunId.ToString(), now, HiddenWhat, $"{HiddenDetail(id, what)}{run.Deviations} deviations");
            session.Execute(RunStore.DueSql, run.RunId.ToString());
        }
    }

    private Task<PackageRun?> FindAsync(string sql, string id) => ReadAsync<PackageRun?>("The run", session =>
    {
        var rows = session.Rows(sql, MapPackageRun, id);
        return rows.Count > 0 ? rows[0] : null;
    });

    private Task<IReadOnlyList<PackageRun>> ListAsync(string what, string sql, params object?[] values) =>
        ReadAsync<IReadOnlyList<PackageRun>>(what, session => session.Rows(sql, MapPackageRun, values));

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
        catch (DbException e)
        {
            throw new StorageException($"{what} cannot be read: {e.Message}", e);
        }
        catch (FormatException e)
        {
            throw new StorageException($"{what} cannot be read: {e.Message}", e);
        }
    });

    private static string Clean(string text) => text.Replace('\0', '\u2400');

    private static PackageRun MapPackageRun(StoreRow row) => new(RunId.Parse(row.GetString(0)), row.GetString(1));

    private static JudgedRun MapRun(StoreRow row) => new()
    {
        Id = RunId.Parse(row.GetString(0)),
        State = row.GetString(1),
        IsConclusive = row.GetInt64(2) != 0,
        InconclusiveReason = row.GetString(3),
        IsInBaseline = row.GetInt64(4) != 0,
        BaselineBy = row.GetString(5),
        IsAnalysed = row.GetInt64(6) != 0,
        IsCounted = row.GetInt64(7) != 0,
        Batches = row.GetInt64(8),
    };

    private static Deviation MapDeviation(StoreRow row) => new()
    {
        Id = row.GetString(0),
        Key = new FingerprintKey(row.GetString(1), row.GetString(2)),
        Status = row.GetString(3),
        Severity = row.GetString(4),
        EvidenceEventId = row.GetInt64(5),
        IsCredential = row.GetInt64(6) != 0,
        Role = row.GetString(7),
        Phase = row.GetString(8),
        Count = row.GetInt64(9),
        IsSummary = row.GetInt64(10) != 0,
        DecidedBy = row.GetString(11),
        DecidedAt = row.IsDBNull(12) ? null : StorageText.ParseTime(row.GetString(12)),
        DecisionNote = row.GetString(13),
    };

    private static Contribution MapContribution(StoreRow row) => new(
        new FingerprintKey(row.GetString(0), row.GetString(1)),
        new BaselineMark(row.GetString(2), row.GetString(3), row.GetInt64(4)),
        row.IsDBNull(5) ? null : row.GetString(5),
        row.IsDBNull(6) ? null : row.GetString(6));

    private static StoredAllowEntry MapAllow(StoreRow row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3),
        row.IsDBNull(4) ? null : StorageText.ParseTime(row.GetString(4)));

    private static StoredEvent MapEvent(StoreRow row) =>
        new(row.GetInt64(0), EventType.NumberOf(row.GetString(1)), Encoding.UTF8.GetBytes(row.GetString(2)));
}
