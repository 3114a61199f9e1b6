namespace Fangs.Actors.Analysis;

/// <summary>A behaviour that is to be shown as a deviation.</summary>
/// <param name="Fingerprint">The behaviour.</param>
/// <param name="IsKnown">True for one that the baseline knows: it is a note, not a deviation.</param>
internal readonly record struct Finding(RunFingerprint Fingerprint, bool IsKnown)
{
    internal string Status => IsKnown ? DeviationStatus.Note : DeviationStatus.Open;
}

/// <summary>Brings the stored deviations of a run in line with what was found, keeping rows and decisions wherever it can.</summary>
internal static class DeviationRows
{
    /// <summary>Computes which rows come, change and go.</summary>
    /// <param name="change">Where the result goes.</param>
    /// <param name="findings">What is to be shown, each key once.</param>
    /// <param name="newId">Makes ids.</param>
    internal static RunChange Reconcile(RunChange change, IReadOnlyList<Finding> findings, Func<string> newId)
    {
        var rows = change.Before.Deviations;
        var stored = new Dictionary<FingerprintKey, Deviation>();
        // Upstream may have stored a pair twice; the row with a decision is the one to keep.
        foreach (var row in rows.Where(row => !row.IsSummary).OrderByDescending(row => DeviationStatus.IsDecided(row.Status))) stored.TryAdd(row.Key, row);
        var (added, updated) = (new List<Deviation>(), new List<Deviation>());
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var category in findings.GroupBy(finding => finding.Fingerprint.Key.Category, StringComparer.Ordinal))
        {
            var withRow = category.Where(f => stored.ContainsKey(f.Fingerprint.Key)).ToList();
            foreach (var finding in withRow) Keep(stored[finding.Fingerprint.Key], finding);
            var undecided = withRow.Count(f => !DeviationStatus.IsDecided(stored[f.Fingerprint.Key].Status));
            var without = ByWeight(category.Where(f => !stored.ContainsKey(f.Fingerprint.Key)));
            var room = Math.Max(0, Differ.CategoryLimit - undecided);
            added.AddRange(without.Take(room).Select(finding => Row(newId(), finding)));
            Summarise(category.Key, without.Skip(room).ToList());
        }

        var removed = rows.Where(row => !kept.Contains(row.Id) && !DeviationStatus.IsDecided(row.Status)).Select(row => row.Id).ToList();
        var replaced = removed.Concat(updated.Select(row => row.Id)).ToHashSet(StringComparer.Ordinal);
        var now = rows.Where(row => !replaced.Contains(row.Id)).Concat(updated).Concat(added);
        return change with { Added = added, Updated = updated, Removed = removed, Open = now.Count(row => row.Status == DeviationStatus.Open) };

        void Keep(Deviation row, Finding finding)
        {
            kept.Add(row.Id);
            var fresh = Row(row.Id, finding);
            var merged = DeviationStatus.IsDecided(row.Status)
                ? fresh with { Status = row.Status, DecidedBy = row.DecidedBy, DecidedAt = row.DecidedAt, DecisionNote = row.DecisionNote }
                : fresh;
            if (merged != row) updated.Add(merged);
        }

        void Summarise(string category, List<Finding> rest)
        {
            var row = rows.FirstOrDefault(r => r.IsSummary && r.Key.Category == category);
            if (rest.Count == 0) return;
            if (row is null)
            {
                added.Add(Summary(newId(), category, rest));
                return;
            }

            kept.Add(row.Id);
            var fresh = Summary(row.Id, category, rest);
            // Who decided about some values has not decided about more.
            if (DeviationStatus.IsDecided(row.Status) && rest.Count <= row.SummaryCount) return;
            if (fresh != row) updated.Add(fresh);
        }
    }

    /// <summary>Those without a row of their own: what the summary row of a category stands for.</summary>
    internal static IEnumerable<RunFingerprint> BehindSummary(JudgedRun run, string category, IEnumerable<RunFingerprint> novel)
    {
        var withRow = run.Deviations.Where(row => !row.IsSummary).Select(row => row.Key).ToHashSet();
        return novel.Where(f => f.Key.Category == category && !withRow.Contains(f.Key));
    }

    private static List<Finding> ByWeight(IEnumerable<Finding> findings) =>
    [
        .. findings.OrderByDescending(f => f.Fingerprint.IsCredential).ThenBy(f => f.Fingerprint.Tally.FirstKtimeNs)
            .ThenBy(f => f.Fingerprint.Tally.FirstEvent).ThenBy(f => f.Fingerprint.Key.Value, StringComparer.Ordinal),
    ];

    private static Deviation Row(string id, Finding finding)
    {
        var fingerprint = finding.Fingerprint;
        return new Deviation
        {
            Id = id,
            Key = fingerprint.Key,
            Status = finding.Status,
            Severity = fingerprint.Severity,
            EvidenceEventId = fingerprint.Tally.FirstEvent,
            IsCredential = fingerprint.IsCredential,
            Role = fingerprint.Role,
            Phase = fingerprint.Phase,
            Count = fingerprint.Tally.Count,
        };
    }

    private static Deviation Summary(string id, string category, List<Finding> rest)
    {
        var first = rest.MinBy(f => (f.Fingerprint.Tally.FirstKtimeNs, f.Fingerprint.Tally.FirstEvent));
        return Row(id, first) with
        {
            Key = new FingerprintKey(category, Deviation.SummaryValue(rest.Count)),
            Status = rest.TrueForAll(f => f.IsKnown) ? DeviationStatus.Note : DeviationStatus.Open,
            Severity = Severity.Highest(rest.Select(f => f.Fingerprint.Severity))!,
            IsCredential = rest.Exists(f => f.Fingerprint.IsCredential),
            Count = rest.Sum(f => f.Fingerprint.Tally.Count),
            IsSummary = true,
        };
    }
}
