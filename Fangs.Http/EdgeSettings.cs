using Fangs.Protocol;

namespace Fangs.Http;

/// <summary>What the edge needs to know to translate requests.</summary>
public sealed record EdgeSettings
{
    /// <summary>Name of this orchestrator.</summary>
    public string OrchestratorId { get; init; } = "fangs-orchestrator";

    /// <summary>Build version.</summary>
    public string Version { get; init; } = "dev";

    /// <summary>Whether anything is stored; told to runners with the answer to a result.</summary>
    public bool Stores { get; init; } = true;

    /// <summary>Wait between polls, told to runners.</summary>
    public TimeSpan JobPollInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Wait between heartbeats, told to runners.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the dispatcher holds a poll.</summary>
    public TimeSpan PollWindow { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>How long an actor may take to answer before the client gets 500.</summary>
    public TimeSpan AskTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a decision of an operator may take: it may have many runs judged again.</summary>
    public TimeSpan DecisionTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a poll of the registry that an operator asked for is waited for. Clients of ours give up after 30 s.</summary>
    public TimeSpan CheckTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Silence on an event stream longer than this ends it.</summary>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Longest job duration accepted.</summary>
    public TimeSpan MaxJobDuration { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Batches of one stream that may wait for their commit; then the socket is not read.</summary>
    public int BatchesInFlight { get; init; } = 6;

    /// <summary>Paths to watch when a job names none.</summary>
    public IReadOnlyList<WatchedPath> WatchedPaths { get; init; } = DefaultWatchedPaths.All;
}
