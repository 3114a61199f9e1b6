using Fangs.Actors.Hosting;
using Fangs.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Cli;

/// <summary>Commands beside a real orchestrator that has the database open.</summary>
public sealed class OrchestratorDecisionSpecs : IDisposable
{
    private readonly CliFixture _cli = new();

    public OrchestratorDecisionSpecs()
    {
        _cli.WithMigratedSchema();
        foreach (var sql in Seeds.All()) _cli.Execute(sql);
        _cli.Execute(VerdictSeeds.All() + $"UPDATE runs SET analyzed_at = started_at; DELETE FROM deviations WHERE id = '{VerdictSeeds.Unproven}';");
        _cli.Set("USER", "ben");
    }

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task The_orchestrator_is_found_and_decides_and_when_it_has_stopped_the_command_decides_itself()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await using (await StartAsync(limit.Token))
        {
            var rejected = await _cli.RunAsync("deviation", "reject", VerdictSeeds.KeyRead, "-note", "stolen");
            Assert.Equal((0, ""), (rejected.ExitCode, rejected.Error));
            Assert.Equal("rejected ben stolen", _cli.Scalar($"SELECT status || ' ' || decided_by || ' ' || note FROM deviations WHERE id = '{VerdictSeeds.KeyRead}'"));
            // And what it refuses is refused here.
            var refused = await _cli.RunAsync("baseline", "promote", "019ad2");
            Assert.Equal((1, ""), (refused.ExitCode, refused.Out));
            Assert.Contains("inconclusive", refused.Error);
            // Tables that only commands write are written beside it.
            Assert.Equal(0, (await _cli.RunAsync("notifier", "add", "-name", "new", "-url", "https://hooks.example/x")).ExitCode);
            Assert.Contains("rejected", (await _cli.RunAsync("deviation", "list", "-run", "019ac0aa")).Out);
        }

        Assert.Equal(0, (await _cli.RunAsync("deviation", "accept", VerdictSeeds.KeyRead)).ExitCode);
        Assert.Equal("accepted", _cli.Scalar($"SELECT status FROM deviations WHERE id = '{VerdictSeeds.KeyRead}'"));
    }

    private Task<OrchestratorHost> StartAsync(CancellationToken cancellationToken) => OrchestratorHost.StartAsync(
        new OrchestratorSettings { Address = new(System.Net.IPAddress.Loopback, 0), Core = new CoreSettings { SqlitePath = _cli.Database } },
        TimeProvider.System, logging => logging.ClearProviders(), cancellationToken);
}
