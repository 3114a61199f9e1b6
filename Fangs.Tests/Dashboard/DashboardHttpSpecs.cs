using System.Net;
using System.Text.Json;
using Fangs.Actors.Hosting;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Http.Dashboard;
using Fangs.Tests.Http;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Dashboard;

/// <summary>Pages as programs see them, and where there are none.</summary>
[Collection(BrowserCollection.Name)]
public sealed class DashboardHttpSpecs(DashboardFixture dashboard)
{
    [Fact]
    public async Task The_root_leads_to_the_overview()
    {
        using var answer = await dashboard.Http.GetAsync("/").Soon();
        Assert.Equal((HttpStatusCode.Redirect, "/ui/"), (answer.StatusCode, answer.Headers.Location!.OriginalString));
    }

    [Theory]
    [InlineData("/ui/", "/ui/overview.json", "runs")]
    [InlineData("/ui/runs?state=deviating", "/ui/runs.json?state=deviating", "ID")]
    [InlineData("/ui/runs/019ac0aa", "/ui/runs/019ac0aa.json", "run")]
    [InlineData("/ui/runs/019ac0aa/lineage", "/ui/runs/019ac0aa/lineage.json", "processes")]
    [InlineData("/ui/deviations?severity=critical", "/ui/deviations.json?severity=critical", "Category")]
    [InlineData("/ui/deviations/" + DashboardSeeds.KeyRead, "/ui/deviations/" + DashboardSeeds.KeyRead + ".json", "deviation")]
    [InlineData("/ui/events/5", "/ui/events/5.json", "data")]
    [InlineData("/ui/pending", "/ui/pending.json", "MaxSeverity")]
    [InlineData("/ui/packages?watched=yes", "/ui/packages.json?watched=yes", "LatestVersion")]
    [InlineData("/ui/packages/left-thing", "/ui/packages/left-thing.json", "baseline")]
    [InlineData("/ui/packages/@acme/logger", "/ui/packages/@acme%2Flogger.json", "baseline")]
    [InlineData("/ui/allowlist", "/ui/allowlist.json", "Kind")]
    [InlineData("/ui/notifiers", "/ui/notifiers.json", "URL")]
    [InlineData("/ui/rules", "/ui/rules.json", "paths")]
    [InlineData("/ui/config", "/ui/config.json", "Name")]
    [InlineData("/ui/coverage", "/ui/coverage.json", "total")]
    [InlineData("/ui/actors", "/ui/actors.json", "mailbox")]
    [InlineData("/ui/diff?a=019ab0ee&b=019ac0aa", "/ui/diff.json?a=019ab0ee&b=019ac0aa", "only_b")]
    public async Task A_page_is_there_as_JSON_too(string page, string twin, string member)
    {
        var byEnding = await JsonAsync(twin, accept: null);
        var byHeader = await JsonAsync(page, accept: "application/json");
        Assert.Equal(byEnding.ValueKind, byHeader.ValueKind);
        var one = byEnding.ValueKind == JsonValueKind.Array ? byEnding[0] : byEnding;
        Assert.True(one.TryGetProperty(member, out _), one.GetRawText()[..Math.Min(300, one.GetRawText().Length)]);
    }

    [Fact]
    public async Task Following_the_links_of_a_list_gives_every_run_once()
    {
        var (ids, url) = (new List<string>(), "/ui/runs.json?limit=17");
        for (var i = 0; i < 50 && url.Length > 0; i++)
        {
            using var answer = await dashboard.Http.GetAsync(url).Soon();
            ids.AddRange(JsonDocument.Parse(await answer.Content.ReadAsStringAsync().Soon()).RootElement.EnumerateArray().Select(run => run.GetProperty("ID").GetString()!));
            var next = answer.Headers.TryGetValues("Link", out var links) ? string.Concat(links).Split(", ").FirstOrDefault(link => link.EndsWith("rel=\"next\"", StringComparison.Ordinal)) : null;
            url = next is null ? "" : next[1..next.IndexOf('>', StringComparison.Ordinal)];
        }

        using var all = await dashboard.Http.GetAsync("/ui/runs.json?limit=1000").Soon();
        var expected = JsonDocument.Parse(await all.Content.ReadAsStringAsync().Soon()).RootElement.EnumerateArray().Select(run => run.GetProperty("ID").GetString()!).ToList();
        Assert.True(expected.Count > 100);
        Assert.Equal(expected, ids);
    }

    [Fact]
    public async Task Secrets_of_notifiers_are_on_no_page()
    {
        foreach (var path in new[] { "/ui/notifiers", "/ui/notifiers.json" })
        {
            var text = await dashboard.Http.GetStringAsync(path).Soon();
            Assert.Contains("https://hooks.example/", text);
            Assert.DoesNotContain("T0KEN", text);
        }
    }

    [Fact]
    public async Task Every_page_forbids_what_it_does_not_need()
    {
        using var answer = await dashboard.Http.GetAsync("/ui/runs").Soon();
        Assert.StartsWith("default-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("DENY", answer.Headers.GetValues("X-Frame-Options").Single());
        Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
        var html = await answer.Content.ReadAsStringAsync().Soon();
        var asset = html[html.IndexOf("/static/dashboard.", StringComparison.Ordinal)..].Split('"')[0];
        using var style = await dashboard.Http.GetAsync(asset).Soon();
        Assert.Contains("immutable", style.Headers.CacheControl!.ToString());
        using var again = new HttpRequestMessage(HttpMethod.Get, asset);
        again.Headers.TryAddWithoutValidation("If-None-Match", style.Headers.ETag!.Tag);
        using var same = await dashboard.Http.SendAsync(again).Soon();
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
    }

    [Fact]
    public async Task A_store_that_fails_is_said_on_the_page()
    {
        await WithAsync(new DashboardSettings(), async (orchestrator, http) =>
        {
            Execute(orchestrator, "ALTER TABLE deviations RENAME TO gone");
            using var page = await http.GetAsync("/ui/deviations").Soon();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, page.StatusCode);
            Assert.Contains("The database does not answer", await page.Content.ReadAsStringAsync().Soon());
            using var json = await http.GetAsync("/ui/deviations.json").Soon();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, json.StatusCode);
            Assert.Contains("\"error\"", await json.Content.ReadAsStringAsync().Soon());
        });
    }

    [Fact]
    public async Task Without_the_dashboard_there_are_no_pages_but_commands_still_see_the_actors() => await WithAsync(new DashboardSettings { IsOn = false }, async (_, http) =>
    {
        foreach (var path in new[] { "/", "/ui/", "/ui/runs", "/ui/live?regions=cards" })
        {
            using var answer = await http.GetAsync(path).Soon();
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }

        Assert.StartsWith("[", await http.GetStringAsync("/ui/actors").Soon());
    });

    [Fact]
    public async Task On_an_address_of_their_own_pages_are_there_and_nothing_else_and_they_are_nowhere_else() => await WithAsync(
        new DashboardSettings { Address = new IPEndPoint(IPAddress.Loopback, 0) }, async (orchestrator, main) =>
        {
            using var ui = new HttpClient { BaseAddress = orchestrator.Host.DashboardAddress };
            Assert.NotEqual(orchestrator.Host.Address, orchestrator.Host.DashboardAddress);
            Assert.Contains("<h1>Overview</h1>", await ui.GetStringAsync("/").Soon());
            foreach (var (client, path) in new[] { (main, "/ui/runs"), (main, "/"), (ui, "/v1/health"), (ui, "/metrics") })
            {
                using var answer = await client.GetAsync(path).Soon();
                Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            }

            Assert.StartsWith("[", await main.GetStringAsync("/ui/actors").Soon());
        });

    [Fact]
    public async Task Where_others_can_reach_the_pages_reading_needs_a_sign_in() => await WithAsync(
        new DashboardSettings { Token = DashboardFixture.Token, MustSignInToRead = true }, async (_, http) =>
        {
            using var page = await http.GetAsync("/ui/runs?state=clean").Soon();
            Assert.Equal("/ui/sign-in?to=%2Fui%2Fruns%3Fstate%3Dclean", page.Headers.Location!.OriginalString);
            foreach (var path in new[] { "/ui/runs.json", "/ui/live?regions=cards" })
            {
                using var refused = await http.GetAsync(path).Soon();
                Assert.NotEqual(HttpStatusCode.OK, refused.StatusCode);
            }

            using var form = await http.GetAsync("/ui/sign-in").Soon();
            Assert.Equal(HttpStatusCode.OK, form.StatusCode);
        });

    private async Task<JsonElement> JsonAsync(string path, string? accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null) request.Headers.Add("Accept", accept);
        using var answer = await dashboard.Http.SendAsync(request).Soon();
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync().Soon()).RootElement.Clone();
    }

    private static async Task WithAsync(DashboardSettings settings, Func<OrchestratorFixture, HttpClient, Task> test)
    {
        var orchestrator = new OrchestratorFixture
        {
            Settings = new OrchestratorSettings { Address = new IPEndPoint(IPAddress.Loopback, 0), Core = new CoreSettings { Watch = new WatchSettings { IsOn = false } }, Dashboard = settings },
        };
        await orchestrator.InitializeAsync();
        try
        {
            using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = orchestrator.Host.Address };
            await test(orchestrator, http);
        }
        finally
        {
            await orchestrator.DisposeAsync();
        }
    }

    private static void Execute(OrchestratorFixture orchestrator, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={orchestrator.DatabasePath};Pooling=False");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}
