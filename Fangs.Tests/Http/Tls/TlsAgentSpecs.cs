using System.Text.Json;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Tests.Runner.Agent;

namespace Fangs.Tests.Http.Tls;

/// <summary>The program's own clients against an orchestrator that wants certificates.</summary>
public sealed class TlsAgentSpecs : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private TlsFixture _orchestrator = null!;

    public async Task InitializeAsync() => _orchestrator = await TlsFixture.StartAsync(TlsMode.Mutual);

    public async Task DisposeAsync() => await _orchestrator.DisposeAsync();

    [Fact]
    public async Task A_scan_goes_from_the_operator_to_the_runner_and_back()
    {
        using var stop = new CancellationTokenSource();
        var (sensor, driver, log) = (new FakeSensor(), new FakeDriver(), new LogLines());
        driver.Run = (job, expectPhase, _) =>
        {
            expectPhase("install", "n");
            sensor.Sessions[job.RunId].Emit("""{"BinaryPathStr":"/usr/bin/node"}""");
            return Task.FromResult(FakeDriver.Success);
        };
        var agent = RunnerHost.RunAsync(await SettingsAsync("lab-1", "lab-1"), sensor, driver, log, TimeProvider.System, stop.Token);
        try
        {
            await _orchestrator.Log.UntilAsync("Runner lab-1 registered");
            var scan = await CliAsync("scan submit -package left-thing -version 2.0.1 -skip-registry-validate -runner lab-1 -json", await AliceAsync());
            Assert.Equal((0, ""), (scan.ExitCode, scan.Error));
            var run = JsonDocument.Parse(scan.Out).RootElement.GetProperty("run_id").GetString()!;
            await _orchestrator.Log.UntilAsync($"Run {run} of left-thing judged");
            var shown = await _orchestrator.Pki.RunAsync("run", "show", run, "-json", "-sqlite-path", _orchestrator.Pki.Database);
            var row = JsonDocument.Parse(shown.Out).RootElement;
            Assert.Equal(("done", "lab-1"), (row.GetProperty("run").GetProperty("State").GetString(), row.GetProperty("run").GetProperty("RunnerID").GetString()));
            Assert.Equal(1, row.GetProperty("events_by_type").GetProperty("exec").GetInt64());
        }
        finally
        {
            await stop.CancelAsync();
            Assert.Equal(0, await agent.WaitAsync(Limit));
        }

        Assert.DoesNotContain(_orchestrator.Log.Lines, line => line.Contains("Refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_runner_with_anothers_certificate_never_registers()
    {
        using var stop = new CancellationTokenSource();
        var agent = RunnerHost.RunAsync(await SettingsAsync("lab-2", "lab-1"), new FakeSensor(), new FakeDriver(), new LogLines(), TimeProvider.System, stop.Token);
        await _orchestrator.Log.UntilAsync("Warning: Refused POST /v1/runners/register of", "CN=lab-1", "not that of runner lab-2");
        await stop.CancelAsync();
        Assert.Equal(0, await agent.WaitAsync(Limit));
        Assert.DoesNotContain(_orchestrator.Log.Lines, line => line.Contains("registered:", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("actors")]
    [InlineData("scan submit -package a -version 1.0.0 -skip-registry-validate")]
    public async Task Commands_work_with_an_operators_certificate_and_say_what_is_missing_without(string command)
    {
        var ca = _orchestrator.Pki.File("ca.crt");
        var good = await CliAsync(command, await AliceAsync());
        Assert.Equal((0, ""), (good.ExitCode, good.Error));

        var runner = await _orchestrator.Pki.MakeAsync("runner", "lab-1");
        var refused = await CliAsync(command, ["-tls-ca", ca, "-tls-cert", runner + ".crt", "-tls-key", runner + ".key"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("answered 403: the client certificate is a runner's", refused.Error);
        Failed(1, "-tls-cert, -tls-key", await CliAsync(command, ["-tls-ca", ca]));
        Failed(1, "does -tls-ca name the CA", await CliAsync(command, []));
        Failed(1, "none.crt", await CliAsync(command, ["-tls-ca", _orchestrator.Pki.File("none.crt")]));
        Failed(1, "holds no certificate", await CliAsync(command, ["-tls-ca", _orchestrator.Pki.File("ca.key")]));
        Failed(1, "a TLS file cannot be used", await CliAsync(command, ["-tls-cert", ca, "-tls-key", runner + ".key"]));
        Failed(2, "go together", await CliAsync(command, ["-tls-cert", runner + ".crt"]));
        Failed(2, "go together", await CliAsync(command, ["-tls-key", runner + ".key"]));
        Failed(2, "-tls-ca is empty", await CliAsync(command, ["-tls-ca", ""]));
        Failed(2, "https://", await _orchestrator.Pki.RunAsync([.. command.Split(' '), "-orchestrator", "http://127.0.0.1:1", "-tls-ca", ca]));
        Failed(1, "give an https:// address", await _orchestrator.Pki.RunAsync([.. command.Split(' '), "-orchestrator", $"http://127.0.0.1:{_orchestrator.Host.Address.Port}"]));
        Failed(1, "does it serve HTTPS", await _orchestrator.Pki.RunAsync([.. command.Split(' '), "-orchestrator", $"https://127.0.0.1:{_orchestrator.Host.HealthAddress!.Port}"]));
    }

    private static void Failed(int code, string part, Cli.CliResult result)
    {
        Assert.Contains(part, result.Error);
        Assert.Equal(code, result.ExitCode);
    }

    private async Task<string[]> AliceAsync()
    {
        var alice = _orchestrator.Pki.File("operator-alice");
        if (!File.Exists(alice + ".crt")) await _orchestrator.Pki.MakeAsync("operator", "alice");
        return ["-tls-ca", _orchestrator.Pki.File("ca.crt"), "-tls-cert", alice + ".crt", "-tls-key", alice + ".key"];
    }

    private Task<Cli.CliResult> CliAsync(string command, string[] flags) =>
        _orchestrator.Pki.RunAsync([.. command.Split(' '), "-orchestrator", _orchestrator.Host.Address.ToString(), .. flags]);

    private async Task<RunnerSettings> SettingsAsync(string id, string certificate)
    {
        var files = await _orchestrator.Pki.MakeAsync("runner", certificate);
        return new RunnerSettings
        {
            Orchestrator = _orchestrator.Host.Address,
            RunnerId = new RunnerId(id),
            TlsCa = _orchestrator.Pki.File("ca.crt"),
            TlsCert = files + ".crt",
            TlsKey = files + ".key",
            Timings = AgentHarness.Hasty,
        };
    }
}
