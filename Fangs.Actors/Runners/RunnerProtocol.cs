using Akka.Actor;
using Fangs.Protocol;

namespace Fangs.Actors.Runners;

/// <summary>Addressed to one runner; <see cref="RunnerRegistry"/> passes it on to its actor.</summary>
public interface IWithRunnerId
{
    /// <summary>The runner.</summary>
    RunnerId Runner { get; }
}

/// <summary>Asks an actor for its state in a line, for the actor tree. Looking keeps nothing alive.</summary>
public sealed record GetStateLine : INotInfluenceReceiveTimeout
{
    /// <summary>The only instance.</summary>
    public static readonly GetStateLine Instance = new();
}

/// <summary>Answer to <see cref="GetStateLine"/>.</summary>
/// <param name="Text">One line for operators.</param>
public sealed record StateLine(string Text);

/// <summary>A runner introduces itself. The newest registration wins.</summary>
/// <param name="Runner">Its id.</param>
/// <param name="Hostname">Host name, may be empty.</param>
/// <param name="KernelVersion">Kernel release, may be empty.</param>
/// <param name="Capabilities">What it can do.</param>
/// <param name="Instance">Random id of its process, empty for runners of the original.</param>
public sealed record RegisterRunner(RunnerId Runner, string Hostname, string KernelVersion, IReadOnlyList<string> Capabilities, string Instance) : IWithRunnerId;

/// <summary>Answer to <see cref="RegisterRunner"/>.</summary>
public sealed record RunnerRegistered(RunnerId Runner);

/// <summary>A sign of life.</summary>
/// <param name="Runner">Its id.</param>
/// <param name="ActiveRuns">Runs in progress; the first is the one of the wire's <c>active_run_id</c>.</param>
/// <param name="Status">New status, or null to keep the previous one.</param>
/// <param name="EventsQueued">Events waiting in the runner's memory.</param>
public sealed record RunnerHeartbeat(RunnerId Runner, IReadOnlyList<RunId> ActiveRuns, string? Status, int EventsQueued) : IWithRunnerId;

/// <summary>Answer to <see cref="RunnerHeartbeat"/>.</summary>
/// <param name="Known">False when the runner has to register first.</param>
public sealed record HeartbeatAnswer(bool Known);

/// <summary>A runner asks for a job. Passed on to the dispatcher, which answers the asker.</summary>
/// <param name="Runner">Its id.</param>
/// <param name="PollId">Names this poll.</param>
public sealed record PollForJob(RunnerId Runner, Guid PollId) : IWithRunnerId;

/// <summary>The runner is not registered; answer to anything addressed to it.</summary>
public sealed record RunnerUnknown(RunnerId Runner);

/// <summary>A poll of this runner has ended, which is a sign of life too.</summary>
public sealed record PollEnded(RunnerId Runner) : IWithRunnerId;

/// <summary>Turns the drop count of a result into the run's own, for runners that report it cumulatively.</summary>
/// <param name="Runner">The runner that reports.</param>
/// <param name="Run">The run of the result.</param>
/// <param name="Reported">The value in the result.</param>
public sealed record CountDrops(RunnerId Runner, RunId Run, ulong Reported) : IWithRunnerId, INotInfluenceReceiveTimeout;

/// <summary>Answer to <see cref="CountDrops"/>.</summary>
/// <param name="Run">The run.</param>
/// <param name="OfRun">Events lost in this run.</param>
public sealed record DropsCounted(RunId Run, ulong OfRun);

/// <summary>Looks at one runner without keeping it alive.</summary>
public sealed record GetRunner(RunnerId Runner) : IWithRunnerId, INotInfluenceReceiveTimeout;

/// <summary>Lists the registered runners.</summary>
public sealed record GetRunners : INotInfluenceReceiveTimeout
{
    /// <summary>The only instance.</summary>
    public static readonly GetRunners Instance = new();
}

/// <summary>Answer to <see cref="GetRunners"/>.</summary>
/// <param name="Runners">The registered runners, by id.</param>
public sealed record RunnerList(IReadOnlyList<RunnerState> Runners);

/// <summary>After a start: this runner holds a job of the time before; it is lost unless it comes back within the liveness window.</summary>
public sealed record ExpectRunner(RunnerId Runner) : IWithRunnerId;

/// <summary>To the dispatcher: the runner has been silent for too long, or its process was replaced by a new one.</summary>
/// <param name="Runner">The runner.</param>
/// <param name="Reason">In words, for the failure reason of its runs.</param>
public sealed record RunnerLost(RunnerId Runner, string Reason);
