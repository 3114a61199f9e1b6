using Fangs.Actors.Configuration;
using Fangs.Actors.Hosting;
using Fangs.Actors.Packages;
using Fangs.Protocol;

namespace Fangs.Tests.Storage;

/// <summary>What the original had left for a person to decide is decided with ours, and nothing of it gets lost on the way.</summary>
public sealed class UpstreamDecisionSpecs : IDisposable
{
    private const string Baseline = "1886d1b1a3c5e0000000000000000000";
    private const string Waiting = "1886d1b1a3c5e1000000000000000000";
    private const string AlsoWaiting = "1886d1b1a3c5e2000000000000000000";
    private const string Open = "SELECT id FROM deviations WHERE status = 'open' ORDER BY id";
    private static readonly string[] AllFindings = ["1", "2", "3", "4", "5", "6"];

    private readonly UpstreamDatabase _database = new();

    // A second run that waits, with one finding of the first and one of its own.
    public UpstreamDecisionSpecs() => _database.Execute($"""
        INSERT INTO deviations VALUES
          ('{Id("5")}', '{AlsoWaiting}', 'net_new_destination', '1.1.1.1:31337', 9, 'warn', '2026-01-02T04:00:10Z', NULL, 0),
          ('{Id("6")}', '{AlsoWaiting}', 'proc_new_exec', '/bin/sh', 9, 'warn', '2026-01-02T04:00:10Z', NULL, 0);
        """);

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task Accepting_one_finding_closes_equal_ones_and_leaves_all_others_open()
    {
        var outcome = await DecideAsync(new DecisionRequest { Action = DecisionAction.Accept, DeviationId = Id("3"), By = "alice" });
        Assert.Equal((true, 3), (outcome.Response!.Changed, outcome.Response.DeviationsOpen));
        Assert.Equal(Ids("1", "2", "4", "6"), _database.Rows(Open));
        Assert.Equal(["1.1.1.1:31337"], _database.Rows("SELECT value FROM baseline_fingerprints WHERE value LIKE '1.1.1.1%'"));
        Assert.Equal([$"{Baseline}"], _database.Rows("SELECT id FROM runs WHERE is_baseline = 1"));
    }

    [Fact]
    public async Task A_finding_that_is_stored_twice_can_be_decided()
    {
        await DecideAsync(new DecisionRequest { Action = DecisionAction.Reject, DeviationId = Id("1"), By = "alice" });
        await DecideAsync(new DecisionRequest { Action = DecisionAction.Accept, DeviationId = Id("4"), By = "alice" });
        Assert.Equal(Ids("2", "3", "5", "6"), _database.Rows(Open));
    }

    [Fact]
    public async Task Promoting_a_run_needs_force_and_takes_its_findings_into_the_baseline()
    {
        var refused = await DecideAsync(new DecisionRequest { Action = DecisionAction.Promote, RunId = Waiting, By = "alice" });
        Assert.Null(refused.Response);
        Assert.Contains("recorded by the original", refused.Reason);
        var outcome = await DecideAsync(new DecisionRequest { Action = DecisionAction.Promote, RunId = Waiting, By = "alice", Force = true });
        Assert.True(outcome.Response!.Changed);
        Assert.Equal(Ids("6"), _database.Rows(Open));
        Assert.Equal(
            ["/root/.ssh/id_rsa", "1.1.1.1:31337", "exfil.example"],
            _database.Rows($"SELECT value FROM baseline_fingerprints WHERE first_seen_run_id = '{Waiting}' AND value IN ('/root/.ssh/id_rsa', '1.1.1.1:31337', 'exfil.example') ORDER BY value"));
    }

    [Fact]
    public async Task A_run_is_analysed_again_from_its_events()
    {
        var outcome = await DecideAsync(new DecisionRequest { Action = DecisionAction.Reanalyze, RunId = Waiting, By = "alice" });
        Assert.True(outcome.Response!.Changed);
        Assert.Equal(
            ["fs_new_path_read|/root/.ssh/id_rsa", "net_new_destination|1.1.1.1:31337", "net_new_https_host|exfil.example"],
            _database.Rows($"SELECT category, value FROM deviations WHERE run_id = '{Waiting}' AND status = 'open' ORDER BY 1"));
        Assert.Equal(Ids("5", "6"), _database.Rows($"SELECT id FROM deviations WHERE run_id = '{AlsoWaiting}' AND status = 'open' ORDER BY id"));
    }

    [Theory]
    [InlineData("sni", "exfil.example")]
    [InlineData("cidr", "1.1.1.0/24")]
    public async Task An_entry_of_the_configuration_does_not_make_findings_of_the_original_disappear(string kind, string value)
    {
        var settings = ConfigurationParser.Parse($"allow: {{ {kind}s: [{{ value: {value} }}] }}").Settings;
        var upkeep = await _database.OpenAndCloseAsync(settings.Allow);
        Assert.Equal((1, 0), (upkeep.AllowList!.Added, upkeep.AllowList.RunsDue));
        Assert.Equal(Ids(AllFindings), _database.Rows(Open));
    }

    private static string Id(string digit) => digit.PadLeft(32, '0');

    private static IEnumerable<string> Ids(params string[] digits) => digits.Select(Id);

    private async Task<DecisionOutcome> DecideAsync(DecisionRequest request)
    {
        await using var store = new Store(new CoreSettings { SqlitePath = _database.Path }, TimeProvider.System);
        return await store.Ledger.DecideAsync(request).WaitAsync(TimeSpan.FromSeconds(30));
    }
}
