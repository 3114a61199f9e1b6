using System.Net;
using Fangs.Actors.Hosting;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Transfer;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Tests.Http;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Dashboard;

/// <summary>The same installation in either database: what the pages tell is the same to the letter.</summary>
public sealed class BackendPagesSpecs : IAsyncLifetime
{
    private static readonly string[] Pages =
    [
        "/ui/runs.json?limit=1000", "/ui/runs.json?state=deviating", "/ui/runs.json?state=inconclusive", "/ui/runs.json?state=clean", "/ui/runs.json?state=failed",
        "/ui/runs.json?package=left-thing", "/ui/runs/019ac0aa.json", "/ui/runs/019ac0aa/lineage.json", "/ui/deviations.json?limit=1000", "/ui/deviations.json?severity=critical",
        "/ui/deviations.json?package=left-thing&severity=warn", "/ui/deviations/" + DashboardSeeds.KeyRead + ".json", "/ui/events/5.json", "/ui/pending.json", "/ui/packages.json",
        "/ui/packages.json?watched=yes", "/ui/packages.json?q=LEFT", "/ui/packages/left-thing.json", "/ui/packages/@acme%2Flogger.json", "/ui/allowlist.json", "/ui/notifiers.json",
        "/ui/rules.json", "/ui/coverage.json", "/ui/diff.json?a=019ab0ee&b=019ac0aa", "/ui/runs/" + DashboardSeeds.Large + ".json",
        "/ui/runs.json?limit=3&after=" + DashboardSeeds.Thief, "/ui/runs.json?limit=3&before=" + DashboardSeeds.Thief, "/ui/deviations.json?limit=3&after=" + DashboardSeeds.KeyRead,
        "/ui/deviations.json?limit=3&before=" + DashboardSeeds.KeyRead, "/ui/packages.json?limit=2&after=chalk", "/ui/packages.json?limit=2&before=zod",
    ];

    private readonly BackendDatabase _postgres = BackendDatabase.Create(Backend.Postgres);
    private readonly OrchestratorFixture _onFile = new() { Settings = Settings };
    private OrchestratorFixture _onServer = null!;

    private static OrchestratorSettings Settings => new()
    {
        Address = new IPEndPoint(IPAddress.Loopback, 0),
        Core = new CoreSettings { Watch = new WatchSettings { IsOn = false } },
    };

    public async Task InitializeAsync()
    {
        DashboardSeeds.Fill(_onFile.DatabasePath, TimeProvider.System.GetUtcNow());
        // As an operator would move it, and before either orchestrator changes anything.
        using (var moved = new MemoryStream())
        {
            using (var file = StoreDatabase.OpenExclusive(new StorageTarget.Sqlite(_onFile.DatabasePath)))
                InstallationTransfer.Export(file, moved, "tests", TimeProvider.System.GetUtcNow(), _ => { }, CancellationToken.None);
            using var server = StoreDatabase.OpenExclusive(_postgres.Target);
            InstallationTransfer.Import(server, new MemoryStream(moved.ToArray()), "moved", _ => { }, CancellationToken.None);
        }

        _onServer = new OrchestratorFixture { Settings = Settings, Database = _postgres };
        await _onFile.InitializeAsync();
        await _onServer.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _onServer.DisposeAsync();
        await _onFile.DisposeAsync();
        _postgres.Dispose();
    }

    [Fact]
    public async Task Every_page_tells_the_same_from_either_database()
    {
        using var file = new HttpClient { BaseAddress = _onFile.Host.Address };
        using var server = new HttpClient { BaseAddress = _onServer.Host.Address };
        foreach (var page in Pages)
        {
            var (fromFile, fromServer) = (await ReadAsync(file, page), await ReadAsync(server, page));
            Assert.Equal(fromFile, fromServer);
        }

        // The pages themselves: they tell times by the clock, so only that they are there.
        foreach (var page in Pages.Select(json => json.Replace(".json", "", StringComparison.Ordinal)).Append("/ui/").Append("/ui/config").Append("/ui/actors").Append("/ui/overview.json"))
            Assert.Contains(page.EndsWith(".json", StringComparison.Ordinal) ? "{" : "<html", await ReadAsync(server, page), StringComparison.Ordinal);
    }

    private static async Task<string> ReadAsync(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(path).Soon();
        var text = await answer.Content.ReadAsStringAsync().Soon();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path}: {answer.StatusCode} {text[..Math.Min(500, text.Length)]}");
        return text;
    }
}
