using Fangs.Actors.Analysis;
using Fangs.Protocol;
using static Fangs.Tests.Analysis.AllowFilterSpecs;

namespace Fangs.Tests.Analysis;

/// <summary>What judging runs comes to, run after run of one package.</summary>
public sealed class DifferSpecs
{
    private static readonly RunFingerprint Node = Did("proc_new_exec", "/usr/bin/node", firstEvent: 1);
    private static readonly RunFingerprint Host = Did("net_new_https_host", "registry.example", firstEvent: 2);
    private static readonly RunFingerprint Lookup = Did("net_new_dns", "registry.example", firstEvent: 3);
    private static readonly RunFingerprint Evil = Did("net_new_https_host", "exfil.example", firstEvent: 4);
    private static readonly RunFingerprint Connect = Did("net_new_destination", "1.1.1.1:31337", firstEvent: 5);
    private static readonly RunFingerprint Key = Did("fs_new_path_read", "/root/.ssh/id_rsa", EventTags.Credential, firstEvent: 6);

    [Fact]
    public void The_first_run_becomes_the_baseline_and_has_no_deviation()
    {
        var package = new PackageModel().Run(1, did: [Host, Lookup]);
        package.Judge(1);
        Assert.Equal(["registry.example", "registry.example"], package.BaselineValues);
        Assert.Equal((true, "auto"), (package[1].IsInBaseline, package[1].BaselineBy));
        Assert.Empty(package.Deviations(1));
        Assert.All(package.Baseline.Values, mark => Assert.Equal(1, mark.Occurrences));
    }

    [Fact]
    public void What_a_later_run_adds_are_three_deviations_and_it_stays_out_of_the_baseline()
    {
        var package = new PackageModel().Run(1, did: [Host, Lookup, Node]);
        package.Judge(1);
        package.Run(2, did: [Host, Node, Evil, Connect, Key]).Judge(2);
        Assert.Equal(
        [
            ("fs_new_path_read", "/root/.ssh/id_rsa", "crit"), ("net_new_destination", "1.1.1.1:31337", "warn"), ("net_new_https_host", "exfil.example", "warn"),
        ], package.Deviations(2).Select(row => (row.Key.Category, row.Key.Value, row.Severity)).Order());
        Assert.All(package.Deviations(2), row => Assert.Equal(("open", "script", "install"), (row.Status, row.Role, row.Phase)));
        Assert.Equal((false, ""), (package[2].IsInBaseline, package[2].BaselineBy));
        Assert.Equal(3, package.Baseline.Count);
        Assert.Equal(2, package.Baseline[Host.Key].Occurrences);
        Assert.Equal((PackageModel.Id(1).ToString(), PackageModel.Id(2).ToString()), (package.Baseline[Host.Key].FirstSeen, package.Baseline[Host.Key].LastSeen));
        Assert.Equal(1, package.Baseline[Lookup.Key].Occurrences);
    }

    [Fact]
    public void A_run_that_shows_nothing_new_joins_the_baseline_and_is_counted_once_however_often_it_is_judged()
    {
        var package = new PackageModel().Run(1, did: [Host, Node]);
        package.Judge(1);
        package.Run(2, did: [Host]).Judge(2);
        for (var i = 0; i < 3; i++) Assert.False(package.Judge(2).IsNews);
        Assert.True(package[2].IsInBaseline);
        Assert.Equal(2, package.Baseline[Host.Key].Occurrences);
    }

    [Fact]
    public void A_deviation_keeps_its_row_while_it_is_one_and_follows_its_evidence()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [Node, Evil, Connect]).Judge(2);
        var (evil, connect) = (package.Row(2, "exfil.example"), package.Row(2, "1.1.1.1:31337"));
        package.Run(2, did: [Evil with { Role = "import", Phase = "import", Tally = new FingerprintTally(4, 2, 2, EventTags.None) }]).Judge(2);
        Assert.Equal(connect, package.Row(2, "1.1.1.1:31337"));
        Assert.Equal(evil with { EvidenceEventId = 2, Count = 5, Role = "import", Phase = "import" }, package.Row(2, "exfil.example"));
    }

    [Fact]
    public void A_deviation_that_an_allow_entry_hides_goes_and_comes_back_with_the_entry()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [Node, Evil]).Judge(2);
        package.Allow.Add(Entry("sni", "exfil.example"));
        package.Judge(2);
        Assert.Empty(package.Deviations(2));
        Assert.True(package[2].IsInBaseline);
        package.Allow.Clear();
        package.Judge(2);
        Assert.Equal("exfil.example", Assert.Single(package.Deviations(2)).Key.Value);
        Assert.Equal((false, ""), (package[2].IsInBaseline, package[2].BaselineBy));
        Assert.Equal(2, package.Baseline[Node.Key].Occurrences);
    }

    [Fact]
    public void An_inconclusive_run_reports_but_neither_seeds_nor_joins_nor_counts()
    {
        var package = new PackageModel().Run(1, isConclusive: false, Node, Key);
        package.Judge(1);
        Assert.Empty(package.Baseline);
        Assert.Equal(("/root/.ssh/id_rsa", "open", "crit"), Assert.Single(package.Deviations(1)) is var row ? (row.Key.Value, row.Status, row.Severity) : default);
        package.Run(2, did: [Node]).Judge(2);
        package.Run(3, isConclusive: false, Node).Judge(3);
        package.Run(4, isConclusive: false, Node, Evil).Judge(4);
        Assert.Equal(1, package.Baseline[Node.Key].Occurrences);
        Assert.Empty(package.Deviations(3));
        Assert.Equal("exfil.example", Assert.Single(package.Deviations(4)).Key.Value);
        Assert.All(new[] { 1, 3, 4 }, run => Assert.False(package[run].IsInBaseline));
    }

    [Fact]
    public void A_first_run_that_turns_out_to_be_inconclusive_is_unlearned_and_a_completed_one_is_learned_after_all()
    {
        var package = new PackageModel().Run(1, did: [Node, Key]);
        package.Judge(1);
        package.Run(1, isConclusive: false).Judge(1);
        Assert.Empty(package.Baseline);
        Assert.False(package[1].IsInBaseline);
        Assert.Equal("open", Assert.Single(package.Deviations(1)).Status);
        package.Run(1, did: [Host]).Judge(1);
        Assert.Equal(3, package.Baseline.Count);
        Assert.Equal("note", Assert.Single(package.Deviations(1)).Status);
    }

    [Fact]
    public void What_comes_late_of_the_first_run_belongs_to_the_baseline_until_another_run_was_compared()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(1, did: [Host]).Judge(1);
        Assert.Equal(2, package.Baseline.Count);
        Assert.True(package[1].IsInBaseline);
        package.Run(2, did: [Node]).Judge(2);
        package.Run(1, did: [Evil]).Judge(1);
        Assert.Equal("exfil.example", Assert.Single(package.Deviations(1)).Key.Value);
        Assert.False(package[1].IsInBaseline);
        Assert.Equal(2, package.Baseline.Count);
    }

    [Fact]
    public void A_credential_access_of_the_first_run_is_learned_but_shown()
    {
        var package = new PackageModel().Run(1, did: [Node, Key]);
        package.Judge(1);
        var note = Assert.Single(package.Deviations(1));
        Assert.Equal(("note", "crit", true), (note.Status, note.Severity, note.IsCredential));
        Assert.Contains(Key.Key, package.Baseline.Keys);
        Assert.True(package[1].IsInBaseline);
        package.Run(2, did: [Node, Key]).Judge(2);
        Assert.Empty(package.Deviations(2));
        package.Judge(1);
        Assert.Equal(note, Assert.Single(package.Deviations(1)));
    }

    [Fact]
    public void Beyond_two_hundred_of_a_category_one_row_stands_for_the_rest_and_credentials_come_first()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        var files = Enumerable.Range(0, 1000).Select(i => Did("fs_new_path_read", $"/opt/{i:0000}", firstEvent: 10 + i)).Append(Key with { Tally = Key.Tally with { FirstEvent = 5000, FirstKtimeNs = 5000 } });
        package.Run(2, did: [Node, Evil, .. files]).Judge(2);
        var reads = package.Deviations(2).Where(row => row.Key.Category == "fs_new_path_read").ToList();
        Assert.Equal(201, reads.Count);
        var summary = Assert.Single(reads, row => row.IsSummary);
        Assert.Equal(("+801 more", 801, "info", 801L), (summary.Key.Value, summary.SummaryCount, summary.Severity, summary.Count));
        Assert.Equal(10 + 199, summary.EvidenceEventId);
        Assert.Contains(reads, row => row.IsCredential);
        Assert.Contains(package.Deviations(2), row => row.Key.Value == "exfil.example");
        Assert.False(package.Judge(2).IsNews);
    }

    [Fact]
    public void Exactly_two_hundred_need_no_further_row()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [.. Enumerable.Range(0, 200).Select(i => Did("net_new_dns", $"{i}.example"))]).Judge(2);
        Assert.Equal(200, package.Deviations(2).Count);
        Assert.DoesNotContain(package.Deviations(2), row => row.IsSummary);
    }

    [Fact]
    public void With_several_runs_that_must_agree_the_last_of_them_makes_the_baseline_of_what_all_have()
    {
        var package = new PackageModel { MinRuns = 3 }.Run(1, did: [Node, Host, Key]);
        package.Judge(1);
        package.Run(2, isConclusive: false, Node, Evil).Judge(2);
        package.Run(3, did: [Node, Connect]).Judge(3);
        Assert.Empty(package.Baseline);
        Assert.Equal(["note"], package.Deviations(1).Select(row => row.Status));
        Assert.Empty(package.Deviations(3));
        Assert.All(new[] { 1, 3 }, run => Assert.False(package[run].IsInBaseline));

        package.Run(4, did: [Node]).Judge(4);
        Assert.Equal(["/usr/bin/node"], package.BaselineValues);
        Assert.Equal(3, package.Baseline[Node.Key].Occurrences);
        Assert.Equal([("fs_new_path_read", "/root/.ssh/id_rsa", "open"), ("net_new_https_host", "registry.example", "open")], package.Rows(1));
        Assert.Equal([("net_new_destination", "1.1.1.1:31337", "open")], package.Rows(3));
        Assert.Equal([false, false, false, true], new[] { 1, 2, 3, 4 }.Select(run => package[run].IsInBaseline));
        Assert.All(new[] { 1, 3, 4 }, run => Assert.False(package.Judge(run).IsNews));
    }

    [Fact]
    public void A_run_without_a_package_is_never_compared()
    {
        var basis = new PackageModel().Run(1, did: [Node, Key]).Basis(1);
        foreach (var package in new[] { "", "node:20-slim", "alpine:latest" })
        {
            var change = Differ.Judge(basis with { Package = package }, AllowFilter.None, 1, () => "x");
            Assert.False(change.IsNews);
        }
    }

    [Fact]
    public void Who_did_it_and_when_is_told_by_the_earliest_event_in_whatever_order_the_parts_come()
    {
        (Fingerprint, FingerprintTally)[] parts =
        [
            (new Fingerprint("proc_new_exec", "/bin/sh", "import", "import"), new FingerprintTally(2, 9, 50, EventTags.None)),
            (new Fingerprint("proc_new_exec", "/bin/sh", "script", "install"), new FingerprintTally(3, 20, 40, EventTags.Credential)),
            (new Fingerprint("proc_new_exec", "/bin/sh", "", ""), new FingerprintTally(1, 1, FingerprintTally.UnknownKtime, EventTags.Interesting)),
        ];
        var expected = new RunFingerprint(
            new FingerprintKey("proc_new_exec", "/bin/sh"), "script", "install", new FingerprintTally(6, 20, 40, EventTags.Credential | EventTags.Interesting));
        Assert.Equal(expected, Assert.Single(RunFingerprint.Merge(parts)));
        Assert.Equal(expected, Assert.Single(RunFingerprint.Merge(parts.Reverse())));
    }
}
