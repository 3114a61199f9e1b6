using Akka.Actor;
using Akka.Hosting;
using Fangs.Actors.Jobs;
using Fangs.Actors.Packages;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Actors.Watching;

namespace Fangs.Http;

/// <summary>The actors that endpoints talk to. Looked up on first use: routes are mapped before the actors start.</summary>
public sealed class CoreActors(IReadOnlyActorRegistry registry)
{
    private IActorRef? _runners;
    private IActorRef? _dispatcher;
    private IActorRef? _runs;
    private IActorRef? _packages;
    private IActorRef? _writer;

    /// <summary>The registry of runners.</summary>
    public IActorRef Runners => _runners ??= registry.Get<RunnerRegistry>();

    /// <summary>The job dispatcher.</summary>
    public IActorRef Dispatcher => _dispatcher ??= registry.Get<JobDispatcher>();

    /// <summary>The supervisor of the runs.</summary>
    public IActorRef Runs => _runs ??= registry.Get<RunSupervisor>();

    /// <summary>The supervisor of the packages.</summary>
    public IActorRef Packages => _packages ??= registry.Get<PackageSupervisor>();

    /// <summary>The watcher; null when it is off.</summary>
    public IActorRef? Watcher => registry.TryGet<PackageWatcher>(out var watcher) ? watcher : null;

    /// <summary>The event writer.</summary>
    public IActorRef Writer => _writer ??= registry.Get<EventWriter>();
}
