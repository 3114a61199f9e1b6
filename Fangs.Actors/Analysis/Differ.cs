namespace Fangs.Actors.Analysis;

/// <summary>
/// Judges a run: what did it do that its package never did before? Pure. Judging again what has not changed changes nothing, and where events
/// came late the result is the one that judging once, at the end, would have had.
/// </summary>
public static class Differ
{
    /// <summary>Deviations of one category that a run can have with a row each; one more row stands for the rest.</summary>
    public const int CategoryLimit = 200;

    /// <summary>Judges the run of a basis.</summary>
    /// <param name="basis">What is known.</param>
    /// <param name="filter">What is declared to be noise.</param>
    /// <param name="minRuns">How many conclusive runs must agree to become a baseline.</param>
    /// <param name="newId">Makes ids of deviations.</param>
    public static PackageChange Judge(PackageBasis basis, AllowFilter filter, int minRuns, Func<string> newId)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(newId);
        var shown = filter.Apply(basis.Run.Fingerprints);
        var change = basis switch
        {
            _ when IsOfUpstream(basis.Run) => Left(basis),
            { HasPackage: false } => Alone(basis, RunChange.None(basis.Run) with { IsInBaseline = false, BaselineBy = BaselineBy.None }, [], newId),
            { Run.IsConclusive: false } => Inconclusive(basis, shown, newId),
            { HasBaseline: false } => First(basis, shown, filter, minRuns, newId),
            _ when IsSoleSeed(basis) => Seed(basis, shown, newId),
            _ => Compare(basis, shown, newId),
        };
        return change with { IsAnalysis = true };
    }

    /// <summary>What would be a deviation of the run under a filter, decided or not; empty while nothing is there to compare it with.</summary>
    public static IReadOnlyList<RunFingerprint> Novel(PackageBasis basis, AllowFilter filter)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(filter);
        return !basis.HasPackage || !basis.HasBaseline ? [] : [.. filter.Apply(basis.Run.Fingerprints).Where(f => !basis.Known.ContainsKey(f.Key))];
    }

    /// <summary>Takes a run's part out of the baseline: what only it has shown is forgotten, the rest is counted once less.</summary>
    internal static (IReadOnlyList<FingerprintKey> Forgotten, IReadOnlyList<Released> Released) Withdraw(PackageBasis basis)
    {
        var (forgotten, released) = (new List<FingerprintKey>(), new List<Released>());
        var run = basis.Run.Id.ToString();
        foreach (var part in basis.Contributions)
        {
            var (first, last) = (part.Mark.FirstSeen, part.Mark.LastSeen);
            if (first == run) first = part.EarlierOther;
            if (first is null) forgotten.Add(part.Key);
            else released.Add(new Released(part.Key, first, last == run ? part.LaterOther ?? first : last));
        }

        return (forgotten, released);
    }

    // Our runs have batches wherever they have anything.
    private static bool IsOfUpstream(JudgedRun run) => run is { Batches: 0, Fingerprints.Count: 0 } && (run.IsInBaseline || run.Deviations.Count > 0);

    // Upstream has kept what was new; what else the run did is only in its events, until they are read again. Its findings are all there
    // is to judge it by, and only those go that became known.
    private static PackageChange Left(PackageBasis basis)
    {
        var run = RunChange.None(basis.Run);
        var removed = basis.Run.Deviations.Where(row => row.Status == DeviationStatus.Open && basis.Known.ContainsKey(row.Key)).Select(row => row.Id).ToList();
        run = run with { Removed = removed, Open = run.Open - removed.Count, Event = "analysed" };
        return new PackageChange { Basis = basis, Runs = [run with { Detail = Words(run) }] };
    }

    private static bool IsSoleSeed(PackageBasis basis) =>
        basis.Run is { IsInBaseline: true, IsCounted: true, BaselineBy: BaselineBy.Auto } && !basis.HasOthers;

    private static HashSet<FingerprintKey> Rejected(JudgedRun run) =>
        [.. run.Deviations.Where(row => row.Status == DeviationStatus.Rejected && !row.IsSummary).Select(row => row.Key)];

    // Reports what it saw; what an earlier look had learned from it while it seemed conclusive is taken back, unless a person stands behind it.
    private static PackageChange Inconclusive(PackageBasis basis, IReadOnlyList<RunFingerprint> shown, Func<string> newId)
    {
        var run = basis.Run;
        var isManual = run is { IsInBaseline: true, BaselineBy: BaselineBy.Manual };
        var accepted = run.Deviations.Where(row => row.Status == DeviationStatus.Accepted).Select(row => row.Key).ToHashSet();
        var (forgotten, released) = run.IsCounted && !isManual ? Withdraw(basis) : ([], []);
        forgotten = [.. forgotten.Where(key => !accepted.Contains(key))];
        var gone = forgotten.ToHashSet();
        var isLeft = basis.HasBaseline && (gone.Count == 0 || basis.HasOthers || accepted.Count > 0);
        var findings = shown.Where(f => isLeft ? !basis.Known.ContainsKey(f.Key) || gone.Contains(f.Key) : f.IsCredential);
        var change = RunChange.None(run) with
        {
            IsInBaseline = isManual,
            BaselineBy = run.IsOutByHand || isManual ? run.BaselineBy : BaselineBy.None,
            IsCounted = isManual && run.IsCounted,
        };
        return Alone(basis, change, [.. findings.Select(f => new Finding(f, IsKnown: false))], newId) with { Forgotten = forgotten, Released = released };
    }

    private static PackageChange First(PackageBasis basis, IReadOnlyList<RunFingerprint> shown, AllowFilter filter, int minRuns, Func<string> newId)
    {
        var run = basis.Run;
        // Taken out by a person, or judged against a baseline that is gone: it must not slip in as the seed of the next one.
        if (run.IsOutByHand || (run.IsCounted && !run.IsInBaseline))
        {
            var open = run.Deviations.Where(row => row.Status != DeviationStatus.Accepted).ToLookup(row => row.IsSummary ? row.Key with { Value = "" } : row.Key);
            var still = shown.Where(f => f.IsCredential || open.Contains(f.Key) || open.Contains(f.Key with { Value = "" }));
            return Alone(basis, RunChange.None(run), [.. still.Select(f => new Finding(f, IsKnown: false))], newId);
        }

        if (minRuns <= 1) return Seed(basis, shown, newId);
        var agreeing = basis.Candidates.Take(minRuns - 1).ToList();
        return agreeing.Count < minRuns - 1 ? Wait(basis, shown, agreeing.Count + 1, minRuns, newId) : SeedTogether(basis, shown, agreeing, filter, newId);
    }

    private static PackageChange Wait(PackageBasis basis, IReadOnlyList<RunFingerprint> shown, int have, int need, Func<string> newId)
    {
        var change = RunChange.None(basis.Run) with { IsInBaseline = false, BaselineBy = BaselineBy.None, IsCounted = false };
        var result = Alone(basis, change, Notes(shown), newId);
        return result with { Runs = [result.Run with { Detail = $"conclusive run {have} of the {need} that must agree to become the baseline" }] };
    }

    // Also for a run that has seeded alone and shows more now: everything that the first run does is the seed, whenever its events came in.
    private static PackageChange Seed(PackageBasis basis, IReadOnlyList<RunFingerprint> shown, Func<string> newId)
    {
        var run = basis.Run;
        var rejected = Rejected(run);
        var seed = shown.Where(f => !rejected.Contains(f.Key)).ToList();
        var change = RunChange.None(run) with { IsInBaseline = true, BaselineBy = BaselineBy.Auto, IsCounted = true };
        List<Finding> findings = [.. Notes(seed), .. shown.Where(f => rejected.Contains(f.Key)).Select(f => new Finding(f, IsKnown: false))];
        var result = Alone(basis, change, findings, newId) with
        {
            Learned = [.. seed.Where(f => !basis.Known.ContainsKey(f.Key)).Select(f => new Learned(f.Key, run.Id, run.Id, 1))],
        };
        return result with { Runs = [result.Run with { Detail = $"seeds the baseline with {seed.Count} values" }] };
    }

    // What all of them have shown is the baseline. The rest is for a person to decide, in the runs that have it.
    private static PackageChange SeedTogether(
        PackageBasis basis, IReadOnlyList<RunFingerprint> shown, List<JudgedRun> candidates, AllowFilter filter, Func<string> newId)
    {
        List<(JudgedRun Run, IReadOnlyList<RunFingerprint> Shown)> runs =
            [(basis.Run, shown), .. candidates.Select(candidate => (candidate, filter.Apply(candidate.Fingerprints)))];
        var common = runs[0].Shown.Select(f => f.Key).ToHashSet();
        foreach (var (run, seen) in runs)
        {
            common.IntersectWith(seen.Select(f => f.Key));
            common.ExceptWith(Rejected(run));
        }

        var changes = runs.Select(entry =>
        {
            var novel = entry.Shown.Where(f => !common.Contains(f.Key)).Select(f => new Finding(f, IsKnown: false)).ToList();
            var isWhole = novel.Count == 0;
            var change = RunChange.None(entry.Run) with { IsInBaseline = isWhole, BaselineBy = isWhole ? BaselineBy.Auto : BaselineBy.None, IsCounted = true };
            var result = DeviationRows.Reconcile(change, [.. novel, .. Notes(entry.Shown.Where(f => common.Contains(f.Key)))], newId);
            var words = $"seeds the baseline with the {common.Count} values that {runs.Count} runs agree on; {Words(result)}";
            return result with { Event = "analysed", Detail = words };
        }).ToList();
        var first = candidates[0].Id;
        return new PackageChange
        {
            Basis = basis,
            Runs = changes,
            Learned = [.. runs[0].Shown.Where(f => common.Contains(f.Key)).Select(f => new Learned(f.Key, first, basis.Run.Id, runs.Count))],
        };
    }

    private static PackageChange Compare(PackageBasis basis, IReadOnlyList<RunFingerprint> shown, Func<string> newId)
    {
        var run = basis.Run;
        var notes = run.Deviations.Where(row => row.Status != DeviationStatus.Open).ToLookup(row => row.IsSummary ? row.Key with { Value = "" } : row.Key);
        var novel = shown.Where(f => !basis.Known.ContainsKey(f.Key)).ToList();
        var known = shown.Where(f => basis.Known.ContainsKey(f.Key)).ToList();
        List<Finding> findings =
        [
            .. novel.Select(f => new Finding(f, IsKnown: false)),
            // A run that has put a credential access into the baseline goes on saying so.
            .. known.Where(f => f.IsCredential && IsNote(f.Key)).Select(f => new Finding(f, IsKnown: true)),
        ];
        var isManual = run.BaselineBy == BaselineBy.Manual;
        var joins = isManual ? run.IsInBaseline : novel.Count == 0;
        var counts = !run.IsCounted && !run.IsOutByHand;
        // Counted already, but not for what was new then and has become known through another run.
        var openBefore = run.IsCounted ? run.Deviations.Where(row => row.Status == DeviationStatus.Open).Select(row => row.Key).ToHashSet() : [];
        var change = RunChange.None(run) with
        {
            IsInBaseline = joins,
            BaselineBy = isManual ? BaselineBy.Manual : joins ? BaselineBy.Auto : BaselineBy.None,
            IsCounted = run.IsCounted || counts,
        };
        return Alone(basis, change, findings, newId) with
        {
            Learned = [.. known.Where(f => counts || openBefore.Contains(f.Key)).Select(f => new Learned(f.Key, run.Id, run.Id, 1))],
        };

        bool IsNote(FingerprintKey key) =>
            notes.Contains(key) || notes[key with { Value = "" }].Any(row => row.Status == DeviationStatus.Note);
    }

    private static List<Finding> Notes(IEnumerable<RunFingerprint> shown) =>
        [.. shown.Where(f => f.IsCredential).Select(f => new Finding(f, IsKnown: true))];

    private static PackageChange Alone(PackageBasis basis, RunChange change, IReadOnlyList<Finding> findings, Func<string> newId)
    {
        var run = DeviationRows.Reconcile(change, findings, newId);
        return new PackageChange { Basis = basis, Runs = [run with { Event = "analysed", Detail = Words(run) }] };
    }

    private static string Words(RunChange run)
    {
        var deviations = run.Open switch { 0 => "no open deviation", 1 => "1 open deviation", var open => $"{open} open deviations" };
        if (!run.Before.IsConclusive) return $"inconclusive, {deviations}";
        return run.IsInBaseline ? $"{deviations}, in the baseline" : deviations;
    }
}
