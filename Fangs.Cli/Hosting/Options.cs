using System.Net;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage.Postgres;
using Fangs.Cli.Hosting;
using Fangs.Cli.Scans;

namespace Fangs.Cli;

/// <summary>What the command line says about the orchestrator. Checked.</summary>
/// <param name="Address">Where to listen.</param>
/// <param name="Id">Name that it gives in answers.</param>
/// <param name="SqlitePath">Database file.</param>
/// <param name="Configuration">The configuration file.</param>
public sealed record OrchestratorOptions(IPEndPoint Address, string Id, string SqlitePath, LoadedConfiguration Configuration)
{
    /// <summary>The PostgreSQL database that is used instead of the file; null for the file.</summary>
    public PostgresDsn? Postgres { get; init; }

    /// <summary>Whether nothing is stored at all.</summary>
    public bool StoresNothing { get; init; }

    /// <summary>Files for HTTPS; null serves plain HTTP.</summary>
    public ServerTls? Tls { get; init; }

    /// <summary>Where to answer for the health without TLS; null for nowhere.</summary>
    public IPEndPoint? HealthAddress { get; init; }

    /// <summary>How log lines look.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>Receiver of traces; null for none.</summary>
    public Uri? Otlp { get; init; }

    /// <summary>Whether <c>/metrics</c> is served.</summary>
    public bool Metrics { get; init; } = true;

    /// <summary>Days that events are kept; 0 for ever.</summary>
    public int RetentionDays { get; init; } = 90;

    /// <summary>Time between two passes of retention.</summary>
    public TimeSpan RetentionInterval { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Targets of alerts that a file describes.</summary>
    public IReadOnlyList<NotifierTarget> Notifiers { get; init; } = [];

    /// <summary>The pages under <c>/ui</c>.</summary>
    public UiOptions Ui { get; init; } = new(true, null, null);

    /// <summary>How packages are watched.</summary>
    public WatchOptions Watch { get; init; } = new(true, TimeSpan.FromMinutes(5), "");
}

/// <summary>What the command line says about the pages. Checked.</summary>
/// <param name="IsOn">Whether there are any.</param>
/// <param name="Address">A listener of their own; null for the main one.</param>
/// <param name="Token">What operators sign in with; null when nobody can.</param>
public sealed record UiOptions(bool IsOn, IPEndPoint? Address, string? Token);

/// <summary>What the command line says about watching packages. Checked.</summary>
/// <param name="IsOn">Whether they are polled.</param>
/// <param name="Interval">Between two polls of one package.</param>
/// <param name="Registry">The npm registry, or empty for the one that npm is configured for.</param>
public sealed record WatchOptions(bool IsOn, TimeSpan Interval, string Registry);

/// <summary>What the command line says about the runner. Checked.</summary>
/// <param name="Orchestrator">Base address of the orchestrator.</param>
/// <param name="RunnerId">Name under which it registers.</param>
/// <param name="Timeout">Limit of one control call.</param>
/// <param name="Slots">Jobs that it takes at once.</param>
/// <param name="Registry">The npm registry, or null for the one that npm is configured for.</param>
/// <param name="StateDirectory">Where sandboxes are kept while they run.</param>
public sealed record RunnerOptions(Uri Orchestrator, string RunnerId, TimeSpan Timeout, int Slots, string? Registry, string StateDirectory)
{
    /// <summary>Files for an orchestrator that serves HTTPS.</summary>
    public TlsFlags Tls { get; init; } = new(null, null, null);

    /// <summary>How log lines look.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>Receiver of traces; null for none.</summary>
    public Uri? Otlp { get; init; }
}
