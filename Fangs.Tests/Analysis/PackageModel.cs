using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Tests.Analysis;

/// <summary>A package in memory: keeps what the store keeps and carries changes out, so that the pure functions can be tried in long sequences.</summary>
internal sealed class PackageModel
{
    private readonly SortedDictionary<RunId, ModelRun> _runs = [];
    private int _ids;

    public const string Package = "left-thing";

    public static DateTimeOffset Now { get; } = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public int MinRuns { get; init; } = 1;

    public List<StoredAllowEntry> Allow { get; init; } = [];

    public Dictionary<FingerprintKey, BaselineMark> Baseline { get; } = [];

    public JudgedRun this[int run] => Judged(_runs[Id(run)]);

    public IReadOnlyList<Deviation> Deviations(int run) => [.. _runs[Id(run)].Deviations.Values];

    public IEnumerable<(string Category, string Value, string Status)> Rows(int run) =>
        _runs[Id(run)].Deviations.Values.Select(row => (row.Key.Category, row.Key.Value, row.Status)).Order();

    public IEnumerable<string> BaselineValues => Baseline.Keys.Select(key => key.Value).Order(StringComparer.Ordinal);

    public static RunId Id(int run) => RunId.Parse(run.ToString("x32", System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>A run that has ended, or more events of one.</summary>
    public PackageModel Run(int run, bool isConclusive = true, params RunFingerprint[] did)
    {
        var id = Id(run);
        if (!_runs.TryGetValue(id, out var known)) _runs.Add(id, known = new ModelRun(id));
        known.IsConclusive = isConclusive;
        known.Parts.AddRange(did.Select(f => (new Fingerprint(f.Key.Category, f.Key.Value, f.Role, f.Phase), f.Tally)));
        known.Batches++;
        return this;
    }

    public PackageChange Judge(int run)
    {
        var basis = Basis(run);
        var change = Differ.Judge(basis, Filter(), MinRuns, NewId);
        Apply(change);
        return change;
    }

    public DecisionResult Decide(int run, Func<PackageBasis, AllowFilter, DecisionResult> decision)
    {
        var result = decision(Basis(run), Filter());
        if (result.Change is { } change) Apply(change);
        return result;
    }

    public DecisionResult Promote(int run, bool force = false) => Decide(run, (basis, filter) => Decisions.Promote(basis, filter, By(force)));

    public DecisionResult Demote(int run) => Decide(run, (basis, _) => Decisions.Demote(basis, By()));

    public DecisionResult Accept(int run, string value, bool force = false) =>
        Decide(run, (basis, filter) => Decisions.Accept(basis, filter, Row(run, value).Id, By(force)));

    public DecisionResult Reject(int run, string value) => Decide(run, (basis, _) => Decisions.Reject(basis, Row(run, value).Id, By()));

    public Deviation Row(int run, string value) => _runs[Id(run)].Deviations.Values.Single(row => row.Key.Value == value);

    /// <summary>All that is stored, in a form that can be compared. Ids of deviations are left out where they may differ.</summary>
    public string Text(bool withIds = true)
    {
        var lines = Baseline.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal).Select(pair => $"{pair.Key.Category} {pair.Key.Value} {pair.Value}")
            .Concat(_runs.Values.SelectMany(run => run.Deviations.Values.OrderBy(row => row.Key.ToString(), StringComparer.Ordinal)
                .Select(row => $"{run.Id} {(withIds ? row : row with { Id = "" })}")
                .Prepend($"{run.Id} {run.IsInBaseline} {run.BaselineBy} {run.IsCounted}")));
        return string.Join('\n', lines);
    }

    public PackageBasis Basis(int run)
    {
        var judged = this[run];
        var text = judged.Id.ToString();
        var candidates = _runs.Values.Where(r => r.Id != judged.Id && r.IsConclusive && r.IsAnalysed).Select(Judged)
            .Where(r => r.IsInBaseline || (r.BaselineBy != BaselineBy.Manual && !r.IsCounted)).Take(MinRuns - 1);
        return new PackageBasis
        {
            Package = Package,
            Run = judged,
            Known = new Dictionary<FingerprintKey, BaselineMark>(Baseline),
            HasBaseline = Baseline.Count > 0,
            HasOthers = Baseline.Count > 0 && (_runs.Values.Any(r => r.IsCounted && r.Id != judged.Id) || Baseline.Values.Any(mark => mark.FirstSeen != text || mark.LastSeen != text)),
            Contributions = [.. Baseline.Where(pair => pair.Value.FirstSeen == text || pair.Value.LastSeen == text || judged.Fingerprints.Any(f => f.Key == pair.Key)).Select(pair =>
            {
                var others = _runs.Values.Where(r => pair.Value.Occurrences > 1 && r.IsCounted && r.Id != judged.Id && r.Parts.Any(p => new FingerprintKey(p.Item1.Category, p.Item1.Value) == pair.Key))
                    .Select(r => r.Id.ToString()).DefaultIfEmpty(pair.Value.LastSeen != text ? pair.Value.LastSeen : null).ToList();
                return new Contribution(pair.Key, pair.Value, others[0], others[^1]);
            })],
            Candidates = Baseline.Count > 0 || MinRuns <= 1 ? [] : [.. candidates],
            Allow = [.. Allow],
        };
    }

    public AllowFilter Filter() => AllowFilter.Create(Allow, Package, Now, new AnalysisSettings());

    private static DecisionContext By(bool force = false) => new("op", Now, "because", force);

    private static JudgedRun Judged(ModelRun run) => new()
    {
        Id = run.Id,
        State = RunStates.Done,
        IsConclusive = run.IsConclusive,
        InconclusiveReason = run.IsConclusive ? "" : "3 events were lost",
        IsInBaseline = run.IsInBaseline,
        BaselineBy = run.BaselineBy,
        IsCounted = run.IsCounted,
        IsAnalysed = run.IsAnalysed,
        Batches = run.Batches,
        Fingerprints = RunFingerprint.Merge(run.Parts),
        Deviations = [.. run.Deviations.Values],
    };

    private void Apply(PackageChange change)
    {
        foreach (var key in change.Forgotten) Assert.True(Baseline.Remove(key));
        foreach (var released in change.Released)
        {
            var mark = Baseline[released.Key];
            Baseline[released.Key] = mark with { FirstSeen = released.FirstSeen, LastSeen = released.LastSeen, Occurrences = Math.Max(1, mark.Occurrences - 1) };
        }

        foreach (var learned in change.Learned)
        {
            Baseline[learned.Key] = Baseline.TryGetValue(learned.Key, out var mark)
                ? mark with { LastSeen = learned.LastSeen.ToString(), Occurrences = mark.Occurrences + learned.Occurrences }
                : new BaselineMark(learned.FirstSeen.ToString(), learned.LastSeen.ToString(), learned.Occurrences);
        }

        foreach (var run in change.Runs)
        {
            var stored = _runs[run.Before.Id];
            (stored.IsInBaseline, stored.BaselineBy, stored.IsCounted) = (run.IsInBaseline, run.BaselineBy, run.IsCounted);
            stored.IsAnalysed |= change.IsAnalysis;
            foreach (var id in run.Removed) Assert.True(stored.Deviations.Remove(id));
            foreach (var row in run.Updated)
            {
                Assert.True(stored.Deviations.ContainsKey(row.Id));
                stored.Deviations[row.Id] = row;
            }

            foreach (var row in run.Added) stored.Deviations.Add(row.Id, row);
            Assert.Equal(run.Open, stored.Deviations.Values.Count(row => row.Status == DeviationStatus.Open));
        }
    }

    private string NewId() => $"d{++_ids:000000}";

    private sealed class ModelRun(RunId id)
    {
        public RunId Id { get; } = id;

        public bool IsConclusive { get; set; }

        public bool IsInBaseline { get; set; }

        public string BaselineBy { get; set; } = "";

        public bool IsCounted { get; set; }

        public bool IsAnalysed { get; set; }

        public long Batches { get; set; }

        public List<(Fingerprint, FingerprintTally)> Parts { get; } = [];

        public SortedDictionary<string, Deviation> Deviations { get; } = new(StringComparer.Ordinal);
    }
}
