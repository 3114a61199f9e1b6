using System.Text.Json;
using Fangs.Actors.Analysis;
using Fangs.Protocol;
using static Fangs.Tests.Analysis.AllowFilterSpecs;

namespace Fangs.Tests.Analysis;

/// <summary>What operators' decisions change, and what is refused.</summary>
public sealed class DecisionsSpecs
{
    private static readonly RunFingerprint Node = Did("proc_new_exec", "/usr/bin/node");
    private static readonly RunFingerprint Host = Did("net_new_https_host", "new.example", firstEvent: 2);
    private static readonly RunFingerprint Connect = Did("net_new_destination", "1.1.1.1:31337", firstEvent: 3);
    private static readonly RunFingerprint Key = Did("fs_new_path_read", "/root/.ssh/id_rsa", EventTags.Credential, firstEvent: 4);

    [Fact]
    public void Promoting_accepts_what_is_open_and_a_second_time_changes_nothing()
    {
        var package = Deviating();
        var result = package.Promote(2);
        Assert.Equal((3, 2, 0), (result.Merged, result.DeviationsChanged, result.Open));
        Assert.All(package.Deviations(2), row => Assert.Equal(("accepted", "op", "because", PackageModel.Now), (row.Status, row.DecidedBy, row.DecisionNote, row.DecidedAt)));
        Assert.Equal((true, "manual"), (package[2].IsInBaseline, package[2].BaselineBy));
        Assert.Equal(2, package.Baseline[Node.Key].Occurrences);
        Assert.Equal(1, package.Baseline[Host.Key].Occurrences);
        Assert.Null(package.Promote(2).Change);
        package.Run(3, did: [Node, Host, Connect]).Judge(3);
        Assert.Empty(package.Deviations(3));
        Assert.True(package[3].IsInBaseline);
    }

    [Fact]
    public void An_inconclusive_run_is_promoted_only_with_force()
    {
        var package = new PackageModel().Run(1, isConclusive: false, Node, Key);
        package.Judge(1);
        Assert.Contains("3 events were lost", package.Promote(1).Refusal, StringComparison.Ordinal);
        Assert.Empty(package.Baseline);
        Assert.Null(package.Promote(1, force: true).Refusal);
        Assert.Equal(2, package.Baseline.Count);
        package.Judge(1);
        Assert.True(package[1].IsInBaseline);
        Assert.Equal(2, package.Baseline.Count);
    }

    [Fact]
    public void Demoting_undoes_a_promotion()
    {
        var package = Deviating();
        var before = package.Text();
        package.Promote(2);
        var result = package.Demote(2);
        Assert.Equal((2, 2, 2), (result.Removed, result.DeviationsChanged, result.Open));
        Assert.Equal(1, package.Baseline[Node.Key].Occurrences);
        Assert.All(package.Deviations(2), row => Assert.Equal(("open", "", null), (row.Status, row.DecidedBy, row.DecidedAt)));
        Assert.False(package[2].IsInBaseline);
        Assert.Null(package.Demote(2).Change);
        // The run counts no more, which before the promotion it did; the rest is as it was.
        Assert.Equal(before.Split('\n').Where(line => line.Contains("open", StringComparison.Ordinal)), package.Text().Split('\n').Where(line => line.Contains("open", StringComparison.Ordinal)));
    }

    [Fact]
    public void Demoting_is_refused_while_another_run_has_shown_a_value_and_works_newest_first()
    {
        var package = Deviating();
        package.Promote(2);
        package.Run(3, did: [Node, Host]).Judge(3);
        Assert.Contains(PackageModel.Id(3).ToString(), package.Demote(2).Refusal, StringComparison.Ordinal);
        Assert.Null(package.Demote(3).Refusal);
        Assert.Equal(3, package.Baseline.Count);
        Assert.Equal(PackageModel.Id(2).ToString(), package.Baseline[Host.Key].LastSeen);
        Assert.Null(package.Demote(2).Refusal);
        Assert.Equal(["/usr/bin/node"], package.BaselineValues);
        Assert.Equal(new BaselineMark(PackageModel.Id(1).ToString(), PackageModel.Id(1).ToString(), 1), package.Baseline[Node.Key]);
    }

    [Fact]
    public void A_run_that_a_person_took_out_does_not_come_back_by_itself()
    {
        var package = new PackageModel().Run(1, did: [Node, Key]);
        package.Judge(1);
        package.Demote(1);
        Assert.Empty(package.Baseline);
        Assert.Equal("open", package.Row(1, "/root/.ssh/id_rsa").Status);
        package.Judge(1);
        Assert.Empty(package.Baseline);
        Assert.False(package[1].IsInBaseline);
        package.Run(2, did: [Node]).Judge(2);
        package.Judge(1);
        Assert.False(package[1].IsInBaseline);
        Assert.Equal(1, package.Baseline[Node.Key].Occurrences);
        Assert.Equal([("fs_new_path_read", "/root/.ssh/id_rsa", "open")], package.Rows(1));
    }

    [Fact]
    public void A_run_that_was_compared_does_not_become_the_seed_when_the_baseline_goes()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [Host]).Judge(2);
        Assert.Null(package.Demote(1).Refusal);
        Assert.Empty(package.Baseline);
        package.Judge(2);
        Assert.Empty(package.Baseline);
        Assert.Equal([("net_new_https_host", "new.example", "open")], package.Rows(2));
    }

    [Fact]
    public void Accepting_the_last_open_deviation_takes_the_run_into_the_baseline()
    {
        var package = Deviating();
        Assert.Equal(1, package.Accept(2, "new.example").Open);
        Assert.False(package[2].IsInBaseline);
        Assert.Equal(0, package.Accept(2, "1.1.1.1:31337").Open);
        Assert.Equal((true, "manual"), (package[2].IsInBaseline, package[2].BaselineBy));
        Assert.Equal(3, package.Baseline.Count);
        Assert.Equal(2, package.Baseline[Node.Key].Occurrences);
        Assert.Null(package.Accept(2, "new.example").Change);
        Assert.False(package.Judge(2).IsNews);
    }

    [Fact]
    public void Of_an_inconclusive_run_single_deviations_are_accepted_and_the_run_stays_out_without_force()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, isConclusive: false, Node, Host, Connect).Judge(2);
        package.Accept(2, "new.example");
        package.Accept(2, "1.1.1.1:31337");
        Assert.False(package[2].IsInBaseline);
        Assert.Equal(3, package.Baseline.Count);
        package.Judge(2);
        Assert.Equal(3, package.Baseline.Count);

        package.Run(3, isConclusive: false, Node, Key).Judge(3);
        package.Accept(3, "/root/.ssh/id_rsa", force: true);
        Assert.True(package[3].IsInBaseline);
        Assert.Equal(2, package.Baseline[Node.Key].Occurrences);
    }

    [Fact]
    public void Nothing_can_be_accepted_while_there_is_no_baseline()
    {
        var package = new PackageModel().Run(1, isConclusive: false, Node, Key);
        package.Judge(1);
        Assert.Contains("no baseline yet", package.Accept(1, "/root/.ssh/id_rsa").Refusal, StringComparison.Ordinal);
        Assert.Empty(package.Baseline);
    }

    [Fact]
    public void A_rejected_value_stays_out_and_is_a_new_deviation_of_the_next_run()
    {
        var package = Deviating();
        package.Reject(2, "new.example");
        package.Accept(2, "1.1.1.1:31337");
        package.Judge(2);
        Assert.Equal("rejected", package.Row(2, "new.example").Status);
        Assert.DoesNotContain(Host.Key, package.Baseline.Keys);
        package.Run(3, did: [Node, Host]).Judge(3);
        Assert.Equal([("net_new_https_host", "new.example", "open")], package.Rows(3));
        Assert.Null(package.Reject(2, "new.example").Change);
    }

    [Fact]
    public void Promoting_leaves_out_what_was_rejected()
    {
        var package = Deviating();
        package.Reject(2, "new.example");
        Assert.Equal(2, package.Promote(2).Merged);
        Assert.DoesNotContain(Host.Key, package.Baseline.Keys);
        package.Judge(2);
        Assert.Equal("rejected", package.Row(2, "new.example").Status);
        Assert.True(package[2].IsInBaseline);
    }

    [Fact]
    public void A_decision_can_be_turned_around()
    {
        var package = Deviating();
        package.Accept(2, "new.example");
        Assert.Equal(1, package.Reject(2, "new.example").Removed);
        Assert.DoesNotContain(Host.Key, package.Baseline.Keys);
        package.Accept(2, "new.example");
        Assert.Contains(Host.Key, package.Baseline.Keys);
        package.Run(3, did: [Host, Node]).Judge(3);
        Assert.Equal(0, package.Reject(2, "new.example").Removed); // another run has shown it since
        Assert.Contains(Host.Key, package.Baseline.Keys);
    }

    [Fact]
    public void A_note_that_is_rejected_leaves_the_baseline_and_does_not_come_back()
    {
        var package = new PackageModel().Run(1, did: [Node, Key]);
        package.Judge(1);
        Assert.Equal(1, package.Reject(1, "/root/.ssh/id_rsa").Removed);
        Assert.Equal(["/usr/bin/node"], package.BaselineValues);
        package.Run(1, did: [Host]).Judge(1);
        Assert.DoesNotContain(Key.Key, package.Baseline.Keys);
        Assert.Equal("rejected", package.Row(1, "/root/.ssh/id_rsa").Status);
        package.Run(2, did: [Node, Key]).Judge(2);
        Assert.Equal("open", package.Row(2, "/root/.ssh/id_rsa").Status);
    }

    [Fact]
    public void A_note_that_is_accepted_stays_in_the_baseline()
    {
        var package = new PackageModel().Run(1, did: [Node, Key]);
        package.Judge(1);
        var result = package.Accept(1, "/root/.ssh/id_rsa");
        Assert.Equal((1, 0), (result.Merged, result.Open));
        Assert.Equal((true, "auto"), (package[1].IsInBaseline, package[1].BaselineBy));
        Assert.False(package.Judge(1).IsNews);
        Assert.Equal("accepted", package.Row(1, "/root/.ssh/id_rsa").Status);
    }

    [Fact]
    public void The_row_that_stands_for_many_is_accepted_for_all_of_them()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [Node, .. Enumerable.Range(0, 250).Select(i => Did("net_new_dns", $"{i:000}.example", firstEvent: i))]).Judge(2);
        Assert.Equal(50, package.Accept(2, "+50 more").Merged);
        Assert.Equal(51, package.Baseline.Count);
        package.Judge(2);
        Assert.Equal(200, package.Deviations(2).Count(row => row.Status == "open"));
        Assert.Equal(200, package.Promote(2).DeviationsChanged);
        Assert.Equal(251, package.Baseline.Count);
        package.Judge(2);
        Assert.Equal(0, package.Deviations(2).Count(row => row.Status == "open"));
    }

    [Fact]
    public void The_audit_line_is_json_whatever_the_values_hold()
    {
        var hostile = "\u001b[31m\"}\u2400\\\n" + new string('x', 4096);
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [Node, Did("fs_new_path_read", hostile)]).Judge(2);
        var audit = package.Accept(2, hostile).Change!.Audit!;
        using var json = JsonDocument.Parse(audit.Detail);
        Assert.Equal(hostile, json.RootElement.GetProperty("value").GetString());
        Assert.Equal(("op", DecisionAction.Accept), (audit.Actor, audit.Action));
    }

    // A baseline of one value, and a second run with two more.
    private static PackageModel Deviating()
    {
        var package = new PackageModel().Run(1, did: [Node]);
        package.Judge(1);
        package.Run(2, did: [Node, Host, Connect]).Judge(2);
        return package;
    }
}
