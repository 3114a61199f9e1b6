using System.Net;
using Fangs.Cli;
using Fangs.Cli.Hosting;
using Fangs.Cli.Up;
using Fangs.Http;

namespace Fangs.Tests.Cli;

public sealed class HostingCommandSpecs : IDisposable
{
    private readonly CliFixture _cli = new();
    private OrchestratorOptions? _orchestrator;
    private RunnerOptions? _runner;

    public HostingCommandSpecs() => _cli.Roots = new CompositionRoots(
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

    [Fact]
    public async Task The_orchestrator_starts_with_its_defaults()
    {
        Assert.Equal(0, (await _cli.RunPlainAsync("orchestrator")).ExitCode);
        Assert.Equal(
            (new IPEndPoint(IPAddress.Loopback, 8443), "fangs-orchestrator", "var/lib/fangs/fangs.db"),
            (_orchestrator!.Address, _orchestrator.Id, _orchestrator.SqlitePath));
        Assert.Equal(new ConfigurationSource(Path.GetFullPath("config/orchestrator.yaml"), IsRead: false, IsNamed: false), _orchestrator.Configuration.Source);
    }

    [Fact]
    public async Task The_runner_starts_with_its_defaults()
    {
        Assert.Equal(0, (await _cli.RunPlainAsync("runner")).ExitCode);
        Assert.Equal(new RunnerOptions(new Uri("http://127.0.0.1:8443/"), Environment.MachineName, TimeSpan.FromSeconds(30), 1, null, "/run/fangs"), _runner);
    }

    [Fact]
    public async Task Flags_reach_the_parts()
    {
        await _cli.RunPlainAsync("orchestrator", "--addr=[::1]:9000", "-id", "o1", "-sqlite-path", "/tmp/x.db", "-watch=false", "-watch-interval", "90s", "-registry", "http://127.0.0.1:4873", "-ui", "-metrics=false", "-retention-days", "0");
        Assert.Equal(
            (new IPEndPoint(IPAddress.IPv6Loopback, 9000), "o1", "/tmp/x.db"), (_orchestrator!.Address, _orchestrator.Id, _orchestrator.SqlitePath));
        Assert.Equal((false, 0), (_orchestrator.Metrics, _orchestrator.RetentionDays));
        Assert.Equal(new WatchOptions(false, TimeSpan.FromSeconds(90), "http://127.0.0.1:4873"), _orchestrator.Watch);
        await _cli.RunPlainAsync("runner", "-orchestrator", "http://10.0.0.1:9000/", "-runner-id", "lab-1", "-timeout", "1m", "-slots", "4");
        Assert.Equal(new RunnerOptions(new Uri("http://10.0.0.1:9000/"), "lab-1", TimeSpan.FromMinutes(1), 4, null, "/run/fangs"), _runner);
    }

    [Fact]
    public async Task What_is_observed_and_kept_is_set_by_flags_and_the_receiver_of_traces_also_by_its_variable()
    {
        _cli.Set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        await _cli.RunPlainAsync("orchestrator", "-log-format=json", "-retention-days=7", "-retention-interval=90m");
        Assert.Equal((LogFormat.Json, 7, TimeSpan.FromMinutes(90), new Uri("http://127.0.0.1:4318")),
            (_orchestrator!.LogFormat, _orchestrator.RetentionDays, _orchestrator.RetentionInterval, _orchestrator.Otlp));
        await _cli.RunPlainAsync("runner", "-otlp-endpoint", "https://otel.example:4318");
        Assert.Equal(new Uri("https://otel.example:4318"), _runner!.Otlp);
    }

    [Theory]
    [InlineData("0.0.0.0:8443")]
    [InlineData("[::]:8443")]
    [InlineData(":8443")]
    [InlineData("192.0.2.1:8443")]
    public async Task An_open_address_in_plain_HTTP_needs_a_word(string address)
    {
        var result = await _cli.RunPlainAsync("orchestrator", "-addr", address);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("-insecure", result.Error);
        Assert.Null(_orchestrator);
        Assert.Equal(0, (await _cli.RunPlainAsync("orchestrator", "-insecure", "-addr", address)).ExitCode);
    }

    [Theory]
    [InlineData("orchestrator -addr localhost:1", 0)]
    [InlineData("orchestrator -addr 127.8.8.8:1", 0)]
    [InlineData("orchestrator -addr [::ffff:127.0.0.1]:1", 0)]
    [InlineData("orchestrator -addr host:1", 2)]
    [InlineData("orchestrator -addr 127.0.0.1", 2)]
    [InlineData("orchestrator -addr 127.0.0.1:65536", 2)]
    [InlineData("orchestrator -addr ::1:80", 2)]
    [InlineData("orchestrator -addr 127.0.0.1:-1", 2)]
    [InlineData("orchestrator -id=", 2)]
    [InlineData("orchestrator -watch", 0)]
    [InlineData("orchestrator -watch-interval 1s -registry https://registry.example/npm", 0)]
    [InlineData("orchestrator -watch-interval 999ms", 2)]
    [InlineData("orchestrator -registry ftp://registry.example", 2)]
    [InlineData("orchestrator -registry nonsense", 2)]
    [InlineData("orchestrator -ui=false", 0)]
    [InlineData("orchestrator -ui=false -ui-addr 127.0.0.1:8445", 2)]
    [InlineData("orchestrator -ui=false -ui-token a-token-that-is-long-enough", 2)]
    [InlineData("orchestrator -ui-addr 127.0.0.1:8445", 0)]
    [InlineData("orchestrator -ui-addr 127.0.0.1:8443", 2)]
    [InlineData("orchestrator -ui-addr 0.0.0.0:8445 -ui-token a-token-that-is-long-enough", 2)]
    [InlineData("orchestrator -ui-addr 0.0.0.0:8445 -insecure", 2)]
    [InlineData("orchestrator -ui-addr 0.0.0.0:8445 -insecure -ui-token a-token-that-is-long-enough", 0)]
    [InlineData("orchestrator -ui-token a-token-that-is-long-enough", 0)]
    [InlineData("orchestrator -metrics", 0)]
    [InlineData("orchestrator -retention-days 30 -retention-interval 1h", 0)]
    [InlineData("orchestrator -retention-days 40000", 2)]
    [InlineData("orchestrator -retention-interval 59s", 2)]
    [InlineData("orchestrator -log-format json", 0)]
    [InlineData("orchestrator -log-format xml", 2)]
    [InlineData("orchestrator -otlp-endpoint http://127.0.0.1:4318", 0)]
    [InlineData("orchestrator -otlp-endpoint 127.0.0.1:4318", 2)]
    [InlineData("runner -log-format json", 0)]
    [InlineData("runner -otlp-endpoint nonsense", 2)]
    [InlineData("orchestrator -notifiers-file missing.json", 1)]
    [InlineData("orchestrator -config=", 2)]
    [InlineData("orchestrator -retention-days 90", 0)]
    [InlineData("orchestrator -storage postgres", 2)]
    [InlineData("runner -storage none", 2)]
    [InlineData("orchestrator -storage none -ui-token 0123456789abcdef", 2)]
    [InlineData("orchestrator -postgres-dsn x", 2)]
    [InlineData("orchestrator -ui-token x", 2)]
    [InlineData("runner -tls-ca x", 2)]
    [InlineData("runner -orchestrator nonsense", 2)]
    [InlineData("runner -slots 0", 2)]
    [InlineData("runner -runner-id *", 2)]
    [InlineData("runner -timeout 0s", 2)]
    [InlineData("up -exit", 2)]
    [InlineData("up -scan Bad", 2)]
    [InlineData("up -scan a@", 2)]
    [InlineData("up -scan a@1 -skip-registry-validate", 2)]
    [InlineData("up -scan a -skip-registry-validate", 2)]
    [InlineData("up -json", 2)]
    [InlineData("up -sqlite-path x", 2)]
    [InlineData("up -addr 0.0.0.0:1", 2)]
    [InlineData("up -addr 127.0.0.1:0", 2)]
    public async Task What_cannot_be_done_is_refused_before_anything_starts(string line, int code)
    {
        var result = await _cli.RunPlainAsync(line.Split(' '));
        Assert.Equal(code, result.ExitCode);
        if (code != 0) Assert.StartsWith("fangs: ", result.Error);
        Assert.Equal(code == 0, _orchestrator is not null || _runner is not null);
    }

    [Fact]
    public async Task No_command_prints_usage_as_an_error_and_help_as_an_answer()
    {
        var (none, help) = (await _cli.RunPlainAsync(), await _cli.RunPlainAsync("help"));
        Assert.Equal((1, ""), (none.ExitCode, none.Out));
        Assert.Equal((0, ""), (help.ExitCode, help.Error));
        Assert.Equal(none.Error, help.Out);
        CliFixture.Approve(help.Out, "help");
        CliFixture.Approve((await _cli.RunPlainAsync("run", "show", "-h")).Out, "help-run-show");
        Assert.Contains("run show", (await _cli.RunPlainAsync("run", "--help")).Out);
    }

    [Fact]
    public async Task Every_command_explains_itself_with_examples()
    {
        foreach (var spec in CommandTable.Entries.Select(entry => entry.Spec))
        {
            foreach (var path in spec.Aliases.Prepend(spec.Path))
            {
                var help = await _cli.RunPlainAsync([.. path.Split(' '), "--help"]);
                Assert.Equal((0, ""), (help.ExitCode, help.Error));
                Assert.StartsWith($"{spec.Summary}\n\nUsage: fangs {spec.Path}", help.Out);
                Assert.Contains($"\nExamples:\n  fangs {spec.Examples[0]}\n", help.Out);
                Assert.Equal(help.Out, (await _cli.RunPlainAsync(["help", .. path.Split(' ')])).Out);
            }
        }

        CliFixture.Approve((await _cli.RunPlainAsync("diff", "-h")).Out, "help-diff");
        CliFixture.Approve((await _cli.RunPlainAsync("allow", "rm", "-h")).Out, "help-allow-remove");
    }

    [Fact]
    public async Task Missing_packages_are_named_and_never_installed_without_consent()
    {
        var installed = false;
        Need[] needs = [new("libthing1", "does things", () => installed), new("there", "is there", () => true)];
        var output = new StringWriter();
        Task<bool> Install(IReadOnlyList<string> packages)
        {
            Assert.Equal(["libthing1"], packages);
            installed = true;
            return Task.FromResult(true);
        }

        CliEnvironment Environment(string? answer) => new()
        {
            Out = output,
            Error = output,
            In = new StringReader(answer ?? ""),
            IsInputTerminal = answer is not null,
            Variable = _ => null,
            Roots = _cli.Roots,
        };

        var refusal = await Assert.ThrowsAsync<CliException>(() => MachineNeeds.EnsureAsync(needs, Environment(null), false, Install));
        Assert.Equal("install what is missing with: apt-get install libthing1 (or add --yes)", refusal.Message);
        Assert.Contains("libthing1", output.ToString());
        Assert.DoesNotContain("there  ", output.ToString());
        await Assert.ThrowsAsync<CliException>(() => MachineNeeds.EnsureAsync(needs, Environment("n\n"), false, Install));
        await Assert.ThrowsAsync<CliException>(() => MachineNeeds.EnsureAsync(needs, Environment(""), false, Install));
        Assert.False(installed);
        await MachineNeeds.EnsureAsync(needs, Environment("y\n"), false, Install);
        Assert.True(installed);
        installed = false;
        await MachineNeeds.EnsureAsync(needs, Environment(null), true, Install);
        Assert.True(installed);
    }

    [Fact]
    public async Task An_installation_that_does_not_help_is_an_error()
    {
        Need[] needs = [new("libthing1", "does things", () => false)];
        var environment = new CliEnvironment { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null, Variable = _ => null, Roots = _cli.Roots };
        Assert.Contains("libthing1", (await Assert.ThrowsAsync<CliException>(
            () => MachineNeeds.EnsureAsync(needs, environment, true, _ => Task.FromResult(true)))).Message);
        Assert.Contains("failed", (await Assert.ThrowsAsync<CliException>(
            () => MachineNeeds.EnsureAsync(needs, environment, true, _ => Task.FromResult(false)))).Message);
    }
}
