using CsCheck;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Tests.Analysis;

/// <summary>Laws of the differ over random packages, runs, decisions and allow lists.</summary>
public sealed class DifferPropertySpecs
{
    private const int Iterations = 300;

    private static readonly Gen<RunFingerprint> Behaviour =
        from category in OneOf("fs_new_path_read", "net_new_dns", "proc_new_exec", "net_new_destination")
        from number in Gen.Int[0, 11]
        from role in OneOf("script", "import", "npm")
        from first in Gen.Long[1, 1000]
        from isCredential in Gen.Int[0, 9]
        select new RunFingerprint(
            new FingerprintKey(category, category == "net_new_destination" ? $"104.18.0.{number}:443" : $"/v{number}"), role, "install",
            new FingerprintTally(1, first, first, category == "fs_new_path_read" && isCredential == 0 ? EventTags.Credential : EventTags.None));

    private static readonly Gen<RunFingerprint[]> Behaviours = Behaviour.Array[0, 12];

    // One event has one role: where two could be the evidence of a value, the order of their arrival would decide.
    private static readonly Gen<RunFingerprint[]> DistinctEvents = Behaviour.Array[1, 20].Select(did => did.DistinctBy(d => d.Tally.FirstEvent).ToArray());

    private static readonly Gen<StoredAllowEntry> Allowed =
        from kind in OneOf("path", "cidr")
        from number in Gen.Int[0, 11]
        select new StoredAllowEntry($"{kind}{number}", kind, kind == "path" ? $"/v{number}" : $"104.18.0.{number}/32", null, null);

    private static readonly Gen<(int Kind, int Run, int Pick, bool IsConclusive, RunFingerprint[] Did, StoredAllowEntry Allow)> Step =
        Gen.Select(Gen.Int[0, 13], Gen.Int[1, 5], Gen.Int[0, 50], Gen.Int[0, 3].Select(i => i > 0), Behaviours, Allowed);

    [Fact]
    public void Judging_again_changes_nothing() => Step.Array[1, 25].Select(Gen.Int[1, 3]).Sample((steps, minRuns) =>
    {
        var package = Play(steps, minRuns);
        foreach (var run in Judged(steps)) package.Judge(run);
        // Judging one run may concern the verdict of another; what each comes to by itself must be stable.
        foreach (var run in Judged(steps))
        {
            package.Judge(run);
            var before = package.Text();
            var again = package.Judge(run);
            Assert.False(again.IsNews);
            Assert.Equal(before, package.Text());
        }
    }, iter: Iterations);

    [Fact]
    public void Rows_of_deviations_that_stay_keep_their_ids_and_decisions() => Step.Array[1, 25].Sample(steps =>
    {
        var package = new PackageModel();
        foreach (var step in steps)
        {
            var before = Enumerable.Range(1, 5).Where(run => Exists(package, run)).SelectMany(run => package.Deviations(run).Select(row => (run, row))).ToList();
            Play(package, step);
            foreach (var (run, row) in before)
            {
                var after = package.Deviations(run).FirstOrDefault(d => d.Key == row.Key);
                if (after is not null) Assert.Equal(row.Id, after.Id);
                if (step.Kind < 6 && DeviationStatus.IsDecided(row.Status)) Assert.Equal((row.Status, row.DecidedBy), (after?.Status, after?.DecidedBy));
            }
        }
    }, iter: Iterations);

    [Fact]
    public void The_order_in_which_events_of_a_run_come_does_not_matter() =>
        Gen.Select(Behaviours, DistinctEvents, Gen.Int[1, 5], Gen.Shuffle(Enumerable.Range(0, 20).ToArray()), Gen.Bool).Sample((first, did, cuts, order, hasBaseline) =>
        {
            var atOnce = Prepare(first, hasBaseline).Run(2, did: did);
            atOnce.Judge(2);

            var late = Prepare(first, hasBaseline);
            var shuffled = order.Where(i => i < did.Length).Select(i => did[i]).ToArray();
            // While batches are missing the run is inconclusive; each one that comes late has it judged again.
            foreach (var batch in shuffled.Chunk(cuts))
            {
                late.Run(2, isConclusive: false, batch).Judge(2);
                if (batch[0].Tally.FirstEvent % 2 == 0) late.Judge(2);
            }

            late.Run(2).Judge(2);
            Assert.Equal(atOnce.Text(withIds: false), late.Text(withIds: false));
        }, iter: Iterations);

    [Fact]
    public void Nothing_inconclusive_is_ever_learned() => Step.Array[1, 30].Select(Gen.Int[1, 3]).Sample((steps, minRuns) =>
    {
        // Judging only, no decisions: what is in the baseline was shown by a run that is conclusive now or was when it was last judged.
        var package = new PackageModel { MinRuns = minRuns };
        var conclusive = new Dictionary<int, bool>();
        foreach (var step in steps.Where(step => step.Kind < 6))
        {
            Play(package, step);
            conclusive[step.Run] = step.IsConclusive;
            var seen = conclusive.Where(pair => pair.Value).SelectMany(pair => package[pair.Key].Fingerprints).Select(f => f.Key).ToHashSet();
            Assert.All(package.Baseline.Keys, key => Assert.Contains(key, seen));
            Assert.All(conclusive.Where(pair => !pair.Value), pair => Assert.Equal((false, false), (package[pair.Key].IsInBaseline, package[pair.Key].IsCounted)));
        }
    }, iter: Iterations);

    [Fact]
    public void An_allow_entry_never_adds_a_deviation() => Gen.Select(Behaviours, Behaviours, Allowed.Array[1, 4], Gen.Int[0, 3].Select(i => i > 0)).Sample((first, did, allow, isConclusive) =>
    {
        var package = Prepare(first, hasBaseline: true).Run(2, isConclusive, did);
        package.Judge(2);
        var before = package.Rows(2).ToHashSet();
        foreach (var entry in allow)
        {
            package.Allow.Add(entry);
            package.Judge(2);
            Assert.Subset(before, package.Rows(2).ToHashSet());
        }
    }, iter: Iterations);

    [Fact]
    public void After_a_promotion_the_same_again_is_no_deviation() => Gen.Select(Behaviours, Behaviours).Sample((first, did) =>
    {
        var package = Prepare(first, hasBaseline: true).Run(2, did: did);
        package.Judge(2);
        package.Promote(2);
        package.Run(3, did: did).Judge(3);
        Assert.Empty(package.Deviations(3));
        Assert.True(package[3].IsInBaseline);
    }, iter: Iterations);

    [Fact]
    public void A_promotion_is_undone_by_a_demotion() => Gen.Select(Behaviours, Behaviours).Sample((first, did) =>
    {
        var package = Prepare(first, hasBaseline: true).Run(2, isConclusive: false, did);
        package.Judge(2);
        var before = package.BaselineValues.ToList();
        var open = package.Rows(2).ToList();
        package.Promote(2, force: true);
        Assert.Null(package.Demote(2).Refusal);
        Assert.Equal(before, package.BaselineValues);
        if (package.Baseline.Count > 0) Assert.Equal(open, package.Rows(2));
    }, iter: Iterations);

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static PackageModel Prepare(RunFingerprint[] first, bool hasBaseline)
    {
        var package = new PackageModel();
        if (!hasBaseline) return package;
        package.Run(1, did: [new RunFingerprint(new FingerprintKey("proc_new_exec", "/usr/bin/node"), "npm", "install", new FingerprintTally(1, 1, 1, EventTags.None)), .. first]);
        package.Judge(1);
        return package;
    }

    private static IEnumerable<int> Judged((int Kind, int Run, int Pick, bool IsConclusive, RunFingerprint[] Did, StoredAllowEntry Allow)[] steps) =>
        steps.Where(step => step.Kind < 6).Select(step => step.Run).Distinct().Order();

    private static PackageModel Play((int Kind, int Run, int Pick, bool IsConclusive, RunFingerprint[] Did, StoredAllowEntry Allow)[] steps, int minRuns)
    {
        var package = new PackageModel { MinRuns = minRuns };
        foreach (var step in steps) Play(package, step);
        return package;
    }

    private static void Play(PackageModel package, (int Kind, int Run, int Pick, bool IsConclusive, RunFingerprint[] Did, StoredAllowEntry Allow) step)
    {
        if (step.Kind < 6)
        {
            package.Run(step.Run, step.IsConclusive, step.Did).Judge(step.Run);
            return;
        }

        if (step.Kind == 6 && package.Allow.All(entry => entry.Id != step.Allow.Id)) package.Allow.Add(step.Allow);
        if (step.Kind == 7) package.Allow.RemoveAll(entry => entry.Id == step.Allow.Id);
        if (!Exists(package, step.Run)) return;
        var rows = package.Deviations(step.Run);
        switch (step.Kind)
        {
            case 8:
                package.Promote(step.Run, force: step.Pick % 2 == 0);
                break;
            case 9:
                package.Demote(step.Run);
                break;
            case 10 or 11 when rows.Count > 0:
                package.Decide(step.Run, (basis, filter) => Decisions.Accept(basis, filter, rows[step.Pick % rows.Count].Id, new DecisionContext("op", PackageModel.Now, "", false)));
                break;
            case 12 or 13 when rows.Count > 0:
                package.Decide(step.Run, (basis, _) => Decisions.Reject(basis, rows[step.Pick % rows.Count].Id, new DecisionContext("op", PackageModel.Now, "", false)));
                break;
            default:
                break;
        }
    }

    private static bool Exists(PackageModel package, int run)
    {
        try
        {
            return package[run] is not null;
        }
        catch (KeyNotFoundException)
        {
            return false;
        }
    }
}
