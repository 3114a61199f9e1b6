using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Runs;

/// <summary>Parent of the runs: makes the actor of a run when something is addressed to it, and stops it when it asks for that.</summary>
/// <remarks><c>/user/runs</c>, for the life of the process.</remarks>
public sealed class RunSupervisor : ReceiveActor, IWithTimers
{
    private sealed record RunGone(RunId RunId) : INoSerializationVerificationNeeded;

    private sealed record Introduce : INoSerializationVerificationNeeded;

    // A dispatcher that was restarted does not know us any more; saying hello again costs nothing.
    private static readonly TimeSpan IntroduceEvery = TimeSpan.FromSeconds(2);

    private readonly Func<RunId, Props> _runProps;
    private readonly IActorRef _dispatcher;
    private readonly Dictionary<RunId, IActorRef> _runs = [];
    private readonly Dictionary<RunId, List<(object Message, IActorRef Sender)>> _stopping = [];
    private IActorRef _registry = ActorRefs.Nobody;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public RunSupervisor(RunSettings settings, IRunStore store, IActorRef dispatcher, IActorRef packages, TimeProvider clock)
    {
        _dispatcher = dispatcher;
        _runProps = id => RunActor.Props(id, settings, store, dispatcher, packages, clock);
        Receive<PassivateRun>(OnPassivate);
        Receive<RunGone>(OnRunGone);
        Receive<CountDrops>(OnCountDrops);
        Receive<RegistryStarted>(m => _registry = m.Registry);
        Receive<Introduce>(_ => _dispatcher.Tell(new RunsStarted(Self)));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine($"{_runs.Count} runs in memory")));
        Receive<IWithRunId>(m => Pass(m, Sender));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(RunSettings settings, IRunStore store, IActorRef dispatcher, IActorRef packages, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new RunSupervisor(settings, store, dispatcher, packages, clock));

    // A run actor fails when the store does. Its state is in the table and in the queue, so it starts again from there, alone; when the store
    // keeps failing it is stopped and made anew by the next message.
    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(maxNrOfRetries: 5, withinTimeRange: TimeSpan.FromSeconds(10), localOnlyDecider: _ => Directive.Restart);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        _dispatcher.Tell(new RunsStarted(Self));
        Timers.StartPeriodicTimer(nameof(Introduce), new Introduce(), IntroduceEvery);
    }

    private void Pass(IWithRunId message, IActorRef sender)
    {
        if (_stopping.TryGetValue(message.RunId, out var waiting))
        {
            waiting.Add((message, sender));
            return;
        }

        if (!_runs.TryGetValue(message.RunId, out var run))
        {
            run = Context.ActorOf(_runProps(message.RunId), message.RunId.ToString());
            Context.WatchWith(run, new RunGone(message.RunId));
            _runs.Add(message.RunId, run);
        }

        run.Tell(message, sender);
    }

    private void OnPassivate(PassivateRun passivate)
    {
        if (!_runs.TryGetValue(passivate.RunId, out var run) || !run.Equals(Sender)) return;
        _stopping[passivate.RunId] = []; // what comes now waits for the successor
        run.Tell(PoisonPill.Instance);
    }

    private void OnRunGone(RunGone gone)
    {
        _runs.Remove(gone.RunId);
        if (!_stopping.Remove(gone.RunId, out var waiting)) return;
        foreach (var (message, sender) in waiting) Pass((IWithRunId)message, sender);
    }

    private void OnCountDrops(CountDrops count)
    {
        if (_registry.IsNobody()) Sender.Tell(new DropsCounted(count.Run, count.Reported));
        else _registry.Forward(count);
    }
}
