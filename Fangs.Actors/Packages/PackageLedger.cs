using System.Security.Cryptography;
using Fangs.Actors.Analysis;
using Fangs.Actors.Ingest;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>How a run stands after it was judged.</summary>
/// <param name="Run">The run.</param>
/// <param name="Package">Its package; empty for none.</param>
/// <param name="IsConclusive">Whether it could be judged in full.</param>
/// <param name="IsInBaseline">Whether it is in the baseline.</param>
/// <param name="Open">Deviations that wait for a decision.</param>
public sealed record RunVerdict(RunId Run, string Package, bool IsConclusive, bool IsInBaseline, int Open)
{
    /// <summary>Ids of entries of the allow list that did not count because they are malformed or would hide everything.</summary>
    public IReadOnlyList<string> UnusableEntries { get; init; } = [];
}

/// <summary>
/// The one way in which runs are judged and operators decide: reads what the pure functions of <see cref="Analysis"/> need, calls them, and
/// stores what comes out in one transaction.
/// </summary>
/// <remarks>
/// One package at a time must have one caller: in the orchestrator its <see cref="PackageActor"/>, otherwise whoever holds the lock of the
/// database. Batches and changes of the allow list may come in at any time; what was computed without them is computed again.
/// </remarks>
public sealed class PackageLedger
{
    private const int Attempts = 8;

    private readonly IAnalysisStore _store;
    private readonly AnalysisSettings _settings;
    private readonly TimeProvider _clock;
    private readonly BatchPreparer _preparer = new();

    /// <summary>Works on a store.</summary>
    public PackageLedger(IAnalysisStore store, AnalysisSettings settings, TimeProvider clock) => (_store, _settings, _clock) = (store, settings, clock);

    /// <summary>Told of every change that has been stored; for metrics.</summary>
    public Action<PackageChange>? Saved { get; init; }

    /// <summary>Judges a run that has ended. Again changes nothing, unless something has come in.</summary>
    /// <returns>The verdict; null when there is no such run or it has not ended.</returns>
    /// <exception cref="StorageException">The store fails, or the allow list cannot be read; nothing was changed.</exception>
    public async Task<RunVerdict?> AnalyseAsync(RunId run)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await LoadAsync(run) is not { } basis || !RunStates.HasEnded(basis.Run.State)) return null;
            var filter = FilterFor(basis);
            var change = Differ.Judge(basis, filter, _settings.MinRuns, NewId);
            if (!await SaveAsync(change, [])) continue;
            return new RunVerdict(run, basis.Package, basis.Run.IsConclusive, change.Run.IsInBaseline, change.Run.Open)
            {
                UnusableEntries = [.. filter.Unusable.Select(entry => entry.Id)],
            };
        }

        throw new StorageException($"Run {run} changes faster than it can be judged.");
    }

    /// <summary>Carries out what an operator has decided, and judges again the runs that it may concern.</summary>
    /// <exception cref="StorageException">The store fails. Either nothing was changed, or only runs that are to be judged again have not been.</exception>
    public async Task<DecisionOutcome> DecideAsync(DecisionRequest request)
    {
        if (DecisionRules.Check(request) is { } fault) return fault;
        switch (request.Action)
        {
            case DecisionAction.AllowAdd when request.DryRun:
            case DecisionAction.AllowRemove when request.DryRun:
                return await PreviewAllowAsync(request);
            case DecisionAction.AllowAdd:
            case DecisionAction.AllowRemove:
                var (outcome, change) = await ChangeAllowAsync(request);
                if (change is null) return outcome;
                foreach (var run in change.Runs) await AnalyseAsync(run.RunId);
                return WithEffect(outcome, change.Runs);
            case DecisionAction.Reanalyze:
                return await ReanalyseAsync(request);
            default:
                return await DecideAboutRunAsync(request);
        }
    }

    /// <summary>The package whose mailbox a decision has to go through.</summary>
    /// <returns>The package, empty for a run without one; null for the allow list as a whole; or why there is none.</returns>
    public async Task<(string? Package, DecisionOutcome? Fault)> LocateAsync(DecisionRequest request)
    {
        if (DecisionRules.Check(request) is { } fault) return (null, fault);
        switch (request.Action)
        {
            case DecisionAction.AllowAdd or DecisionAction.AllowRemove:
                return (null, null);
            case DecisionAction.Accept or DecisionAction.Reject:
                return await _store.FindDeviationAsync(request.DeviationId!) is { } deviation ? (deviation.Package, null) : (null, NoDeviation(request));
            default:
                return await _store.FindRunAsync(RunId.Parse(request.RunId!)) is { } run ? (run.Package, null) : (null, NoRun(request));
        }
    }

    /// <summary>Runs that have ended and wait to be judged, oldest first.</summary>
    /// <param name="after">Only runs with a greater id.</param>
    /// <param name="limit">At most this many.</param>
    public Task<IReadOnlyList<PackageRun>> DueAsync(RunId after, int limit) => _store.DueAsync(null, after, limit);

    /// <summary>Runs of a package that have ended and wait to be judged, oldest first.</summary>
    public Task<IReadOnlyList<PackageRun>> DueOfAsync(string package, int limit) => _store.DueAsync(package, default, limit);

    /// <summary>Adds or removes an entry of the allow list; the runs that it may concern are marked, and have to be judged again by their packages.</summary>
    /// <returns>The answer as far as it is known, and the change; no change when nothing was stored.</returns>
    public async Task<(DecisionOutcome Outcome, AllowChange? Change)> ChangeAllowAsync(DecisionRequest request)
    {
        if (DecisionRules.Check(request) is { } fault) return (fault, null);
        var by = ContextOf(request);
        if (request.Action == DecisionAction.AllowRemove)
        {
            var (gone, missing) = await FindRemovableAsync(request);
            if (gone is null) return (missing!, null);
            var shown = await AffectedByAsync(gone, request.Action);
            var line = Decisions.Audit(by, DecisionAction.AllowRemove, gone.Id, ("kind", gone.Kind), ("value", gone.Value), ("package", gone.PackageName));
            return await _store.RemoveAllowAsync(gone.Id, line, shown)
                ? (DecisionOutcome.Done(AnswerFor(request, gone)), new AllowChange(request.Action, gone, shown))
                : (NoEntry(request), null);
        }

        var entry = NewEntry(request, by);
        var stored = new StoredAllowEntry(entry.Id, entry.Entry.Kind, entry.Entry.Value, entry.Entry.PackageName, entry.ExpiresAt);
        var hidden = await AffectedByAsync(stored, DecisionAction.AllowAdd);
        var audit = Decisions.Audit(by, DecisionAction.AllowAdd, entry.Id,
            ("kind", stored.Kind), ("value", stored.Value), ("package", stored.PackageName), ("expires_at", request.Allow!.ExpiresAt));
        return await _store.AddAllowAsync(entry, audit, hidden)
            ? (DecisionOutcome.Done(AnswerFor(request, stored)), new AllowChange(DecisionAction.AllowAdd, stored, hidden))
            : (await DuplicateAsync(entry.Entry), null);
    }

    /// <summary>Notes which entries of the allow list have expired, and marks the runs that these concern as if an operator had removed them.</summary>
    /// <returns>Runs to be judged again.</returns>
    /// <exception cref="StorageException">The store fails; entries before the failure are done.</exception>
    public async Task<IReadOnlyList<AffectedRun>> ExpireAllowAsync()
    {
        var runs = new List<AffectedRun>();
        var by = new DecisionContext("fangs", _clock.GetUtcNow(), "", false);
        foreach (var entry in await _store.ExpiredAllowAsync(by.At))
        {
            var shown = await AffectedByAsync(entry with { ExpiresAt = null }, DecisionAction.AllowRemove);
            var audit = Decisions.Audit(by, DecisionAction.AllowExpire, entry.Id, ("kind", entry.Kind), ("value", entry.Value), ("package", entry.PackageName));
            if (await _store.ExpireAllowAsync(entry.Id, audit, shown)) runs.AddRange(shown);
        }

        return runs;
    }

    /// <summary>The answer to a change of the allow list, with what it came to.</summary>
    public static DecisionOutcome WithEffect(DecisionOutcome outcome, IReadOnlyCollection<AffectedRun> runs)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(runs);
        return outcome with { Response = outcome.Response! with { DeviationsChanged = runs.Sum(run => run.Deviations), RunsAffected = runs.Count } };
    }

    /// <summary>What a change of the allow list would come to. Nothing is changed.</summary>
    public async Task<DecisionOutcome> PreviewAllowAsync(DecisionRequest request)
    {
        if (DecisionRules.Check(request) is { } fault) return fault;
        StoredAllowEntry entry;
        if (request.Action == DecisionAction.AllowRemove)
        {
            var (found, missing) = await FindRemovableAsync(request);
            if (found is null) return missing!;
            entry = found;
        }
        else
        {
            var wanted = NewEntry(request, ContextOf(request));
            if (await _store.FindAllowAsync(wanted.Entry) is not null) return await DuplicateAsync(wanted.Entry);
            entry = new StoredAllowEntry("", wanted.Entry.Kind, wanted.Entry.Value, wanted.Entry.PackageName, wanted.ExpiresAt);
        }

        return WithEffect(DecisionOutcome.Done(AnswerFor(request, entry)), await AffectedByAsync(entry, request.Action!));
    }

    private async Task<bool> SaveAsync(PackageChange change, IReadOnlyList<RunId> due)
    {
        if (!await _store.SaveAsync(change, due)) return false;
        Saved?.Invoke(change);
        return true;
    }

    private static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private static DecisionOutcome NoRun(DecisionRequest request) => DecisionOutcome.NotFound($"run {request.RunId} does not exist");

    private static DecisionOutcome NotEnded(JudgedRun run) => DecisionOutcome.Refused($"run {run.Id} has not ended yet ({run.State}); wait for its result");

    private static DecisionOutcome NoDeviation(DecisionRequest request) => DecisionOutcome.NotFound($"deviation {request.DeviationId} does not exist");

    private static DecisionOutcome NoEntry(DecisionRequest request) => DecisionOutcome.NotFound($"allow-list entry {request.AllowId} does not exist");

    private async Task<PackageBasis?> LoadAsync(RunId run, bool withContributions = false)
    {
        var scope = new BasisScope(_settings.MinRuns, withContributions);
        var basis = await _store.LoadAsync(run, scope);
        if (basis is not { HasOldRules: true }) return basis;
        await _store.UpgradeBaselineAsync(basis.Package);
        return await _store.LoadAsync(run, scope);
    }

    private AllowFilter FilterFor(PackageBasis basis) => AllowFilter.Create(basis.Allow, basis.Package, _clock.GetUtcNow(), _settings);

    private DecisionContext ContextOf(DecisionRequest request) =>
        new(request.By!.Trim(), _clock.GetUtcNow(), request.Note?.Replace('\0', '\u2400').Trim() ?? "", request.Force);

    private NewAllowEntry NewEntry(DecisionRequest request, DecisionContext by)
    {
        var allow = request.Allow!;
        _ = AllowEntry.TryCreate(allow.Kind, allow.Value, allow.Package, out var entry);
        DateTimeOffset? expires = allow.ExpiresAt is { } text && DecisionRules.TryParseTime(text, out var time) ? time : null;
        return new NewAllowEntry(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), entry!, by.Note, by.At, by.Actor, expires);
    }

    private async Task<DecisionOutcome> DecideAboutRunAsync(DecisionRequest request)
    {
        var isAboutRun = request.Action is DecisionAction.Promote or DecisionAction.Demote;
        var found = isAboutRun ? await _store.FindRunAsync(RunId.Parse(request.RunId!)) : await _store.FindDeviationAsync(request.DeviationId!);
        if (found is not { } run) return isAboutRun ? NoRun(request) : NoDeviation(request);
        var by = ContextOf(request);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await LoadAsync(run.RunId, withContributions: true) is not { } basis) return NoRun(request);
            if (!isAboutRun && !basis.Run.Deviations.Any(row => row.Id == request.DeviationId)) return NoDeviation(request);
            if (!RunStates.HasEnded(basis.Run.State)) return NotEnded(basis.Run);
            var result = request.Action switch
            {
                DecisionAction.Promote => Decisions.Promote(basis, FilterFor(basis), by),
                DecisionAction.Demote => Decisions.Demote(basis, by),
                DecisionAction.Accept => Decisions.Accept(basis, FilterFor(basis), request.DeviationId!, by),
                _ => Decisions.Reject(basis, request.DeviationId!, by),
            };
            if (result.Refusal is { } refusal) return DecisionOutcome.Refused(refusal);
            // What became known may close deviations of other runs.
            var waiting = result.Change is { Learned.Count: > 0 } ? await _store.WaitingAsync(basis.Package) : [];
            var others = waiting.Where(other => other.RunId != run.RunId).Select(other => other.RunId).ToList();
            if (result.Change is { } change && !await SaveAsync(change, others)) continue;
            foreach (var other in others) await AnalyseAsync(other);
            return DecisionOutcome.Done(new DecisionResponse
            {
                Action = request.Action!,
                Changed = result.Change is not null,
                RunId = run.RunId.ToString(),
                Package = basis.Package,
                DeviationId = isAboutRun ? "" : request.DeviationId!,
                FingerprintsMerged = result.Merged,
                FingerprintsRemoved = result.Removed,
                DeviationsChanged = result.DeviationsChanged,
                DeviationsOpen = result.Open,
                RunsAffected = others.Count,
            });
        }

        throw new StorageException($"Run {run.RunId} changes faster than it can be decided about.");
    }

    private async Task<DecisionOutcome> ReanalyseAsync(DecisionRequest request)
    {
        var run = RunId.Parse(request.RunId!);
        var by = ContextOf(request);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await LoadAsync(run) is not { } before) return NoRun(request);
            if (!RunStates.HasEnded(before.Run.State)) return NotEnded(before.Run);
            var replay = new EventReplay(_preparer, run);
            if (await _store.ReadEventsAsync(run, replay.Add) is not { } batches)
                return DecisionOutcome.Refused($"events of run {run} have been deleted, so its fingerprints cannot be computed again; scan again instead");
            var audit = Decisions.Audit(by, DecisionAction.Reanalyze, run.ToString(),
                ("package", before.Package), ("events", replay.Events), ("fingerprints", replay.Fingerprints.Count));
            if (!await _store.ReplaceFingerprintsAsync(run, new Recomputed(replay.Fingerprints, replay.SawExec, batches), audit)) continue;
            await AnalyseAsync(run);
            var after = (await LoadAsync(run))!;
            var (was, now) = (before.Run.Deviations.ToDictionary(row => row.Id), after.Run.Deviations.ToDictionary(row => row.Id));
            var changed = was.Keys.Union(now.Keys).Count(id => was.GetValueOrDefault(id) != now.GetValueOrDefault(id));
            return DecisionOutcome.Done(new DecisionResponse
            {
                Action = request.Action!,
                Changed = changed > 0 || !before.Run.Fingerprints.SequenceEqual(after.Run.Fingerprints)
                    || (before.Run.IsConclusive, before.Run.IsInBaseline) != (after.Run.IsConclusive, after.Run.IsInBaseline),
                RunId = run.ToString(),
                Package = before.Package,
                FingerprintsMerged = after.Run.Fingerprints.Count(f => after.Known.ContainsKey(f.Key)),
                DeviationsChanged = changed,
                DeviationsOpen = after.Run.Deviations.Count(d => d.Status == DeviationStatus.Open),
                RunsAffected = 1,
            });
        }

        throw new StorageException($"Run {run} changes faster than it can be read.");
    }

    private async Task<(StoredAllowEntry? Entry, DecisionOutcome? Fault)> FindRemovableAsync(DecisionRequest request)
    {
        if (await _store.FindAllowAsync(request.AllowId!) is not { } entry) return (null, NoEntry(request));
        return entry.Id.StartsWith("cfg", StringComparison.Ordinal)
            ? (null, DecisionOutcome.Refused($"entry {entry.Id} belongs to the configuration file; remove it there and start the orchestrator again"))
            : (entry, null);
    }

    // A new entry can only concern runs that wait. One that goes also concerns those that do not wait any more because of it.
    private async Task<IReadOnlyList<AffectedRun>> AffectedByAsync(StoredAllowEntry entry, string action)
    {
        var waiting = await _store.WaitingAsync(entry.PackageName);
        var runs = action == DecisionAction.AllowAdd ? waiting : waiting.Concat(await _store.HiddenByAsync(entry.Id)).Distinct();
        var affected = new List<AffectedRun>();
        foreach (var run in runs)
        {
            if (await LoadAsync(run.RunId) is not { } basis) continue;
            if (CountDifference(basis, entry) is var count and > 0) affected.Add(new AffectedRun(run.RunId, run.Package, count));
        }

        return affected;
    }

    // Deviations that the entry hides of a run; those that a person has decided about stay as they are.
    private int CountDifference(PackageBasis basis, StoredAllowEntry entry)
    {
        var others = basis.Allow.Where(row => row.Id != entry.Id).ToList();
        var (package, now) = (basis.Package, _clock.GetUtcNow());
        var decided = basis.Run.Deviations.Where(row => DeviationStatus.IsDecided(row.Status)).Select(row => row.Key).ToHashSet();
        var without = AllowFilter.Create(others, package, now, _settings);
        var with = AllowFilter.Create([.. others, entry], package, now, _settings);
        var shown = Visible(basis, with);
        return Visible(basis, without).Count(key => !decided.Contains(key) && !shown.Contains(key));
    }

    private static HashSet<FingerprintKey> Visible(PackageBasis basis, AllowFilter filter)
    {
        var notes = basis.Run.Deviations.Where(row => row.Status == DeviationStatus.Note).Select(row => row.Key).ToHashSet();
        var shown = filter.Apply(basis.Run.Fingerprints).Where(f => notes.Contains(f.Key));
        return [.. Differ.Novel(basis, filter).Concat(shown).Select(f => f.Key)];
    }

    private async Task<DecisionOutcome> DuplicateAsync(AllowEntry entry)
    {
        var known = await _store.FindAllowAsync(entry);
        return DecisionOutcome.Refused($"there is an entry for {entry.Kind} {entry.Value} already ({known?.Id}); remove it first to change it");
    }

    private static DecisionResponse AnswerFor(DecisionRequest request, StoredAllowEntry entry) => new()
    {
        Action = request.Action!,
        Changed = !request.DryRun,
        AllowId = request.DryRun && request.Action == DecisionAction.AllowAdd ? "" : entry.Id,
        Package = entry.PackageName ?? "",
    };
}
