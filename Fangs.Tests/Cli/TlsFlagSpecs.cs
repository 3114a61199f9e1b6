using System.Net;
using Fangs.Cli;
using Fangs.Cli.Hosting;
using Fangs.Cli.Scans;

namespace Fangs.Tests.Cli;

public sealed class TlsFlagSpecs : IDisposable
{
    private readonly CliFixture _cli = new();
    private OrchestratorOptions? _orchestrator;
    private RunnerOptions? _runner;

    public TlsFlagSpecs() => _cli.Roots = new CompositionRoots(
        (options, _) =>
        {
            _orchestrator = options;
            return Task.CompletedTask;
        },
        (options, _) =>
        {
            _runner = options;
            return Task.CompletedTask;
        });

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("-tls-cert a", "-tls-cert needs -tls-key")]
    [InlineData("-tls-key b", "-tls-key needs -tls-cert")]
    [InlineData("-tls-client-ca c", "-tls-client-ca needs -tls-cert and -tls-key")]
    [InlineData("-tls-cert a -tls-client-ca c", "-tls-cert needs -tls-key")]
    [InlineData("-tls-key b -tls-client-ca c", "-tls-key needs -tls-cert")]
    [InlineData("-tls-cert= -tls-key=", "-tls-cert is empty")]
    [InlineData("-tls-cert a -tls-key=", "-tls-key is empty")]
    [InlineData("-tls-cert a -tls-key b -tls-client-ca=", "-tls-client-ca is empty")]
    [InlineData("-tls-cert a -tls-key b -insecure", "-insecure is for plain HTTP")]
    [InlineData("-addr 0.0.0.0:1 -tls-client-ca c", "-tls-client-ca needs")]
    [InlineData("-health-addr 0.0.0.0:8444", "can be reached from other hosts")]
    [InlineData("-health-addr :8444", "can be reached from other hosts")]
    [InlineData("-health-addr 192.0.2.1:8444 -insecure", "can be reached from other hosts")]
    [InlineData("-health-addr 127.0.0.1:8443", "same as -addr")]
    [InlineData("-health-addr nonsense", "-health-addr nonsense: expected")]
    public async Task An_orchestrator_with_half_a_TLS_configuration_does_not_start(string flags, string reason)
    {
        var result = await _cli.RunPlainAsync(["orchestrator", .. flags.Split(' ')]);
        Assert.Contains(reason, result.Error);
        Assert.Equal((2, ""), (result.ExitCode, result.Out));
        Assert.Null(_orchestrator);
    }

    [Theory]
    [InlineData("127.0.0.1:8443")]
    [InlineData("0.0.0.0:8443")]
    [InlineData("[2001:db8::1]:8443")]
    public async Task With_TLS_any_address_will_do(string address)
    {
        Assert.Equal(0, (await _cli.RunPlainAsync("orchestrator", "-addr", address, "-tls-cert", "a", "-tls-key", "b")).ExitCode);
        Assert.Equal((new ServerTls("a", "b", null), null), (_orchestrator!.Tls, _orchestrator.HealthAddress));
        Assert.Equal(0, (await _cli.RunPlainAsync("orchestrator", "-addr", address, "-tls-cert", "a", "-tls-key", "b", "-tls-client-ca", "c", "-health-addr", "localhost:8444")).ExitCode);
        Assert.Equal((new ServerTls("a", "b", "c"), new IPEndPoint(IPAddress.Loopback, 8444)), (_orchestrator.Tls, _orchestrator.HealthAddress));
    }

    [Fact]
    public async Task A_health_address_goes_with_plain_HTTP_too()
    {
        Assert.Equal(0, (await _cli.RunPlainAsync("orchestrator", "-health-addr", "[::1]:8444")).ExitCode);
        Assert.Equal((null, new IPEndPoint(IPAddress.IPv6Loopback, 8444)), (_orchestrator!.Tls, _orchestrator.HealthAddress));
    }

    [Theory]
    [InlineData("-tls-ca x", "https://")]
    [InlineData("-tls-cert x -tls-key y", "https://")]
    [InlineData("-orchestrator http://h:1 -tls-key y", "https://")]
    [InlineData("-orchestrator https://h:1 -tls-cert x", "go together")]
    [InlineData("-orchestrator https://h:1 -tls-key y", "go together")]
    [InlineData("-orchestrator https://h:1 -tls-ca=", "-tls-ca is empty")]
    public async Task A_runner_whose_TLS_flags_make_no_sense_does_not_start(string flags, string reason)
    {
        var result = await _cli.RunPlainAsync(["runner", .. flags.Split(' ')]);
        Assert.Contains(reason, result.Error);
        Assert.Equal((2, ""), (result.ExitCode, result.Out));
        Assert.Null(_runner);
    }

    [Fact]
    public async Task TLS_flags_reach_the_runner()
    {
        Assert.Equal(0, (await _cli.RunPlainAsync("runner", "-orchestrator", "https://h:1", "-tls-ca", "a", "-tls-cert", "b", "-tls-key", "c")).ExitCode);
        Assert.Equal((new Uri("https://h:1/"), new TlsFlags("a", "b", "c")), (_runner!.Orchestrator, _runner.Tls));
        Assert.Equal(0, (await _cli.RunPlainAsync("runner", "-orchestrator", "https://h:1")).ExitCode);
        Assert.Equal(new TlsFlags(null, null, null), _runner.Tls);
    }

    [Fact]
    public async Task A_file_that_cannot_be_used_ends_the_orchestrator_with_the_reason()
    {
        _cli.Roots = Composition.Roots;
        var result = await _cli.RunAsync("orchestrator", "-addr", "127.0.0.1:0", "-tls-cert", Path.Combine(_cli.Folder, "none.crt"), "-tls-key", "none.key");
        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.StartsWith($"fangs: {_cli.Folder}/none.crt cannot be read: ", result.Error);
        Assert.False(File.Exists(_cli.Database));
    }
}
