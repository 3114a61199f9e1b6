using System.Net;
using Fangs.Http;
using Fangs.Tests.Storage;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Http;

/// <summary>A real orchestrator: Kestrel on a free port, actors, a database of either kind, by default a SQLite file.</summary>
public sealed class OrchestratorFixture : IAsyncLifetime
{
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("fangs-test-").FullName;

    public OrchestratorHost Host { get; private set; } = null!;

    internal BackendDatabase? Database { get; init; }

    public string DatabasePath => Path.Combine(Directory, "fangs.db");

    public OrchestratorSettings Settings { get; set; } = new() { Address = new IPEndPoint(IPAddress.Loopback, 0) };

    public RawHttp Raw => new(Host.Address.Port);

    public async Task InitializeAsync() => Host = await OrchestratorHost.StartAsync(
        Settings with { Core = Database?.On(Settings.Core) ?? (Settings.Core with { SqlitePath = DatabasePath }) }, TimeProvider.System, logging => logging.ClearProviders(), CancellationToken.None).Soon();

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
