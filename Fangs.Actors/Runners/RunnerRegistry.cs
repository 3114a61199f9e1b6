using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Protocol;

namespace Fangs.Actors.Runners;

/// <summary>Parent of the runners: makes one actor per registered runner and answers for those that are not registered.</summary>
/// <remarks><c>/user/runners</c>, for the life of the process.</remarks>
public sealed class RunnerRegistry : ReceiveActor, IWithTimers
{
    private sealed record Introduce : INoSerializationVerificationNeeded;

    // A dispatcher that was restarted does not know us any more; saying hello again costs nothing.
    private static readonly TimeSpan IntroduceEvery = TimeSpan.FromSeconds(2);

    private sealed record ChildGone(RunnerId Runner, IActorRef Child) : INoSerializationVerificationNeeded;

    private readonly Func<RunnerId, Props> _runnerProps;
    private readonly IActorRef _dispatcher;
    private readonly IActorRef _runs;
    private readonly Dictionary<RunnerId, IActorRef> _runners = [];

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public RunnerRegistry(RunnerSettings settings, IActorRef dispatcher, IActorRef runs, TimeProvider clock)
    {
        (_dispatcher, _runs) = (dispatcher, runs);
        _runnerProps = id => RunnerActor.Props(id, settings, dispatcher, runs, clock);
        Receive<RegisterRunner>(m => ChildFor(m.Runner).Forward(m));
        Receive<ExpectRunner>(m => ChildFor(m.Runner).Forward(m));
        Receive<RunnerHeartbeat>(m => Pass(m, new HeartbeatAnswer(Known: false)));
        // A runner that was pruned before its result came: what it reported before is unknown, so the value stands.
        Receive<CountDrops>(m => Pass(m, new DropsCounted(m.Run, m.Reported)));
        Receive<PollEnded>(m => Pass(m, null));
        Receive<IWithRunnerId>(m => Pass(m, new RunnerUnknown(m.Runner)));
        Receive<GetRunners>(_ => OnGetRunners());
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine($"{_runners.Count} runners")));
        Receive<ChildGone>(OnChildGone);
        Receive<Introduce>(_ => OnIntroduce());
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>How to make it.</summary>
    public static Props Props(RunnerSettings settings, IActorRef dispatcher, IActorRef runs, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new RunnerRegistry(settings, dispatcher, runs, clock));

    /// <summary>The name of a runner's actor: its id with everything escaped that a path cannot hold.</summary>
    public static string ActorName(RunnerId runner) => Uri.EscapeDataString(runner.Value);

    // What a runner actor knows is rebuilt by the next registration, and a failing one must not take the others down: restart it alone, and
    // stop it when it fails again and again, which makes the runner register anew.
    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(maxNrOfRetries: 5, withinTimeRange: TimeSpan.FromMinutes(1), localOnlyDecider: _ => Directive.Restart);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        Self.Tell(new Introduce());
        Timers.StartPeriodicTimer(nameof(Introduce), new Introduce(), IntroduceEvery);
    }

    private void OnIntroduce()
    {
        _dispatcher.Tell(new RegistryStarted(Self));
        _runs.Tell(new RegistryStarted(Self));
    }

    private IActorRef ChildFor(RunnerId runner)
    {
        if (_runners.TryGetValue(runner, out var child)) return child;
        // A name stays taken until the stopped actor has gone altogether; the suffix keeps a quick comeback from failing on that.
        var name = ActorName(runner);
        child = Context.Child(name).IsNobody() ? Context.ActorOf(_runnerProps(runner), name) : Context.ActorOf(_runnerProps(runner), $"{name}+{Guid.NewGuid():N}");
        Context.WatchWith(child, new ChildGone(runner, child));
        _runners[runner] = child;
        return child;
    }

    private void OnChildGone(ChildGone gone)
    {
        // Only when it is still the one in use: a comeback may have replaced it.
        if (_runners.TryGetValue(gone.Runner, out var child) && child.Equals(gone.Child)) _runners.Remove(gone.Runner);
    }

    private void Pass(IWithRunnerId message, object? whenUnknown)
    {
        if (_runners.TryGetValue(message.Runner, out var child)) child.Forward(message);
        else if (whenUnknown is not null) Sender.Tell(whenUnknown);
    }

    private void OnGetRunners()
    {
        // One short-lived collector per question, so that a slow child never holds the registry back.
        var collector = Context.ActorOf(RunnerCollector.Props(_runners.Count, Sender));
        foreach (var (id, child) in _runners) child.Tell(new GetRunner(id), collector);
    }

    /// <summary>Collects the states of all runners for one asker.</summary>
    private sealed class RunnerCollector : ReceiveActor
    {
        private readonly List<RunnerState> _states = [];
        private readonly IActorRef _asker;
        private int _missing;

        public RunnerCollector(int expected, IActorRef asker)
        {
            (_missing, _asker) = (expected, asker);
            Context.SetReceiveTimeout(TimeSpan.FromSeconds(2));
            Receive<RunnerState>(s => Take(s));
            Receive<RunnerUnknown>(_ => Take(null));
            Receive<ReceiveTimeout>(_ => Finish());
        }

        public static Props Props(int expected, IActorRef asker) => Akka.Actor.Props.Create(() => new RunnerCollector(expected, asker));

        protected override void PreStart()
        {
            if (_missing == 0) Finish();
        }

        private void Take(RunnerState? state)
        {
            if (state is not null) _states.Add(state);
            if (--_missing == 0) Finish();
        }

        private void Finish()
        {
            _asker.Tell(new RunnerList([.. _states.OrderBy(s => s.Runner.Value, StringComparer.Ordinal)]));
            Context.Stop(Self);
        }
    }
}
