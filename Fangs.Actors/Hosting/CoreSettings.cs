using Fangs.Actors.Analysis;
using Fangs.Actors.Configuration;
using Fangs.Actors.Jobs;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Packages;
using Fangs.Actors.Retention;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Postgres;
using Fangs.Actors.Watching;

namespace Fangs.Actors.Hosting;

/// <summary>Settings of the orchestrator without HTTP.</summary>
public sealed record CoreSettings
{
    /// <summary>Path of the SQLite file, relative to the working directory or absolute.</summary>
    public string SqlitePath { get; init; } = "var/lib/fangs/fangs.db";

    /// <summary>The PostgreSQL database that is used instead of the SQLite file; null for the file.</summary>
    public PostgresDsn? Postgres { get; init; }

    /// <summary>Whether nothing is stored, and so nothing is judged, watched, told or deleted: only the API works, and only until the process ends.</summary>
    public bool StoresNothing { get; init; }

    /// <summary>Which of them it is.</summary>
    public StorageTarget Storage => StoresNothing ? StorageTarget.Volatile.New() : Postgres is { } dsn ? new StorageTarget.Postgres(dsn) : new StorageTarget.Sqlite(SqlitePath);

    /// <summary>Events of a run beyond this are counted, not stored.</summary>
    public int MaxEventsPerRun { get; init; } = 500_000;

    /// <summary>Entries of the allow list that the configuration owns: the table is made to hold these and no others of its own. Null leaves it as it is.</summary>
    public IReadOnlyList<ConfiguredAllowEntry>? ConfiguredAllow { get; init; }

    /// <summary>Runners.</summary>
    public RunnerSettings Runners { get; init; } = new();

    /// <summary>Dispatcher.</summary>
    public JobSettings Jobs { get; init; } = new();

    /// <summary>Runs.</summary>
    public RunSettings Runs { get; init; } = new();

    /// <summary>Packages.</summary>
    public PackageSettings Packages { get; init; } = new();

    /// <summary>How runs are judged; null for as the orchestrator was last started on the database.</summary>
    public AnalysisSettings? Analysis { get; init; }

    /// <summary>Retention.</summary>
    public RetentionSettings Retention { get; init; } = new();

    /// <summary>Watcher.</summary>
    public WatchSettings Watch { get; init; } = new();

    /// <summary>Notifier.</summary>
    public NotifierSettings Notifier { get; init; } = new();
}
