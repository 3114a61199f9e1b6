using System.Net;
using Fangs.Actors.Hosting;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Http.Dashboard;
using Fangs.Tests.Http;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Dashboard;

/// <summary>What operators do from pages, and what nobody else can. An orchestrator for each test: they change things.</summary>
[Collection(BrowserCollection.Name)]
public sealed class OperatorSpecs(DashboardFixture dashboard) : IAsyncLifetime, IDisposable
{
    private readonly OrchestratorFixture _orchestrator = new()
    {
        Settings = new OrchestratorSettings
        {
            Address = new IPEndPoint(IPAddress.Loopback, 0),
            Core = new CoreSettings { Watch = new WatchSettings { IsOn = false } },
            Dashboard = new DashboardSettings { Token = DashboardFixture.Token, LookEvery = TimeSpan.FromMilliseconds(100) },
        },
    };

    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        DashboardSeeds.Fill(_orchestrator.DatabasePath, TimeProvider.System.GetUtcNow());
        await _orchestrator.InitializeAsync();
        _http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = _orchestrator.Host.Address };
    }

    public Task DisposeAsync() => _orchestrator.DisposeAsync();

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task An_operator_signs_in_decides_and_signs_out_and_every_decision_is_in_the_audit_log_under_his_name()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Thief}", address: _orchestrator.Host.Address);
        var page = window.Page;
        Assert.Equal(0, await page.Locator(".actions").CountAsync().Soon());
        await page.ClickAsync("text=Sign in to decide here").Soon();
        await page.FillAsync("input[name=name]", "ann <b>").Soon();
        await page.FillAsync("input[name=token]", DashboardFixture.Token).Soon();
        await page.ClickAsync("main button").Soon();
        await page.WaitForURLAsync("**/ui/runs/" + DashboardSeeds.Thief).Soon();
        Assert.Contains("ann <b>", await page.InnerTextAsync(".side footer").Soon());

        await window.GoAsync($"/ui/deviations/{DashboardSeeds.KeyRead}");
        await page.ClickAsync("summary:has-text('Reject')").Soon();
        await page.FillAsync("details[open] input[name=note]", "a key <i>").Soon();
        await page.ClickAsync("details[open] button").Soon();
        await page.WaitForSelectorAsync(".notice.good").Soon();
        Assert.Contains("8 deviations of this run wait still", await page.InnerTextAsync(".notice").Soon());
        Assert.Equal("rejected|ann <b>|a key <i>", Text($"SELECT status || '|' || decided_by || '|' || note FROM deviations WHERE id = '{DashboardSeeds.KeyRead}'"));

        await window.GoAsync($"/ui/deviations/{DashboardSeeds.HostNamed}");
        await page.ClickAsync("summary:has-text('Allow')").Soon();
        await page.ClickAsync("details[open] button").Soon();
        await page.WaitForSelectorAsync(".notice").Soon();
        Assert.Contains("Allowed", await page.InnerTextAsync(".notice").Soon());
        await window.GoAsync("/ui/deviations/d0000000000000000000000000000007");
        await page.ClickAsync("summary:has-text('Accept')").Soon();
        await page.ClickAsync("details[open] button").Soon();
        await page.WaitForSelectorAsync(".notice").Soon();

        await window.GoAsync($"/ui/runs/{DashboardSeeds.Thief}");
        await page.ClickAsync("button:has-text('Judge again')").Soon();
        await page.WaitForSelectorAsync(".notice").Soon();
        await page.ClickAsync("summary:has-text('Promote')").Soon();
        await page.ClickAsync("details[open] button").Soon();
        await page.WaitForSelectorAsync(".notice:has-text('Promoted')").Soon();
        Assert.Equal("1", Text($"SELECT is_baseline FROM runs WHERE id = '{DashboardSeeds.Thief}'"));
        await page.ClickAsync("summary:has-text('Take out of the baseline')").Soon();
        await page.ClickAsync("details[open] button").Soon();
        await page.WaitForSelectorAsync(".notice:has-text('Taken out')").Soon();
        await page.ClickAsync("button:has-text('Scan 2.0.1 again')").Soon();
        await page.WaitForSelectorAsync(".notice:has-text('Queued')").Soon();
        var queued = page.Url[^32..];
        Assert.Equal("left-thing|2.0.1|pending", Text($"SELECT package_name || '|' || version || '|' || state FROM runs WHERE id = '{queued}'"));

        await window.GoAsync("/ui/allowlist");
        await page.ClickAsync("summary:has-text('Allow a value')").Soon();
        await page.FillAsync("details[open] input[name=value]", "mirror.example").Soon();
        await page.SelectOptionAsync("details[open] select[name=kind]", "dns").Soon();
        await page.ClickAsync("details[open] button").Soon();
        await page.WaitForSelectorAsync(".notice:has-text('Allowed')").Soon();
        await page.ClickAsync("tr:has-text('mirror.example') button:has-text('Remove')").Soon();
        await page.WaitForSelectorAsync(".notice:has-text('Removed')").Soon();

        Assert.Equal(
            "allow.add,allow.add,allow.remove,baseline.demote,baseline.promote,deviation.accept,deviation.reject,run.reanalyze,scan.submit",
            Text("SELECT group_concat(action) FROM (SELECT action FROM audit_log WHERE actor = 'ann <b>' ORDER BY action)"));
        Assert.Empty(await window.TroublesAsync());
        await page.ClickAsync("text=Sign out").Soon();
        await page.WaitForSelectorAsync("text=Sign in to decide here").Soon();
        await window.GoAsync($"/ui/runs/{DashboardSeeds.Thief}");
        Assert.Equal(0, await page.Locator(".actions").CountAsync().Soon());
    }

    [Fact]
    public async Task Nobody_decides_without_signing_in()
    {
        using var answer = await PostAsync("/ui/actions/decide", null, ("action", "baseline.promote"), ("subject", DashboardSeeds.Thief), ("form_token", "x"));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("You may only look", await answer.Content.ReadAsStringAsync());
        using var rescan = await PostAsync("/ui/actions/rescan", null, ("package", "left-thing"), ("version", "2.0.1"));
        Assert.Equal(HttpStatusCode.Forbidden, rescan.StatusCode);
        Assert.Equal("0", Text($"SELECT is_baseline FROM runs WHERE id = '{DashboardSeeds.Thief}'"));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "")]
    [InlineData("right", "cross-site")]
    [InlineData("right", "same-site")]
    public async Task A_form_of_another_site_changes_nothing(string formToken, string site)
    {
        var cookie = await SignInAsync();
        if (formToken == "right") formToken = await FormTokenAsync(cookie);
        using var request = Form("/ui/actions/decide", cookie, ("action", "baseline.promote"), ("subject", DashboardSeeds.Thief), ("form_token", formToken));
        if (site.Length > 0) request.Headers.Add("Sec-Fetch-Site", site);
        using var answer = await _http.SendAsync(request).Soon();
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("Nothing was changed", await answer.Content.ReadAsStringAsync());
        Assert.Equal("0", Text($"SELECT is_baseline FROM runs WHERE id = '{DashboardSeeds.Thief}'"));
        Assert.Equal("1", Text("SELECT count(*) FROM audit_log WHERE action = 'baseline.promote'")); // of the seeds
    }

    [Fact]
    public async Task The_token_of_one_session_is_of_no_use_in_another()
    {
        var (first, second) = (await SignInAsync(), await SignInAsync());
        using var answer = await PostAsync("/ui/actions/decide", second, ("action", "run.reanalyze"), ("subject", DashboardSeeds.Thief), ("form_token", await FormTokenAsync(first)));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task A_refused_decision_says_why()
    {
        var cookie = await SignInAsync();
        using var answer = await PostAsync("/ui/actions/decide", cookie,
            ("action", "baseline.promote"), ("subject", DashboardSeeds.Inconclusive), ("form_token", await FormTokenAsync(cookie)), ("to", "/ui/runs/" + DashboardSeeds.Inconclusive));
        Assert.Equal("/ui/runs/" + DashboardSeeds.Inconclusive, answer.Headers.Location!.OriginalString);
        Assert.Contains("Nothing was changed", await GetAsync(answer.Headers.Location.OriginalString, cookie));
        Assert.DoesNotContain("Nothing was changed", await GetAsync(answer.Headers.Location.OriginalString, cookie)); // said once
    }

    [Fact]
    public async Task The_cookie_is_out_of_reach_of_scripts_and_other_sites()
    {
        using var answer = await SignInAnswerAsync(DashboardFixture.Token);
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie);
        Assert.Contains("samesite=strict", cookie);
        Assert.Contains("path=/ui", cookie);
    }

    [Fact]
    public async Task A_wrong_token_is_refused_and_after_a_few_also_the_right_one_for_a_while()
    {
        for (var i = 0; i < 5; i++)
        {
            using var wrong = await SignInAnswerAsync("wrong");
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
            Assert.False(wrong.Headers.Contains("Set-Cookie"));
        }

        using var late = await SignInAnswerAsync(DashboardFixture.Token);
        Assert.Equal(HttpStatusCode.TooManyRequests, late.StatusCode);
        Assert.InRange(late.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 62);
    }

    private async Task<HttpResponseMessage> SignInAnswerAsync(string token) => await PostAsync("/ui/sign-in", null, ("name", "bob"), ("token", token));

    private async Task<string> SignInAsync()
    {
        using var answer = await SignInAnswerAsync(DashboardFixture.Token);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    private async Task<string> FormTokenAsync(string cookie)
    {
        var page = await GetAsync($"/ui/runs/{DashboardSeeds.Thief}", cookie);
        var start = page.IndexOf("name=\"form_token\" value=\"", StringComparison.Ordinal) + 25;
        return page[start..(start + 64)];
    }

    private async Task<string> GetAsync(string path, string cookie)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Cookie", cookie);
        using var answer = await _http.SendAsync(request).Soon();
        return await answer.Content.ReadAsStringAsync().Soon();
    }

    private async Task<HttpResponseMessage> PostAsync(string path, string? cookie, params (string Name, string Value)[] fields)
    {
        using var request = Form(path, cookie, fields);
        return await _http.SendAsync(request).Soon();
    }

    private static HttpRequestMessage Form(string path, string? cookie, params (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))) };
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        return request;
    }

    private string Text(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={_orchestrator.DatabasePath};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        return command.ExecuteScalar()?.ToString() ?? "";
    }
}
