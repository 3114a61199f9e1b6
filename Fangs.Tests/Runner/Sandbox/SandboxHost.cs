using System.Collections.Concurrent;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>A driver with a state directory of its own, and what the tests need around it.</summary>
internal sealed class SandboxHost : IAsyncDisposable
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly string _state = Path.Combine(Path.GetTempPath(), "fangs-sandbox-" + Guid.NewGuid().ToString("N"));

    internal SandboxHost(Uri registry) => Settings = new OciSandboxSettings
    {
        RunnerId = new RunnerId("specs-" + Guid.NewGuid().ToString("N")),
        StateDirectory = _state,
        Registry = registry,
    };

    /// <summary>For toy packages, whose timers are short.</summary>
    internal static SandboxHost For(ToyRegistry registry)
    {
        var host = new SandboxHost(registry.Address);
        host.Settings = host.Settings with { ImportLinger = TimeSpan.FromMilliseconds(200) };
        return host;
    }

    internal OciSandboxSettings Settings { get; set; }

    internal string StateDirectory => _state;

    internal ConcurrentQueue<(string Phase, string Nonce)> Phases { get; } = new();

    internal OciSandboxDriver Driver() => new(Settings, NullLogger<OciSandboxDriver>.Instance, TimeProvider.System);

    internal static void RequireKernel() =>
        Skip.If(Environment.UserName != "root" || CgroupHost.Find() is null || CommandLine.Find("runc") is null, "sandboxes need root, cgroup v2 and runc");

    internal static Job Scan(string package, string version, SandboxSpec? spec = null) => new()
    {
        RunId = RunId.New(TimeProvider.System),
        Kind = JobKind.SandboxScan,
        PackageName = package,
        Version = version,
        Sandbox = spec ?? new SandboxSpec { Image = "node:20-slim" },
    };

    internal static Job Command(params string[] command) => new()
    {
        RunId = RunId.New(TimeProvider.System),
        Kind = JobKind.SandboxScan,
        Sandbox = new SandboxSpec { Image = "node:20-slim", Command = command },
    };

    /// <summary>Runs a job to its end.</summary>
    internal async Task<(SandboxOutcome Outcome, string Output)> RunAsync(Job job)
    {
        using var limit = new CancellationTokenSource(Patience);
        var sandbox = await CreateAsync(job);
        await using var end = sandbox.DisposedSoon();
        // The second limit is for a driver that does not heed the first.
        var outcome = await sandbox.RunAsync((phase, nonce) => Phases.Enqueue((phase, nonce)), limit.Token).WaitAsync(2 * Patience);
        return (outcome, sandbox.OutputTail);
    }

    /// <summary>Makes the sandbox of a job.</summary>
    internal Task<ISandbox> CreateAsync(Job job) => Driver().CreateAsync(job, CancellationToken.None).WaitAsync(Patience);

    /// <summary>Directories of all hierarchies that belong to a run.</summary>
    internal static IReadOnlyList<string> CgroupsOf(RunId run)
    {
        var host = CgroupHost.Find()!;
        return [.. host.V1Roots.Values.Distinct().Append(host.V2Root).Select(r => $"{r}/fangs/{run}").Where(Directory.Exists)];
    }

    public ValueTask DisposeAsync()
    {
        if (Directory.Exists(_state)) Directory.Delete(_state, recursive: true);
        return ValueTask.CompletedTask;
    }
}
