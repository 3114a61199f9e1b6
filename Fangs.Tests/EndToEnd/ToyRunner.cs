using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Fangs.Tests.Http;
using Fangs.Tests.Runner.Sandbox;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fangs.Tests.EndToEnd;

/// <summary>Classes that share one orchestrator and one runner, and therefore run one after another.</summary>
[CollectionDefinition(nameof(ToyRunner))]
public sealed class ToyRunnerGroup : ICollectionFixture<ToyRunner>;

/// <summary>A real orchestrator, a runner with the real sensor and sandbox, and a registry with packages of the tests.</summary>
public sealed class ToyRunner : IAsyncLifetime, IDisposable
{
    /// <summary>More than any scan here takes on a slow machine.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly OrchestratorFixture _orchestrator = new();
    private readonly CancellationTokenSource _stop = new();
    private IReadOnlyList<string> _missing = [];
    private EbpfSensor? _sensor;
    private Task<int> _runner = Task.FromResult(0);

    internal ToyRegistry Registry { get; private set; } = null!;

    /// <summary>The sandboxes of this runner by run, also those that are gone.</summary>
    internal ConcurrentDictionary<RunId, OciSandbox> Sandboxes { get; } = new();

    public async Task InitializeAsync()
    {
        await _orchestrator.InitializeAsync();
        Registry = await ToyRegistry.StartAsync();
        _missing = EbpfSensor.Probe();
        if (_missing.Count > 0) return;
        _sensor = EbpfSensor.Create();
        var id = new RunnerId("toys-" + Guid.NewGuid().ToString("N")[..8]);
        var driver = new OciSandboxDriver(
            new OciSandboxSettings { RunnerId = id, StateDirectory = "/run/fangs-test", Registry = Registry.Address, ImportLinger = TimeSpan.FromMilliseconds(200) },
            NullLogger<OciSandboxDriver>.Instance, TimeProvider.System);
        _runner = RunnerHost.RunAsync(
            new RunnerSettings { Orchestrator = _orchestrator.Host.Address, RunnerId = id }, _sensor, new Watching(driver, Sandboxes), NullLoggerFactory.Instance, TimeProvider.System, _stop.Token);
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        Assert.Equal(0, await _runner.WaitAsync(Patience));
        if (_sensor is not null) await _sensor.DisposeAsync();
        await Registry.DisposeAsync();
        await _orchestrator.DisposeAsync();
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>Whether this host has what a scan needs.</summary>
    internal bool IsUsable => _missing.Count == 0;

    /// <summary>Skips the test where the host lacks what a scan needs.</summary>
    internal void Require() => Skip.If(_missing.Count > 0, string.Join(' ', _missing));

    /// <summary>Scans version 1.0.0 of a package and returns when the run has ended.</summary>
    /// <param name="package">Its name in the registry.</param>
    /// <param name="duration">The job's limit.</param>
    /// <param name="sandbox">Changes to the sandbox of the job.</param>
    internal async Task<StoredRun> ScanAsync(string package, TimeSpan? duration = null, JsonObject? sandbox = null)
    {
        var job = ScanJob.Of(package, duration ?? Patience);
        foreach (var (name, value) in sandbox ?? []) job["sandbox"]![name] = value!.DeepClone();
        var run = await ScanJob.SubmitAsync(_orchestrator.Host.Address, _orchestrator.DatabasePath, job);
        return await run.UntilEndedAsync(Patience + Patience);
    }

    /// <summary>The real driver, remembering the sandboxes it makes so that a test can ask what their gateways saw.</summary>
    private sealed class Watching(OciSandboxDriver driver, ConcurrentDictionary<RunId, OciSandbox> made) : ISandboxDriver
    {
        public string Capability => driver.Capability;

        public Task<IReadOnlyList<string>> ProbeAsync(CancellationToken cancellationToken) => driver.ProbeAsync(cancellationToken);

        public Task<IReadOnlyList<string>> SweepAsync(CancellationToken cancellationToken) => driver.SweepAsync(cancellationToken);

        public async Task<ISandbox> CreateAsync(Job job, CancellationToken cancellationToken)
        {
            var sandbox = (OciSandbox)await driver.CreateAsync(job, cancellationToken);
            made[job.RunId] = sandbox;
            return sandbox;
        }
    }
}
