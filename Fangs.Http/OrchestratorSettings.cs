using System.Net;
using Fangs.Actors.Hosting;
using Fangs.Http.Dashboard;
using Fangs.Http.Tls;

namespace Fangs.Http;

/// <summary>Settings of an orchestrator process.</summary>
public sealed record OrchestratorSettings
{
    /// <summary>Address and port to listen on; port 0 takes a free one.</summary>
    public IPEndPoint Address { get; init; } = new(IPAddress.Loopback, 8443);

    /// <summary>Where the settings come from; logged at the start. Null when no file was asked for.</summary>
    public ConfigurationSource? Configuration { get; init; }

    /// <summary>Files for HTTPS; null serves plain HTTP.</summary>
    public TlsSettings? Tls { get; init; }

    /// <summary>Address of a second listener without TLS that answers <c>/v1/health</c> only; null for none.</summary>
    public IPEndPoint? HealthAddress { get; init; }

    /// <summary>What the endpoints need.</summary>
    public EdgeSettings Edge { get; init; } = new();

    /// <summary>What the actors need.</summary>
    public CoreSettings Core { get; init; } = new();

    /// <summary>Whether <c>/metrics</c> is served.</summary>
    public bool Metrics { get; init; } = true;

    /// <summary>The pages under <c>/ui</c>.</summary>
    public DashboardSettings Dashboard { get; init; } = new();

    /// <summary>How long requests may take to finish once the process is told to stop.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>The configuration file that was looked for.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="IsRead">Whether it is there and was read; if not, the defaults count.</param>
/// <param name="IsNamed">Whether the command line names it, so that its absence is a surprise.</param>
public sealed record ConfigurationSource(string Path, bool IsRead, bool IsNamed);
