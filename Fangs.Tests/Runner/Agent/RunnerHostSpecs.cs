using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Runner.Agent;

public sealed class RunnerHostSpecs
{
    [Fact]
    public async Task A_host_without_what_the_driver_needs_is_refused_in_plain_words()
    {
        await using var agent = await AgentHarness.CreateAsync();
        agent.Driver.Missing = ["runc is not installed: apt-get install runc."];
        agent.Start();
        Assert.Equal(1, await agent.ExitAsync());
        Assert.Equal((LogLevel.Critical, "The runner cannot start: runc is not installed: apt-get install runc. "), Assert.Single(agent.Logs.Lines));
        Assert.Empty(agent.Orchestrator.Paths);
    }

    [Fact]
    public async Task Settings_that_make_no_sense_are_refused_in_plain_words()
    {
        await using var agent = await AgentHarness.CreateAsync();
        agent.Settings = agent.Settings with { Slots = 0 };
        agent.Start();
        Assert.Equal(1, await agent.ExitAsync());
        Assert.Contains("-slots must be from 1 to 64, not 0.", Assert.Single(agent.Logs.Lines).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_earlier_runner_left_behind_is_swept_and_logged()
    {
        await using var agent = await AgentHarness.CreateAsync();
        agent.Driver.LeftOver = ["cgroup fangs/1", "sandbox 2"];
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 1);
        Assert.Equal(0, await agent.StopAsync());
        Assert.Equal(2, agent.Logs.Lines.Count(line => line.Text.StartsWith("Removed what an earlier runner left behind", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_idle_runner_says_that_it_drains_and_ends_at_once()
    {
        await using var agent = await AgentHarness.CreateAsync(new SteppedTime()); // nothing it waits for may take time
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 1);
        Assert.Equal(0, await agent.StopAsync());
        Assert.Equal("draining", agent.Orchestrator.Heartbeats.Last().Status);
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 0);
    }

    [Fact]
    public async Task A_runner_that_never_registered_ends_at_once_too()
    {
        await using var agent = await AgentHarness.CreateAsync(new SteppedTime());
        agent.Orchestrator.OnRegister = FakeOrchestrator.Status(_ => 500);
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Registrations.Count == 1);
        Assert.Equal(0, await agent.StopAsync());
    }

    [Fact]
    public async Task A_stop_interrupts_the_job_and_reports_it_with_what_was_seen()
    {
        await using var agent = await AgentHarness.CreateAsync();
        var started = new TaskCompletionSource();
        agent.Driver.Run = async (job, expectPhase, ct) =>
        {
            expectPhase("install", "n");
            agent.Sensor.Sessions[job.RunId].Emit("1");
            started.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return FakeDriver.Success;
        };
        var job = AgentHarness.Scan();
        agent.Orchestrator.Give(job);
        agent.Start();
        await started.Task.Soon();
        Assert.Equal(0, await agent.StopAsync());
        var result = Assert.Single(agent.Orchestrator.Results);
        Assert.Equal(("failed", "runner shutting down", true, 1L), (result.Status, result.Reason, result.Details!.Interrupted, result.EventsEmitted));
        Assert.Equal(1, agent.Driver.Disposed);
        Assert.Contains(agent.Orchestrator.Heartbeats, beat => beat.Status == "draining");
        Assert.Equal(1, agent.Orchestrator.Polls);
    }

    [Fact]
    public async Task A_stop_ends_within_its_bound_when_the_orchestrator_is_gone()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnEvents = FakeOrchestrator.Status(_ => 500);
        agent.Orchestrator.OnResult = FakeOrchestrator.Status(_ => 500);
        var started = new TaskCompletionSource();
        agent.Driver.Run = async (job, _, ct) =>
        {
            agent.Sensor.Sessions[job.RunId].Emit("1");
            started.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
            return FakeDriver.Success;
        };
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await started.Task.Soon();
        var stopped = agent.StopAsync();
        await time.PassAsync(TimeSpan.FromSeconds(5)); // the flush is given up
        await agent.Orchestrator.ResultAsync();
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(0, await stopped);
        Assert.Equal(1UL, agent.Orchestrator.Results.First().EventsDropped);
        Assert.Contains(agent.Logs.Lines, line => line.Text.Contains("The result is given up: the runner stops", StringComparison.Ordinal));
    }

    [Fact]
    public void Settings_name_each_fault()
    {
        Assert.Empty(new RunnerSettings().Validate());
        Assert.Equal(System.Net.Dns.GetHostName(), new RunnerSettings().RunnerId.Value);
        static void Fault(string part, RunnerSettings settings) => Assert.Contains(part, Assert.Single(settings.Validate()), StringComparison.Ordinal);
        var good = new RunnerSettings();
        Fault("-orchestrator", good with { Orchestrator = new Uri("ftp://host/") });
        Fault("-orchestrator", good with { Orchestrator = new Uri("/v1", UriKind.Relative) });
        Fault("query", good with { Orchestrator = new Uri("http://host/?a=b") });
        Fault("https://", good with { TlsCa = typeof(RunnerHostSpecs).Assembly.Location });
        Fault("does not exist", good with { Orchestrator = new Uri("https://host/"), TlsCa = "no-such-file.pem" });
        Fault("together", good with { Orchestrator = new Uri("https://host/"), TlsCert = typeof(RunnerHostSpecs).Assembly.Location });
        foreach (var id in new[] { "", "*", ".", "..", "a\nb", new string('x', 254) }) Fault("-runner-id", good with { RunnerId = new RunnerId(id) });
        Fault("-timeout", good with { Timeout = TimeSpan.Zero });
        Fault("1,024", good with { BatchEvents = 1025 });
        Fault("8 MiB", good with { BatchBytes = (8 << 20) + 1 });
    }

    [Fact]
    public async Task The_runner_trusts_its_own_authority_and_shows_its_own_certificate()
    {
        var directory = Directory.CreateTempSubdirectory("fangs-agent-tls-");
        try
        {
            using var authority = Certificate("CN=test authority", null);
            using var server = Certificate("CN=localhost", authority);
            using var runner = Certificate("CN=runner-1", authority);
            string Write(string name, string pem)
            {
                var path = Path.Combine(directory.FullName, name);
                File.WriteAllText(path, pem);
                return path;
            }

            var shown = "";
            await using var fake = await FakeOrchestrator.StartAsync("/behind/a/proxy", new HttpsConnectionAdapterOptions
            {
                ServerCertificate = X509CertificateLoader.LoadPkcs12(server.Export(X509ContentType.Pkcs12), null),
                ClientCertificateMode = ClientCertificateMode.RequireCertificate,
                ClientCertificateValidation = (certificate, _, _) =>
                {
                    shown = certificate.Subject;
                    return true;
                },
            });
            var trusting = AgentHarness.SettingsFor(fake.Address) with
            {
                TlsCa = Write("ca.pem", authority.ExportCertificatePem()),
                TlsCert = Write("runner.pem", runner.ExportCertificatePem()),
                TlsKey = Write("runner.key", runner.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
            };
            Assert.Empty(trusting.Validate());
            using (var client = new OrchestratorClient(trusting, TimeProvider.System)) Assert.True((await client.HeartbeatAsync(new(), default).Soon()).Ok);
            Assert.Equal("CN=runner-1", shown);
            Assert.Equal(["POST /v1/runners/runner-1/heartbeat"], fake.Paths);

            using var doubting = new OrchestratorClient(trusting with { TlsCa = null }, TimeProvider.System);
            var refused = await Assert.ThrowsAsync<OrchestratorException>(() => doubting.HeartbeatAsync(new(), default)).Soon();
            Assert.Null(refused.Status);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_refusal_carries_its_status_and_the_orchestrators_words()
    {
        await using var fake = await FakeOrchestrator.StartAsync();
        using var client = new OrchestratorClient(AgentHarness.SettingsFor(fake.Address), TimeProvider.System);
        fake.OnHeartbeat = FakeOrchestrator.Status(_ => 400, "runner_id differs\r\nfrom the path");
        var refused = await Assert.ThrowsAsync<OrchestratorException>(() => client.HeartbeatAsync(new HeartbeatRequest(), default)).Soon();
        Assert.Equal((System.Net.HttpStatusCode.BadRequest, "400: runner_id differs  from the path", false), (refused.Status!.Value, refused.Message, refused.IsTransient));
    }

    private static X509Certificate2 Certificate(string subject, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(issuer is null, false, 0, true));
        var (from, to) = (TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddHours(1));
        if (issuer is null) return request.CreateSelfSigned(from, to);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(issuer, from.AddMinutes(1), to.AddMinutes(-1), RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }
}
