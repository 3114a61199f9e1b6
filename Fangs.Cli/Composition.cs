using Fangs.Actors.Analysis;
using Fangs.Actors.Hosting;
using Fangs.Actors.Watching;
using Fangs.Cli.Configuration;
using Fangs.Cli.Hosting;
using Fangs.Http;
using Fangs.Http.Dashboard;
using Fangs.Http.Tls;
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
        Orchestrator: RunOrchestratorAsync,
        Runner: RunRunnerAsync);

    /// <summary>The settings of an orchestrator: flags over configuration file over defaults.</summary>
    public static OrchestratorSettings Settings(OrchestratorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (source, file) = (options.Configuration.Source, options.Configuration.Settings);
        var (edge, core, analysis) = (new EdgeSettings(), new CoreSettings(), new AnalysisSettings());
        return new OrchestratorSettings
        {
            Address = options.Address,
            Metrics = options.Metrics,
            Tls = options.Tls is { } tls ? new TlsSettings(tls.Certificate, tls.Key, tls.ClientCa) : null,
            HealthAddress = options.HealthAddress,
            Configuration = source,
            Dashboard = new DashboardSettings
            {
                IsOn = options.Ui.IsOn,
                Address = options.Ui.Address,
                Token = options.Ui.Token,
                // Others can reach it and no certificate tells who they are.
                MustSignInToRead = options.Ui.Address is { } ui && !ListenAddress.IsLoopback(ui),
            },
            Edge = edge with
            {
                OrchestratorId = options.Id,
                Stores = !options.StoresNothing,
                Version = VersionCommand.Version,
                WatchedPaths = file.WatchedPaths ?? edge.WatchedPaths,
                MaxJobDuration = file.MaxJobDuration ?? edge.MaxJobDuration,
                StreamIdleTimeout = file.StreamIdleTimeout ?? edge.StreamIdleTimeout,
            },
            Core = core with
            {
                SqlitePath = options.SqlitePath,
                Postgres = options.Postgres,
                StoresNothing = options.StoresNothing,
                Watch = Watch(options.Watch, file.WatchedPaths ?? edge.WatchedPaths),
                Retention = core.Retention with { Horizon = TimeSpan.FromDays(options.RetentionDays), Interval = options.RetentionInterval },
                Notifier = core.Notifier with { AllowPrivate = file.AllowPrivateNotifiers ?? core.Notifier.AllowPrivate, FromFile = options.Notifiers },
                MaxEventsPerRun = file.MaxEventsPerRun ?? core.MaxEventsPerRun,
                ConfiguredAllow = file.Allow,
                Jobs = core.Jobs with { ResultSlack = file.ResultSlack ?? core.Jobs.ResultSlack },
                Analysis = analysis with
                {
                    MinRuns = file.MinRuns ?? analysis.MinRuns,
                    CdnEnabled = file.CdnEnabled ?? analysis.CdnEnabled,
                    CdnExtra = file.CdnExtra ?? analysis.CdnExtra,
                },
            },
        };
    }

    private static async Task RunOrchestratorAsync(OrchestratorOptions options, CancellationToken stop)
    {
        using var tracing = Tracing.Start(options.Otlp, "fangs-orchestrator", options.Id);
        try
        {
            var settings = Settings(options);
            var shown = EffectiveSettings.Of(options.Configuration).Select(setting => new ShownSetting(setting.Name, setting.Texts, setting.Line));
            await OrchestratorHost.RunAsync(settings with { Dashboard = settings.Dashboard with { Shown = [.. shown] } }, LogOutput.In(options.LogFormat), stop);
        }
        catch (TlsFileException e)
        {
            throw new CliException(e.Message);
        }
    }

    // The interval between looks at the table stays below that between polls, or short intervals would not be kept.
    private static WatchSettings Watch(WatchOptions options, IReadOnlyList<WatchedPath> watchedPaths) => new()
    {
        IsOn = options.IsOn,
        Interval = options.Interval,
        TableInterval = options.Interval < TimeSpan.FromSeconds(8) ? options.Interval / 4 : TimeSpan.FromSeconds(2),
        WatchedPaths = watchedPaths,
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
        using var tracing = Tracing.Start(options.Otlp, "fangs-runner", options.RunnerId);
        using var logs = LoggerFactory.Create(LogOutput.In(options.LogFormat));
        using var scope = logs.CreateLogger(nameof(Composition)).BeginScope(new KeyValuePair<string, object?>[] { new("RunnerId", options.RunnerId) });
        var driver = new OciSandboxDriver(new OciSandboxSettings
        {
            RunnerId = runner,
            StateDirectory = options.StateDirectory,
            Registry = await NpmRegistry.ResolveAsync(options.Registry, stop),
        }, logs.CreateLogger<OciSandboxDriver>(), TimeProvider.System);
        try
        {
            await using var sensor = EbpfSensor.Create();
            var settings = new RunnerSettings
            {
                Orchestrator = options.Orchestrator,
                RunnerId = runner,
                Timeout = options.Timeout,
                Slots = options.Slots,
                TlsCa = options.Tls.Ca,
                TlsCert = options.Tls.Certificate,
                TlsKey = options.Tls.Key,
            };
            if (await RunnerHost.RunAsync(settings, sensor, driver, logs, TimeProvider.System, stop) != 0)
                throw new CliException("the runner did not start or broke; its log says why");
        }
        catch (BpfException e)
        {
            throw new CliException(e.Message);
        }
    }
}
