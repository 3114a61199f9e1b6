using System.Net.Http.Json;
using System.Text.Json;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Fangs.Tests.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fangs.Tests.EndToEnd;

/// <summary>Real packages from the registry that npm is configured for, through a real orchestrator, sandbox and sensor.</summary>
public sealed class RealScanSpecs(OrchestratorFixture orchestrator) : IClassFixture<OrchestratorFixture>
{
    [SkippableTheory]
    [InlineData("is-odd", "3.0.1")]
    [InlineData("@sindresorhus/is", "4.6.0")]
    [InlineData("core-js", "3.38.1")] // has a postinstall script
    [InlineData("esbuild", "0.23.1")] // brings a native binary
    public async Task A_real_package_is_installed_recorded_and_stored_without_a_gap(string package, string version)
    {
        var missing = EbpfSensor.Probe();
        Skip.If(missing.Count > 0, string.Join(' ', missing));
        var id = new RunnerId("e2e-" + Guid.NewGuid().ToString("N")[..8]);
        using var stop = new CancellationTokenSource();
        await using var sensor = EbpfSensor.Create();
        var driver = new OciSandboxDriver(
            new OciSandboxSettings { RunnerId = id, StateDirectory = "/run/fangs-test" /* the sandbox must be able to walk there, which temporary directories forbid */, Registry = await NpmRegistry.ResolveAsync(null, default).Soon() },
            NullLogger<OciSandboxDriver>.Instance, TimeProvider.System);
        var runner = RunnerHost.RunAsync(new RunnerSettings { Orchestrator = orchestrator.Host.Address, RunnerId = id }, sensor, driver, NullLoggerFactory.Instance, TimeProvider.System, stop.Token);
        using var http = new HttpClient { BaseAddress = orchestrator.Host.Address };
        var answer = await http.PostAsync("/v1/scans", new StringContent(
            $$$$"""{"target_runner":"*","Job":{"kind":"sandbox_scan","package_name":"{{{{package}}}}","version":"{{{{version}}}}","duration":120000000000,"sandbox":{"image":"node:20-slim"}}}"""));
        var run = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("run_id").GetString()!;
        await UntilEndedAsync(run);
        await stop.CancelAsync();
        Assert.Equal(0, await runner.Soon());

        Assert.Equal("done||1", Text($"SELECT state || '|' || inconclusive_reason || '|' || conclusive FROM runs WHERE id = '{run}'"));
        Assert.Equal("0|0|0", Text($"SELECT events_dropped || '|' || seq_gaps || '|' || npm_exit FROM runs WHERE id = '{run}'"));
        Assert.True(Number($"SELECT count(*) FROM events e JOIN event_batches b ON b.run_id = '{run}' AND e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1 WHERE e.type = 'exec' AND e.data LIKE '%npm%'") > 0);
        foreach (var type in new[] { "exec", "file_access", "net_connect", "dns_query" })
            Assert.True(Number($"SELECT coalesce(sum(count), 0) FROM run_event_counts WHERE run_id = '{run}' AND type = '{type}'") > 0, type);
        Assert.True(Number($"SELECT count(*) FROM run_fingerprints WHERE run_id = '{run}' AND category = 'net_new_dns'") > 0);
    }

    private async Task UntilEndedAsync(string run)
    {
        for (var i = 0; i < 1200; i++)
        {
            if (Text($"SELECT state FROM runs WHERE id = '{run}'") is "done" or "failed") return;
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        Assert.Fail($"run {run} has not ended: {Text($"SELECT state FROM runs WHERE id = '{run}'")}");
    }

    private string Text(string sql) => Scalar(sql)?.ToString() ?? "";

    private long Number(string sql) => Convert.ToInt64(Scalar(sql), System.Globalization.CultureInfo.InvariantCulture);

#pragma warning disable CA2100 // ids that the orchestrator made
    private object? Scalar(string sql)
    {
        using var database = new SqliteConnection($"Data Source={orchestrator.DatabasePath};Mode=ReadOnly");
        database.Open();
        using var command = database.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
#pragma warning restore CA2100
}
