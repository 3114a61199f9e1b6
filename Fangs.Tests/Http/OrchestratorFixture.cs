using System.Net;
using Fangs.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Http;

/// <summary>A real orchestrator: Kestrel on a free port, actors, a SQLite file in a temporary directory.</summary>
public sealed class OrchestratorFixture : IAsyncLifetime
{
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("fangs-test-").FullName;

    public OrchestratorHost Host { get; private set; } = null!;

    public string DatabasePath => Path.Combine(Directory, "fangs.db");

    public OrchestratorSettings Settings { get; set; } = new() { Address = new IPEndPoint(IPAddress.Loopback, 0) };

    public RawHttp Raw => new(Host.Address.Port);

    public async Task InitializeAsync() => Host = await OrchestratorHost.StartAsync(
        Settings with { Core = Settings.Core with { SqlitePath = DatabasePath } }, TimeProvider.System, logging => logging.ClearProviders(), CancellationToken.None).Soon();

    public async Task RestartAsync()
    {
        await Host.DisposeAsync().Soon();
        await InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await Host.DisposeAsync().Soon();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
