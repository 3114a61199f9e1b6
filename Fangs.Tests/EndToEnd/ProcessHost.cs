using System.Text.Json.Nodes;
using Fangs.Runner.Sensor;
using Fangs.Tests.Runner.Sandbox;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.EndToEnd;

/// <summary>An orchestrator process, a registry with packages of the test, and runner processes that share one state directory.</summary>
internal sealed class ProcessHost : IAsyncDisposable
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FangsProcess _orchestrator;
    private readonly Uri _address;
    private readonly string _directory;
    private readonly List<FangsProcess> _runners = [];

    private ProcessHost(FangsProcess orchestrator, Uri address, string directory, ToyRegistry registry) =>
        (_orchestrator, _address, _directory, Registry) = (orchestrator, address, directory, registry);

    internal ToyRegistry Registry { get; }

    /// <summary>Not below the temporary directory: sandboxes must be able to walk there.</summary>
    internal string StateDirectory { get; } = $"/run/fangs-test-{Guid.NewGuid():N}";

    private string Database => DatabaseIn(_directory);

    /// <summary>Starts orchestrator and registry; skips the test where the host lacks what a runner needs.</summary>
    internal static async Task<ProcessHost> StartAsync()
    {
        var missing = EbpfSensor.Probe();
        Skip.If(missing.Count > 0, string.Join(' ', missing));
        var directory = Directory.CreateTempSubdirectory("fangs-processes-").FullName;
        var (orchestrator, address) = await FangsProcess.StartOrchestratorAsync(DatabaseIn(directory));
        return new ProcessHost(orchestrator, address, directory, await ToyRegistry.StartAsync());
    }

    internal FangsProcess StartRunner(string id)
    {
        var runner = FangsProcess.Start(
            "runner", "-orchestrator", _address.AbsoluteUri, "-runner-id", id, "-registry", Registry.Address.AbsoluteUri, "-state-dir", StateDirectory);
        _runners.Add(runner);
        return runner;
    }

    /// <summary>Queues a job for whichever runner is free.</summary>
    internal Task<StoredRun> SubmitAsync(JsonObject job) => ScanJob.SubmitAsync(_address, Database, job);

    public async ValueTask DisposeAsync()
    {
        foreach (var runner in _runners) await runner.DisposeAsync();
        await _orchestrator.DisposeAsync();
        await Registry.DisposeAsync();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
        if (Directory.Exists(StateDirectory)) Directory.Delete(StateDirectory, recursive: true);
    }

    private static string DatabaseIn(string directory) => Path.Combine(directory, "fangs.db");
}
