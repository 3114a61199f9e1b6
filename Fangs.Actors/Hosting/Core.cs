using Akka.Actor;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Pattern;
using Fangs.Actors.Jobs;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Packages;
using Fangs.Actors.Retention;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;
using Fangs.Actors.Watching;
using Microsoft.Extensions.DependencyInjection;

namespace Fangs.Actors.Hosting;

/// <summary>The open database and its stores.</summary>
public sealed class Store : IAsyncDisposable
{
    // The row is there since the start. Forth and back in one transaction, because SQLite does not write what does not change.
    private const string ProbeForthSql = "UPDATE analysis_settings SET min_runs = min_runs + 1", ProbeBackSql = "UPDATE analysis_settings SET min_runs = min_runs - 1";

    private readonly StoreWriter _writer;
    private readonly EventStore _events;

    /// <summary>Opens the database, exclusively, and brings its schema up to date.</summary>
    /// <param name="settings">Settings.</param>
    /// <param name="clock">The time.</param>
    /// <param name="metrics">Counts verdicts and decisions; null for nobody.</param>
    /// <exception cref="StorageUnusableException">It cannot be used; the message says what to do.</exception>
    public Store(CoreSettings settings, TimeProvider clock, FangsMetrics? metrics = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(clock);
        Database = StoreDatabase.OpenExclusive(settings.Storage);
        try
        {
            Upkeep = StoreUpkeep.Run(Database, settings.ConfiguredAllow, settings.Analysis, clock.GetUtcNow());
        }
        catch
        {
            Database.Dispose();
            throw;
        }

        _writer = new StoreWriter(Database);
        _events = Database.MakeEventStore(_writer, clock, settings.MaxEventsPerRun);
        Runs = new RunStore(Database, _writer, clock);
        Analysis = new AnalysisStore(Database, _writer, clock);
        Ledger = new PackageLedger(Analysis, Upkeep.Analysis, clock)
        {
            Saved = change =>
            {
                metrics?.Judged(change);
                if (change.Runs.Any(run => run.Added.Count > 0)) Outbox.Raise();
            },
        };
        Notifications = new NotificationStore(Database, _writer, clock);
        Retention = new RetentionStore(Database, _writer, clock, _events.Forget);
        Watch = new WatchStore(Database, _writer, clock);
    }

    /// <summary>The database.</summary>
    public StoreDatabase Database { get; }

    /// <summary>What was put in order on opening.</summary>
    public StoreUpkeep Upkeep { get; }

    /// <summary>Runs.</summary>
    public IRunStore Runs { get; }

    /// <summary>Watched packages.</summary>
    public IWatchStore Watch { get; }

    /// <summary>Events.</summary>
    public IEventStore Events => _events;

    /// <summary>Baselines, deviations, allow list and audit log.</summary>
    public IAnalysisStore Analysis { get; }

    /// <summary>Judges runs and carries decisions out. While an orchestrator runs, only its package actors may call it.</summary>
    public PackageLedger Ledger { get; }

    /// <summary>Outbox of alerts, log of deliveries and targets.</summary>
    public INotificationStore Notifications { get; }

    /// <summary>Raised when deviations have been committed through <see cref="Ledger"/>.</summary>
    public OutboxSignal Outbox { get; } = new();

    /// <summary>Deletion of what is old.</summary>
    public IRetentionStore Retention { get; }

    /// <summary>Writes something that changes nothing, and returns when that is on the disk.</summary>
    /// <exception cref="StorageException">The store takes no writes; the message says why.</exception>
    public Task ProbeAsync() => _writer.WriteAsync(session => session.Execute(ProbeForthSql) + session.Execute(ProbeBackSql));

    /// <summary>Why a commit has failed lately; null when none has. A disk that is full may still take the few bytes of <see cref="ProbeAsync"/>.</summary>
    /// <param name="within">How lately.</param>
    public string? WhyFailed(TimeSpan within) =>
        _writer.LastFailure is { } failure && TimeProvider.System.GetElapsedTime(failure.At) < within ? failure.Reason : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        _events.Dispose();
        Database.Dispose();
    }
}

/// <summary>Puts the orchestrator's actors into a host.</summary>
public static class Core
{
    /// <summary>Adds the actor system with everything of the orchestrator but HTTP.</summary>
    public static IServiceCollection AddFangsActors(this IServiceCollection services, CoreSettings settings, Store store, FangsMetrics metrics, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(store);
        var (journal, driver) = store.Database.Journal;
        return services.AddAkka("fangs", akka => akka
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
            })
            .AddHocon(Hocon(journal), HoconAddMode.Prepend)
            .AddHocon(Hocon("fangs.conf"), HoconAddMode.Prepend)
            .AddHocon(Akka.Persistence.Sql.SqlPersistence.DefaultConfiguration, HoconAddMode.Append)
            .AddSetup(driver)
            .AddSetup(new MetricsSetup(metrics))
            .WithActors((system, registry) => Start(system, registry, settings, store, clock)));
    }

    private static void Start(ActorSystem system, IActorRegistry registry, CoreSettings settings, Store store, TimeProvider clock)
    {
        _ = FailureCounts.Of(system); // so that the first failure counts too
        // A journal that fails stops the dispatcher: what it had planned dies with it. It comes back from what is stored, less and less
        // eagerly while the disk does not recover, and says so to whoever asks meanwhile.
        var dispatcher = system.ActorOf(BackoffSupervisor.Props(
            Backoff.OnStop(JobDispatcher.Props(settings.Jobs, clock), "queue", TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(10), randomFactor: 0.2, maxNrOfRetries: -1)
                .WithReplyWhileStopped(DispatcherUnavailable.Instance)), "dispatcher");
        var packages = system.ActorOf(PackageSupervisor.Props(settings.Packages, store.Ledger), "packages");
        var runs = system.ActorOf(RunSupervisor.Props(settings.Runs, store.Runs, dispatcher, settings.StoresNothing ? ActorRefs.Nobody : packages, clock), "runs");
        var runners = system.ActorOf(RunnerRegistry.Props(settings.Runners, dispatcher, runs, clock), "runners");
        var writer = system.ActorOf(EventWriter.Props(store.Events, runs), "event-writer");
        // Keeps nothing of its own: should it fail, it starts again with its first pass.
        var retention = system.ActorOf(RetentionPruner.Props(settings.Retention, store.Retention, clock), "retention");
        registry.Register<NotifierActor>(StartNotifier(system, settings.Notifier, store, clock));
        registry.Register<RetentionPruner>(retention);
        registry.Register<JobDispatcher>(dispatcher);
        registry.Register<PackageSupervisor>(packages);
        registry.Register<RunSupervisor>(runs);
        registry.Register<RunnerRegistry>(runners);
        registry.Register<EventWriter>(writer);
        if (settings.Watch.IsOn) registry.Register<PackageWatcher>(StartWatcher(system, settings.Watch, store.Watch, new ScanQueue(dispatcher, runs, settings.Watch.QueueLimit), clock));
    }

    private static IActorRef StartWatcher(ActorSystem system, WatchSettings settings, IWatchStore store, IScanQueue queue, TimeProvider clock)
    {
        var client = new RegistryClient(settings, clock);
        system.RegisterOnTermination(client.Dispose);
        return system.ActorOf(PackageWatcher.Props(settings, store, new PackagePoll(store, client, queue, settings, clock), clock), "watcher");
    }

    // Keeps nothing that counts: should it fail, Akka starts it again, and it goes on from the outbox.
    private static IActorRef StartNotifier(ActorSystem system, NotifierSettings settings, Store store, TimeProvider clock)
    {
        var sender = new WebhookSender(settings, clock);
        system.RegisterOnTermination(sender.Dispose);
        return system.ActorOf(NotifierActor.Props(settings, store.Notifications, sender, store.Outbox, clock), "notifier");
    }

    // The file beside the executable counts; an executable that was copied alone has its own.
    private static Config Hocon(string file)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "hocon", file);
        if (File.Exists(path)) return ConfigurationFactory.ParseString(File.ReadAllText(path));
        using var embedded = new StreamReader(typeof(Core).Assembly.GetManifestResourceStream($"hocon/{file}")!);
        return ConfigurationFactory.ParseString(embedded.ReadToEnd());
    }
}
