namespace Fangs.Runner.Agent;

/// <summary>Every wait and limit of the agent that is a matter of time or number. The defaults are those of the wire protocol.</summary>
public sealed record AgentTimings
{
    /// <summary>When a long-poll is given up. The orchestrator holds it for 25 s at most.</summary>
    public TimeSpan PollAbort { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Wait after a poll that failed, and the least time between two registrations that polls ask for.</summary>
    public TimeSpan PollErrorWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one heartbeat may take.</summary>
    public TimeSpan HeartbeatTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one POST of events may take.</summary>
    public TimeSpan EventsTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one POST of a result may take.</summary>
    public TimeSpan ResultTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>First wait between two registrations; doubles up to <see cref="MaxRetryDelay"/>.</summary>
    public TimeSpan RegisterRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>First wait between two tries of a result; doubles up to <see cref="MaxRetryDelay"/>.</summary>
    public TimeSpan ResultRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait between two tries of a registration or a result.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a result is offered before it is given up.</summary>
    public TimeSpan ResultBudget { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>First wait between two tries of a POST of events; doubles with each try.</summary>
    public TimeSpan EventsRetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How often a POST of events is tried before its events count as lost.</summary>
    public int EventsTries { get; init; } = 5;

    /// <summary>How long the first event of a batch waits for company.</summary>
    public TimeSpan BatchDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long the events of a finished run may take to get through.</summary>
    public TimeSpan FlushBudget { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The same for a run that the runner's own stop has interrupted.</summary>
    public TimeSpan InterruptedFlushBudget { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the sensor may take to hand over what the kernel has kept.</summary>
    public TimeSpan DrainBudget { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long making a sandbox may take, an image pull included. Not part of the job's duration.</summary>
    public TimeSpan SandboxSetup { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a sandbox may take to die after its deadline, and to be removed.</summary>
    public TimeSpan SandboxKill { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the runner's last heartbeat may take.</summary>
    public TimeSpan FarewellTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long the runner may take from being told to stop until it ends, with or without its results delivered.</summary>
    public TimeSpan ShutdownBudget { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Longest duration and grace period that a job may ask for.</summary>
    public TimeSpan MaxJobDuration { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Duration of a job that names none.</summary>
    public TimeSpan DefaultJobDuration { get; init; } = TimeSpan.FromSeconds(10);
}
