using Fangs.Actors.Hosting;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Runner.Bpf;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Microsoft.Extensions.Logging;

namespace Fangs.Cli;

/// <summary>The two parts that run until they are told to stop.</summary>
/// <param name="Orchestrator">Runs the orchestrator until the token is cancelled.</param>
/// <param name="Runner">Runs the runner until the token is cancelled.</param>
public sealed record CompositionRoots(
    Func<OrchestratorOptions, CancellationToken, Task> Orchestrator,
    Func<RunnerOptions, CancellationToken, Task> Runner);

/// <summary>Where options of the command line become settings of the parts. The only file that names their hosts.</summary>
public static class Composition
{
    /// <summary>The real parts.</summary>
    public static CompositionRoots Roots { get; } = new(
        Orchestrator: (options, stop) => OrchestratorHost.RunAsync(new OrchestratorSettings
        {
            Address = options.Address,
            Edge = new EdgeSettings { OrchestratorId = options.Id, Version = VersionCommand.Version },
            Core = new CoreSettings { SqlitePath = options.SqlitePath, Watch = Watch(options.Watch) },
        }, stop),
        Runner: RunRunnerAsync);

    // The interval between looks at the table stays below that between polls, or short intervals would not be kept.
    private static WatchSettings Watch(WatchOptions options) => new()
    {
        IsOn = options.IsOn,
        Interval = options.Interval,
        TableInterval = options.Interval < TimeSpan.FromSeconds(8) ? options.Interval / 4 : TimeSpan.FromSeconds(2),
        UserAgent = $"fangs/{VersionCommand.Version}",
        Registry = async cancellationToken =>
        {
            try
            {
                return await Scans.NpmRegistry.FindAsync(options.Registry, Environment.GetEnvironmentVariable, cancellationToken);
            }
            catch (CliException e)
            {
                throw new RegistryException(e.Message, e);
            }
        },
    };

    private static async Task RunRunnerAsync(RunnerOptions options, CancellationToken stop)
    {
        if (EbpfSensor.Probe() is { Count: > 0 } missing) throw new CliException(string.Join('\n', missing));
        var runner = new RunnerId(options.RunnerId);
        using var logs = LoggerFactory.Create(logging => logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        }));
        var driver = new OciSandboxDriver(new OciSandboxSettings
        {
            RunnerId = runner,
            StateDirectory = options.StateDirectory,
            Registry = await NpmRegistry.ResolveAsync(options.Registry, stop),
        }, logs.CreateLogger<OciSandboxDriver>(), TimeProvider.System);
        try
        {
            await using var sensor = EbpfSensor.Create();
            var settings = new RunnerSettings { Orchestrator = options.Orchestrator, RunnerId = runner, Timeout = options.Timeout, Slots = options.Slots };
            if (await RunnerHost.RunAsync(settings, sensor, driver, logs, TimeProvider.System, stop) != 0)
                throw new CliException("the runner did not start or broke; its log says why");
        }
        catch (BpfException e)
        {
            throw new CliException(e.Message);
        }
    }
}
