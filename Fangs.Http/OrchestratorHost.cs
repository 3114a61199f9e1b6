using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Hosting;
using Fangs.Actors.Hosting;
using Fangs.Actors.Ingest;
using Fangs.Actors.Jobs;
using Fangs.Http.Endpoints;
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
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;
    private readonly Store _store;

    private OrchestratorHost(WebApplication app, Store store) => (_app, _store) = (app, store);

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Its actors.</summary>
    public ActorSystem System => _app.Services.GetRequiredService<ActorSystem>();

    /// <summary>Runs until the process is told to stop (SIGTERM, Ctrl-C) or the token is cancelled.</summary>
    /// <returns>The exit code: 0 after a clean stop.</returns>
    /// <exception cref="Fangs.Actors.Storage.StorageUnusableException">The database cannot be used.</exception>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<int> RunAsync(OrchestratorSettings settings, CancellationToken cancellationToken)
    {
        await using var host = await StartAsync(settings, TimeProvider.System, ConsoleLogging, cancellationToken);
        using var dump = PosixSignalRegistration.Create((PosixSignal)10, signal => // SIGUSR1
        {
            signal.Cancel = true;
            _ = host.LogTreeAsync();
        });
        await host._app.WaitForShutdownAsync(cancellationToken);
        return 0;
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
        var store = new Store(settings.Core, clock);
        try
        {
            var app = Build(settings, store, clock, logging);
            var host = new OrchestratorHost(app, store);
            await host.StartAsync(settings, clock, cancellationToken);
            return host;
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
        await _app.DisposeAsync();
        await _store.DisposeAsync();
    }

    private static void ConsoleLogging(ILoggingBuilder logging) => logging
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        })
        .SetMinimumLevel(LogLevel.Information)
        .AddFilter("Microsoft", LogLevel.Warning);

    private static WebApplication Build(OrchestratorSettings settings, Store store, TimeProvider clock, Action<ILoggingBuilder> logging)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "fangs" });
        builder.Configuration.Sources.Clear();
        logging(builder.Logging);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(clock);
        builder.Services.AddFangsActors(settings.Core, store, clock);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.ShutdownTimeout);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.MaxRequestBodySize = WireBody.DefaultLimit + 1;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 100;
            kestrel.Listen(settings.Address);
        });
        return builder.Build();
    }

    private async Task StartAsync(OrchestratorSettings settings, TimeProvider clock, CancellationToken cancellationToken)
    {
        var actors = new CoreActors(_app.Services.GetRequiredService<ActorRegistry>());
        var lifetime = _app.Services.GetRequiredService<IHostApplicationLifetime>();
        _app.UseMiddleware<ErrorEnvelopeMiddleware>();
        _app.UseRouting();
        _app.MapHealth(settings.Edge);
        _app.MapRunners(settings.Edge, actors);
        _app.MapJobs(settings.Edge, actors);
        _app.MapScans(settings.Edge, clock, actors);
        _app.MapResults(settings.Edge, actors);
        new EventEndpoints(settings.Edge, new BatchPreparer(), clock, lifetime, actors).Map(_app);
        _app.MapPackageChecks(settings.Edge, actors);
        _app.MapActorTree(_app.Services);

        // Parked polls are answered before the server waits for open requests.
        lifetime.ApplicationStopping.Register(() => actors.Dispatcher.Tell(DrainPolls.Instance));
        await _app.StartAsync(cancellationToken);
        await actors.Dispatcher.Ask<JobList>(GetJobs.Instance, ReadyWithin, cancellationToken); // the queue has been recovered

        // And again should the actor system be stopped some other way.
        CoordinatedShutdown.Get(System).AddTask(CoordinatedShutdown.PhaseServiceRequestsDone, "drain-polls", async () =>
        {
            await actors.Dispatcher.Ask<PollsDrained>(DrainPolls.Instance, TimeSpan.FromSeconds(2));
            return Akka.Done.Instance;
        });
        Listening(_app.Logger, Address, settings.Edge.OrchestratorId, _store.Database.Path);
    }

    private async Task LogTreeAsync()
    {
        foreach (var line in await ActorTree.ReadAsync(System)) TreeLine(_app.Logger, line.Path, line.State, line.Children);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Listening on {Address} as {Id}, database {Path}")]
    private static partial void Listening(ILogger logger, Uri address, string id, string path);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Path}: {State} ({Children} children)")]
    private static partial void TreeLine(ILogger logger, string path, string state, int children);
}
