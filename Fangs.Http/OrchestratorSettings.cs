using System.Net;
using Fangs.Actors.Hosting;

namespace Fangs.Http;

/// <summary>Settings of an orchestrator process.</summary>
public sealed record OrchestratorSettings
{
    /// <summary>Address and port to listen on; port 0 takes a free one.</summary>
    public IPEndPoint Address { get; init; } = new(IPAddress.Loopback, 8443);

    /// <summary>What the endpoints need.</summary>
    public EdgeSettings Edge { get; init; } = new();

    /// <summary>What the actors need.</summary>
    public CoreSettings Core { get; init; } = new();

    /// <summary>How long requests may take to finish once the process is told to stop.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
