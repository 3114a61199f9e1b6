using System.Text.Json.Nodes;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>Ordinary and hostile packages in real sandboxes, from a registry of the test's own.</summary>
public sealed class OciSandboxSpecs : IAsyncLifetime
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
    public async Task This_host_has_what_the_driver_needs()
    {
        SandboxHost.RequireKernel();
        Assert.Empty(await _host.Driver().ProbeAsync(CancellationToken.None).Soon());
        Assert.Equal("sandbox.oci", _host.Driver().Capability);
    }

    [SkippableFact]
    public async Task A_lifecycle_script_runs_as_an_unprivileged_user()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "id -u; grep -E 'CapBnd|CapEff|NoNewPrivs|^Seccomp:' /proc/self/status; cat /proc/self/uid_map; pwd; touch /usr/x /x; echo script-ran");
        var (outcome, output) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.True(outcome.FailureReason is null, $"{outcome.FailureReason}\n{output}");
        Assert.Contains("script-ran", output);
        Assert.Contains("1000\n", output);
        Assert.Matches(@"CapEff:\s+0+\n", output);
        Assert.Matches(@"CapBnd:\s+0+\n", output);
        Assert.Matches(@"NoNewPrivs:\s+1\n", output);
        Assert.Matches(@"Seccomp:\s+2\n", output);
        Assert.Matches(@"\s0\s+231000\s+65536", output);
        Assert.Contains("cannot touch '/usr/x'", output);
        Assert.Contains("cannot touch '/x'", output);
    }

    [SkippableFact]
    public async Task Every_entry_point_is_loaded_in_a_process_of_its_own()
    {
        SandboxHost.RequireKernel();
        var more = new JsonObject
        {
            ["module"] = "esm.mjs",
            ["exports"] = new JsonObject { ["."] = "./index.js", ["./extra"] = "./extra.js" },
            ["bin"] = new JsonObject { ["toy-bin"] = "bin.js" },
        };
        _registry.Publish("toy", null, "console.log('I am main', process.pid); setTimeout(() => console.log('timer fired'), 50)", more,
            ("esm.mjs", "console.log('I am module', import.meta.url)"), ("extra.js", "console.log('I am extra'); throw new Error('thrown')"),
            ("bin.js", "#!/usr/bin/env node\nconsole.log('I am bin', process.argv[2])"));
        var (outcome, output) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        foreach (var said in (string[])["I am main", "timer fired", "I am module", "I am extra", "I am bin --help", "bin toy-bin: exit 0", "exports ./extra.js: exit 1"])
            Assert.Contains(said, output);
    }

    [SkippableFact]
    public async Task The_first_phase_is_announced_before_anything_runs_in_the_sandbox()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", null);
        using var limit = new CancellationTokenSource(SandboxHost.Patience);
        await using var sandbox = await _host.Driver().CreateAsync(SandboxHost.Scan("toy", ToyRegistry.Version), limit.Token);
        var running = new List<string>();
        await sandbox.RunAsync((_, _) => running.Add(CommandLines(sandbox.CgroupPath)), limit.Token);
        // Until it is started, a container is the runtime, which waits in its place.
        Assert.DoesNotContain("init.sh", running[0]);
        Assert.Contains("runc", running[0]);
        Assert.Contains("init.sh", running[1]);
    }

    private static string CommandLines(string cgroup) =>
        string.Join('\n', File.ReadAllLines(Path.Combine(cgroup, "cgroup.procs")).Select(pid => File.ReadAllText($"/proc/{pid}/cmdline")));

    [SkippableFact]
    public async Task A_failing_script_fails_the_run_with_its_status()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "exit 7");
        var (outcome, _) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.Equal(7, outcome.ExitCode);
        Assert.Contains("npm install ended with status 7", outcome.FailureReason);
    }

    [SkippableFact]
    public async Task A_command_of_the_job_runs_as_given()
    {
        SandboxHost.RequireKernel();
        var (outcome, output) = await _host.RunAsync(SandboxHost.Command("/bin/sh", "-c", "echo \"$1\"; exit 3", "sh", "a b;$(c)"));
        Assert.Equal(3, outcome.ExitCode);
        Assert.Null(outcome.FailureReason);
        Assert.Equal("a b;$(c)\n", output);
        Assert.Equal(["command"], _host.Phases.Select(p => p.Phase));
    }

    [SkippableTheory]
    [InlineData("node:20-slim", "../etc", "1.0.0", "is not the name")]
    [InlineData("node:20-slim", "--registry=http://x", "1.0.0", "is not the name")]
    [InlineData("node:20-slim", "toy", "file:/etc", "is not an exact version")]
    [InlineData("alpine", "toy", "1.0.0", "has no image 'alpine'")]
    public async Task What_cannot_be_run_is_refused_in_words(string image, string name, string version, string reason)
    {
        SandboxHost.RequireKernel();
        var job = SandboxHost.Scan(name, version, new SandboxSpec { Image = image });
        var refused = await Assert.ThrowsAsync<SandboxException>(() => _host.CreateAsync(job));
        Assert.Contains(reason, refused.Message);
    }

    [SkippableFact]
    public async Task A_fork_bomb_meets_the_limit_of_processes()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "f() { f | f & }; f; sleep 1; exit 0");
        var job = SandboxHost.Scan("toy", ToyRegistry.Version, new SandboxSpec { Image = "node:20-slim", PidsLimit = 64 });
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(8));
        var sandbox = await _host.CreateAsync(job);
        await using var end = sandbox.DisposedSoon();
        try
        {
            await sandbox.RunAsync((_, _) => { }, limit.Token).WaitAsync(SandboxHost.Patience);
        }
        catch (OperationCanceledException)
        {
            // The bomb may keep npm from ending; what counts is below.
        }

        var pids = CgroupHost.Find()!.V1Roots.TryGetValue("pids", out var v1) ? $"{v1}/fangs/{job.RunId}" : sandbox.CgroupPath;
        Assert.Equal("64", (await File.ReadAllTextAsync(pids + "/pids.max")).Trim());
        Assert.InRange(long.Parse((await File.ReadAllTextAsync(pids + "/pids.events")).Split(' ')[1]), 1, long.MaxValue);
        await sandbox.DisposeAsync().Soon();
        Assert.Empty(SandboxHost.CgroupsOf(job.RunId));
    }

    [SkippableFact]
    public async Task What_fills_the_disk_meets_the_limit()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "dd if=/dev/zero of=/tmp/full bs=1M count=400 || echo went-on");
        var job = SandboxHost.Scan("toy", ToyRegistry.Version, new SandboxSpec { Image = "node:20-slim", MemoryBytes = 512L << 20 });
        var (outcome, output) = await _host.RunAsync(job);
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        Assert.Contains("No space left on device", output);
        Assert.Contains("went-on", output);
    }

    [SkippableFact]
    public async Task What_fills_the_memory_is_killed_and_the_reason_says_so()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "node -e 'const a = []; for (;;) a.push(Buffer.alloc(1 << 24, 1))'");
        var job = SandboxHost.Scan("toy", ToyRegistry.Version, new SandboxSpec { Image = "node:20-slim", MemoryBytes = 256L << 20 });
        var (outcome, _) = await _host.RunAsync(job);
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("the memory limit of 256 MiB killed", outcome.FailureReason);
    }

    [SkippableFact]
    public async Task A_script_that_hangs_ends_when_the_run_is_cancelled()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "echo hanging; sleep 1000");
        using var limit = new CancellationTokenSource(SandboxHost.Patience);
        using var cancelled = new CancellationTokenSource();
        var sandbox = await _host.CreateAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        await using var end = sandbox.DisposedSoon();
        var running = sandbox.RunAsync((_, _) => { }, cancelled.Token);
        while (!sandbox.OutputTail.Contains("\nhanging\n", StringComparison.Ordinal)) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(limit.Token));
        Assert.True(running.IsCanceled);
    }

    [SkippableFact]
    public async Task A_script_cannot_kill_process_1_but_its_own_npm()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "kill -9 1; kill -STOP 1; ls /proc/1/fd; cat /proc/1/environ; kill -9 -1");
        var (outcome, output) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.Equal(137, outcome.ExitCode);
        Assert.Contains("npm install ended with status 137", outcome.FailureReason);
        Assert.DoesNotContain("npm_config", output);
    }

    [SkippableFact]
    public async Task Gigabytes_of_output_end_the_run_and_leave_the_last_characters()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", "head -c 2G /dev/zero | tr '\\0' x; echo; echo the end");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (outcome, output) = await _host.RunAsync(SandboxHost.Scan("toy", ToyRegistry.Version));
        Assert.Equal("the sandbox ended during the installation: more than 1024 MiB of output", outcome.FailureReason);
        Assert.InRange(output.Length, 1, 4096);
        Assert.DoesNotContain("the end", output);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64L << 20);
    }

    [SkippableFact]
    public async Task The_layout_is_watched_and_its_decoys_are_credentials_that_exist()
    {
        SandboxHost.RequireKernel();
        var sandbox = await _host.CreateAsync(SandboxHost.Command("/bin/sh", "-c", "cat ~/.npmrc ~/.aws/credentials ~/.ssh/id_rsa && ls -ld /work /tmp /home/node"));
        await using var end = sandbox.DisposedSoon();
        var watched = sandbox.WatchedPaths.ToDictionary(w => w.Prefix, w => w.CredTagged);
        Assert.False(watched["/work/"]);
        Assert.False(watched["/home/node/"]);
        Assert.True(watched["/home/node/.npmrc"]);
        Assert.True(watched["/home/node/.ssh/id_rsa"]);
        var outcome = await sandbox.RunAsync((_, _) => { }, CancellationToken.None).WaitAsync(SandboxHost.Patience);
        Assert.True(outcome.ExitCode == 0, sandbox.OutputTail);
        Assert.Contains("drwxrwxrwt", sandbox.OutputTail);
    }
}
