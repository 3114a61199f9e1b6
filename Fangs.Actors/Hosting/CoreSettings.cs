using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Actors.Watching;

namespace Fangs.Actors.Hosting;

/// <summary>Settings of the orchestrator without HTTP.</summary>
public sealed record CoreSettings
{
    /// <summary>Path of the SQLite file, relative to the working directory or absolute.</summary>
    public string SqlitePath { get; init; } = "var/lib/fangs/fangs.db";

    /// <summary>Events of a run beyond this are counted, not stored.</summary>
    public int MaxEventsPerRun { get; init; } = 500_000;

    /// <summary>Runners.</summary>
    public RunnerSettings Runners { get; init; } = new();

    /// <summary>Dispatcher.</summary>
    public JobSettings Jobs { get; init; } = new();

    /// <summary>Runs.</summary>
    public RunSettings Runs { get; init; } = new();

    /// <summary>Watcher.</summary>
    public WatchSettings Watch { get; init; } = new();
}
