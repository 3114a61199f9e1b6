using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Runs;
using Fangs.Protocol;

namespace Fangs.Actors.Runners;

/// <summary>One runner: what it registered, what it runs, when it was last heard.</summary>
/// <remarks><c>/user/runners/{id}</c>. Silence longer than the liveness window reports it lost and stops it.</remarks>
public sealed class RunnerActor : ReceiveActor
{
    private readonly IActorRef _dispatcher;
    private readonly IActorRef _runs;
    private readonly TimeProvider _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private RunnerState _state;
    private ulong _dropsReported;
    private DropsCounted? _lastDrops;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public RunnerActor(RunnerId id, RunnerSettings settings, IActorRef dispatcher, IActorRef runs, TimeProvider clock)
    {
        (_state, _dispatcher, _runs, _clock) = (new RunnerState(id), dispatcher, runs, clock);
        Context.SetReceiveTimeout(settings.LivenessWindow);
        Unregistered();
    }

    /// <summary>How to make one.</summary>
    public static Props Props(RunnerId id, RunnerSettings settings, IActorRef dispatcher, IActorRef runs, TimeProvider clock) =>
        Akka.Actor.Props.Create(() => new RunnerActor(id, settings, dispatcher, runs, clock));

    private void Unregistered()
    {
        Receive<RegisterRunner>(OnRegister);
        Receive<RunnerHeartbeat>(_ => Sender.Tell(new HeartbeatAnswer(Known: false)));
        Receive<ExpectRunner>(_ => { }); // the receive timeout is the waiting
        Receive<CountDrops>(OnCountDrops);
        Receive<GetRunner>(_ => Sender.Tell(new RunnerUnknown(_state.Runner)));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine("expected: holds a job of the time before the restart")));
        Receive<PollEnded>(_ => { });
        Receive<IWithRunnerId>(_ => Sender.Tell(new RunnerUnknown(_state.Runner)));
        Receive<ReceiveTimeout>(_ => OnSilence());
    }

    private void Online()
    {
        Receive<RegisterRunner>(OnRegister); // a restarted runner registers again: the newer facts win
        Receive<RunnerHeartbeat>(OnHeartbeat);
        Receive<PollForJob>(OnPoll);
        Receive<PollEnded>(_ => Touch());
        Receive<CountDrops>(OnCountDrops);
        Receive<ExpectRunner>(_ => { });
        Receive<GetRunner>(_ => Sender.Tell(_state));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(Describe())));
        Receive<ReceiveTimeout>(_ => OnSilence());
    }

    private void OnRegister(RegisterRunner registration)
    {
        // A new process has forgotten the runs of the old one. Runners of the original send no instance; the silence of the run tells there.
        if (_state.Instance.Length > 0 && registration.Instance.Length > 0 && registration.Instance != _state.Instance)
            _dispatcher.Tell(new RunnerLost(_state.Runner, "its process was restarted"));
        var now = _clock.GetUtcNow();
        (_dropsReported, _lastDrops) = (0, null);
        _state = new RunnerState(registration.Runner)
        {
            Hostname = registration.Hostname,
            KernelVersion = registration.KernelVersion,
            Capabilities = registration.Capabilities,
            Instance = registration.Instance,
            RegisteredAt = now,
            LastSeenAt = now,
        };
        _log.Info("Runner {Runner} registered: host {Host}, kernel {Kernel}, capabilities {Capabilities}",
            registration.Runner, registration.Hostname, registration.KernelVersion, string.Join(", ", registration.Capabilities));
        Become(Online);
        Sender.Tell(new RunnerRegistered(registration.Runner));
    }

    private void OnHeartbeat(RunnerHeartbeat heartbeat)
    {
        Touch();
        _state = _state with { ActiveRuns = heartbeat.ActiveRuns, Status = heartbeat.Status ?? _state.Status, EventsQueued = heartbeat.EventsQueued };
        foreach (var run in heartbeat.ActiveRuns) _runs.Tell(new RunAlive(run, _state.Runner));
        Sender.Tell(new HeartbeatAnswer(Known: true));
    }

    private void OnPoll(PollForJob poll)
    {
        Touch();
        _dispatcher.Forward(new Jobs.Poll(poll.Runner, poll.PollId, _state.Slots, _state.Capabilities.Contains(Capability.DropsPerRun), Self));
    }

    private void OnCountDrops(CountDrops count)
    {
        // A result that is sent again gets the answer that it got before.
        if (_lastDrops is { } last && last.Run == count.Run && _dropsReported == count.Reported)
        {
            Sender.Tell(last);
            return;
        }

        // A value below the previous one means that the runner has started anew without our noticing.
        var ofRun = count.Reported >= _dropsReported ? count.Reported - _dropsReported : count.Reported;
        _dropsReported = count.Reported;
        _lastDrops = new DropsCounted(count.Run, ofRun);
        Sender.Tell(_lastDrops);
    }

    private void OnSilence()
    {
        _log.Warning("Runner {Runner} pruned: not heard since {LastSeen:O}", _state.Runner, _state.LastSeenAt);
        _dispatcher.Tell(new RunnerLost(_state.Runner, "not heard for too long"));
        Context.Stop(Self);
    }

    private void Touch() => _state = _state with { LastSeenAt = _clock.GetUtcNow() };

    private string Describe() => $"{_state.Status}, host {_state.Hostname}, slots {_state.Slots}, last seen {_state.LastSeenAt:HH:mm:ss}Z"
        + (_state.ActiveRuns.Count > 0 ? $", runs {string.Join(' ', _state.ActiveRuns)}" : "");
}
