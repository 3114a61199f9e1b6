using Fangs.Protocol;

namespace Fangs.Runner.Agent;

/// <summary>What the runner is doing right now: shared by the slots, told by the heartbeat.</summary>
internal sealed class RunnerState
{
    private readonly Lock _gate = new();
    private readonly List<ActiveRun> _runs = [];
    private bool _isDraining;

    /// <summary>Set whenever something changed that a heartbeat should tell at once.</summary>
    public Pulse Changed { get; } = new();

    /// <summary>True while at least one run is in progress.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_gate) return _runs.Count > 0;
        }
    }

    /// <summary>Enters a run; disposing the answer leaves it.</summary>
    /// <returns>Null when that run is in progress already.</returns>
    public ActiveRun? TryBegin(RunId run)
    {
        var entry = new ActiveRun(run, this);
        lock (_gate)
        {
            if (_runs.Any(other => other.Run == run)) return null;
            _runs.Add(entry);
        }

        Changed.Set();
        return entry;
    }

    /// <summary>From now on heartbeats say that the runner takes no more jobs.</summary>
    public void Drain()
    {
        lock (_gate) _isDraining = true;
        Changed.Set();
    }

    /// <summary>The heartbeat of this moment.</summary>
    public HeartbeatRequest Describe(RunnerId runner)
    {
        lock (_gate)
        {
            return new HeartbeatRequest
            {
                RunnerId = runner.Value,
                ActiveRunId = _runs.Count > 0 ? _runs[0].Run.ToString() : null,
                ActiveRunIds = _runs.Count > 0 ? [.. _runs.Select(run => run.Run.ToString())] : null,
                Status = _isDraining ? RunnerStatus.Draining : _runs.Count > 0 ? RunnerStatus.Running : RunnerStatus.Idle,
                EventsQueued = _runs.Sum(run => run.Streamer?.Queued ?? 0),
            };
        }
    }

    private void End(ActiveRun run)
    {
        lock (_gate) _runs.Remove(run);
        Changed.Set();
    }

    /// <summary>One run in progress.</summary>
    internal sealed class ActiveRun(RunId run, RunnerState owner) : IDisposable
    {
        /// <summary>Its id.</summary>
        public RunId Run => run;

        /// <summary>Its stream of events, once there is one.</summary>
        public EventStreamer? Streamer { get; set; }

        public void Dispose() => owner.End(this);
    }
}
