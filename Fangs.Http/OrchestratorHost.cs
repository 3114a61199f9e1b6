using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Hosting;
using Fangs.Actors.Hosting;
using Fangs.Actors.Ingest;
using Fangs.Actors.Jobs;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;
using Fangs.Http.Access;
using Fangs.Http.Dashboard;
using Fangs.Http.Endpoints;
using Fangs.Http.Metrics;
using Fangs.Http.Tls;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fangs.Http;

/// <summary>The orchestrator process: store, actors and HTTP server.</summary>
public sealed partial class OrchestratorHost : IAsyncDisposable
{
    private const int MostRefusals = 3;

    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(60), AnswersWithin = TimeSpan.FromSeconds(5), BetweenQuestions = TimeSpan.FromMilliseconds(500);

    private readonly WebApplication _app;
    private readonly Store _store;

    private readonly FangsMetrics _metrics;
    private volatile string? _takenOver;
    private readonly PrometheusExporter? _exporter;
    private readonly OrchestratorSettings _settings;
    private DashboardServer? _dashboard;

    private OrchestratorHost(WebApplication app, OrchestratorSettings settings, Store store, FangsMetrics metrics, PrometheusExporter? exporter) =>
        (_app, _settings, _store, _metrics, _exporter) = (app, settings, store, metrics, exporter);

    /// <summary>Where it listens.</summary>
    public Uri Address => new(Addresses.First());

    /// <summary>Where it answers for its health without TLS; null when that is not asked for.</summary>
    public Uri? HealthAddress => _settings.HealthAddress is null ? null : new Uri(Addresses.ElementAt(1));

    /// <summary>Where the pages are.</summary>
    public Uri DashboardAddress => _settings.Dashboard is { IsOn: true, Address: not null } ? new Uri(Addresses.Last()) : Address;

    /// <summary>Its actors.</summary>
    public ActorSystem System => _app.Services.GetRequiredService<ActorSystem>();

    private ICollection<string> Addresses => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;

    /// <summary>Runs until the process is told to stop (SIGTERM, Ctrl-C) or the token is cancelled.</summary>
    /// <param name="settings">Settings.</param>
    /// <param name="logging">Where the log goes.</param>
    /// <param name="cancellationToken">Tells it to stop.</param>
    /// <returns>The exit code: 0 after a clean stop.</returns>
    /// <exception cref="StorageUnusableException">The database cannot be used, or another orchestrator has taken it over.</exception>
    /// <exception cref="TlsFileException">A TLS file cannot be used.</exception>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<int> RunAsync(OrchestratorSettings settings, Action<ILoggingBuilder> logging, CancellationToken cancellationToken)
    {
        OrchestratorHost started;
        try
        {
            started = await StartAsync(settings, TimeProvider.System, logging, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return 0; // told to stop while it started: what is stored is stored, and the next start goes on from there
        }

        await using var host = started;
        using var dump = PosixSignalRegistration.Create((PosixSignal)10, signal => // SIGUSR1
        {
            signal.Cancel = true;
            _ = host.LogTreeAsync();
        });
        await host._app.WaitForShutdownAsync(cancellationToken);
        return host._takenOver is { } reason ? throw new StorageUnusableException(reason) : 0;
    }

    /// <summary>Starts and returns when requests are served.</summary>
    /// <param name="settings">Settings.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logging">Where the log goes.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    public static async Task<OrchestratorHost> StartAsync(
        OrchestratorSettings settings, TimeProvider clock, Action<ILoggingBuilder> logging, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settings);
        // What is wrong with the files is to be said before a database is made.
        if (settings.Tls is { } files) TlsMaterial.Create(files, TlsFileContents.Read(files), clock.GetUtcNow());
        var metrics = new FangsMetrics(settings.Edge.Version);
        var store = new Store(settings.Core, clock, metrics);
        try
        {
            var app = Build(settings, store, metrics, clock, logging);
            try
            {
                var host = new OrchestratorHost(app, settings, store, metrics, settings.Metrics ? new PrometheusExporter(metrics) : null);
                await host.StartAsync(clock, cancellationToken);
                return host;
            }
            catch
            {
                await app.DisposeAsync();
                throw;
            }
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        if (_dashboard is not null) await _dashboard.DisposeAsync();
        _store.Database.Withdraw();
        await _app.DisposeAsync();
        await _store.DisposeAsync();
        _exporter?.Dispose();
        _metrics.Dispose();
    }

    private static WebApplication Build(OrchestratorSettings settings, Store store, FangsMetrics metrics, TimeProvider clock, Action<ILoggingBuilder> logging)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "fangs" });
        builder.Configuration.Sources.Clear();
        logging(builder.Logging);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(clock);
        builder.Services.AddSingleton(metrics);
        builder.Services.AddFangsActors(settings.Core, store, metrics, clock);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.ShutdownTimeout);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.MaxRequestBodySize = WireBody.DefaultLimit + 1;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 100;
            kestrel.Listen(settings.Address, listen =>
            {
                if (settings.Tls is not null) listen.UseTls(kestrel.ApplicationServices.GetRequiredService<TlsIdentity>(), asksClients: true, LoggerFor<TlsIdentity>(kestrel.ApplicationServices));
            });
            if (settings.HealthAddress is { } health) kestrel.Listen(health, listen => listen.ServeHealthOnly());
            if (settings.Dashboard is { IsOn: true, Address: { } ui }) kestrel.Listen(ui, listen =>
            {
                if (settings.Tls is not null) listen.UseTls(kestrel.ApplicationServices.GetRequiredService<TlsIdentity>(), asksClients: false, LoggerFor<TlsIdentity>(kestrel.ApplicationServices));
                listen.ServeUiOnly();
            });
        });
        if (settings.Tls is { } tls) builder.Services.AddSingleton(services => TlsIdentity.Load(tls, clock, LoggerFor<TlsIdentity>(services)));
        return builder.Build();
    }

    private static ILogger LoggerFor<T>(IServiceProvider services) => services.GetRequiredService<ILogger<T>>();

    private async Task StartAsync(TimeProvider clock, CancellationToken cancellationToken)
    {
        var settings = _settings;
        StartLog.Write(_app.Logger, settings.Configuration, _store.Upkeep);
        if (settings.Core.Notifier.FromFile is { Count: > 0 } targets)
        {
            var (added, changed) = await _store.Notifications.SaveTargetsAsync(targets, "notifiers file");
            StartLog.Targets(_app.Logger, targets.Count, added, changed);
        }

        var actors = new CoreActors(_app.Services.GetRequiredService<ActorRegistry>());
        var lifetime = _app.Services.GetRequiredService<IHostApplicationLifetime>();
        var guard = new AccessGuard(bindsIdentity: settings.Tls?.ClientCaFile is not null, LoggerFor<AccessGuard>(_app.Services));
        _app.UseMiddleware<RequestObserver>();
        _app.UseMiddleware<ErrorEnvelopeMiddleware>();
        if (settings.HealthAddress is not null) _app.UseHealthListener();
        if (settings.Dashboard is { IsOn: true, Address: not null }) _app.UseUiListener();
        _app.UseRouting();
        guard.Use(_app);
        _app.UseMiddleware<RequestTracer>();
        _app.MapHealth(settings.Edge, new Readiness(_store, actors, lifetime, clock));
        _app.MapRunners(settings.Edge, actors, guard);
        _app.MapJobs(settings.Edge, actors, guard);
        _app.MapScans(settings.Edge, clock, actors);
        _app.MapResults(settings.Edge, actors, guard);
        _app.MapDecisions(settings.Edge, actors, guard);
        new EventEndpoints(settings.Edge, new BatchPreparer(), _metrics, clock, lifetime, actors, guard).Map(_app);
        _app.MapPackageChecks(settings.Edge, actors);
        if (settings.Dashboard.IsOn) _dashboard = DashboardServer.Map(_app, settings, _store, actors, guard, clock, lifetime.ApplicationStopping);
        else _app.MapActorTree(_app.Services);
        if (_exporter is not null)
            _app.MapMetrics(_metrics, _exporter, () => new FiguresReader(System, actors.Dispatcher, actors.Runners, _store.Runs, clock));

        // The journal is written through other connections than the one with the lock: going on would mix two queues.
        _store.Database.TakenOver += reason =>
        {
            _takenOver = reason;
            TakenOver(_app.Logger, reason);
            lifetime.StopApplication();
        };

        // Parked polls are answered before the server waits for open requests.
        lifetime.ApplicationStopping.Register(() => actors.Dispatcher.Tell(DrainPolls.Instance, ActorRefs.NoSender)); // whoever runs this may be an actor of another system
        await _app.StartAsync(cancellationToken);
        await QueueRecoveredAsync(actors, cancellationToken);

        // And again should the actor system be stopped some other way.
        CoordinatedShutdown.Get(System).AddTask(CoordinatedShutdown.PhaseServiceRequestsDone, "drain-polls", async () =>
        {
            await actors.Dispatcher.Ask<PollsDrained>(DrainPolls.Instance, TimeSpan.FromSeconds(2));
            return Akka.Done.Instance;
        });
        _store.Database.Announce(Address);
        Listening(_app.Logger, Address, settings.Edge.OrchestratorId, _store.Database.Name);
        if (settings.Core.StoresNothing) StoresNothing(_app.Logger);
        if (settings.Tls is { } tls) LogTls(tls);
        if (HealthAddress is { } health) HealthListening(_app.Logger, health);
        if (settings.Dashboard.IsOn) DashboardAt(_app.Logger, DashboardAddress);
    }

    /// <summary>Waits until the job queue answers. One that cannot be read breaks at each attempt, and takes questions along or refuses them.</summary>
    private async Task QueueRecoveredAsync(CoreActors actors, CancellationToken cancellationToken)
    {
        var (began, refusals) = (TimeProvider.System.GetTimestamp(), 0);
        while (refusals < MostRefusals && TimeProvider.System.GetElapsedTime(began) < ReadyWithin)
        {
            try
            {
                if (await actors.Dispatcher.Ask<object>(GetJobs.Instance, AnswersWithin, cancellationToken) is JobList) return;
                refusals++;
                await Task.Delay(BetweenQuestions, TimeProvider.System, cancellationToken);
            }
            catch (AskTimeoutException)
            {
                // It recovers still, or the question was lost with an attempt that broke.
            }
        }

        throw new StorageUnusableException($"The job queue in {_store.Database.Name} cannot be recovered; the log says why. Nothing was changed. "
            + "'fangs db check' lists the entries that cannot be read: restore a backup, or use the fangs that wrote it.");
    }

    private void LogTls(TlsSettings settings)
    {
        var certificate = _app.Services.GetRequiredService<TlsIdentity>().Current.Certificate;
        var (end, clients) = (certificate.NotAfter.ToUniversalTime(), settings.ClientCaFile is { } ca ? $"must have a certificate from {ca}" : "need no certificate");
        ServingTls(_app.Logger, certificate.Subject, end, clients);
    }

    private async Task LogTreeAsync()
    {
        foreach (var line in await ActorTree.ReadAsync(System)) TreeLine(_app.Logger, line.Path, line.State, line.Children);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Listening on {Address} as {Id}, database {Path}")]
    private static partial void Listening(ILogger logger, Uri address, string id, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Nothing is stored: no verdicts, no watcher, no alerts, no dashboard; queued scans are gone when this process ends")]
    private static partial void StoresNothing(ILogger logger);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Stopping: {Reason} The connection that had the lock was lost")]
    private static partial void TakenOver(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "TLS with the certificate {Subject}, valid until {NotAfter:u}; clients {Clients}")]
    private static partial void ServingTls(ILogger logger, string subject, DateTime notAfter, string clients);

    [LoggerMessage(Level = LogLevel.Information, Message = "Health and readiness without TLS at {Address}v1/health and /v1/ready")]
    private static partial void HealthListening(ILogger logger, Uri address);

    [LoggerMessage(Level = LogLevel.Information, Message = "Dashboard at {Address}ui/")]
    private static partial void DashboardAt(ILogger logger, Uri address);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Path}: {State} ({Children} children)")]
    private static partial void TreeLine(ILogger logger, string path, string state, int children);
}
