using Microsoft.Playwright;

namespace Fangs.Tests.Dashboard;

/// <summary>What packages choose is text, wherever it stands.</summary>
[Collection(BrowserCollection.Name)]
public sealed class InjectionSpecs(DashboardFixture dashboard)
{
    private static readonly string Package = DashboardSeeds.Attacks[0] + DashboardSeeds.Attacks[1];

    public static TheoryData<string> Pages() =>
    [
        "/ui/", "/ui/runs?state=inconclusive", $"/ui/runs/{DashboardSeeds.Hostile}", $"/ui/runs/{DashboardSeeds.Hostile}/lineage", $"/ui/deviations/{DashboardSeeds.HostileDeviation}",
        $"/ui/deviations?run={DashboardSeeds.Hostile}", "/ui/pending", "/ui/packages", "/ui/packages/" + Uri.EscapeDataString(Package), "/ui/allowlist?package=" + Uri.EscapeDataString(Package),
        "/ui/notifiers", "/ui/config", "/ui/coverage", "/ui/actors", $"/ui/diff?a={DashboardSeeds.Thief}&b={DashboardSeeds.Hostile}",
        "/ui/runs?package=" + Uri.EscapeDataString(DashboardSeeds.Attacks[1]) + "&runner=" + Uri.EscapeDataString(DashboardSeeds.Attacks[4]),
        $"/ui/runs/{DashboardSeeds.Hostile}?text=" + Uri.EscapeDataString(DashboardSeeds.Attacks[1]) + "&type=" + Uri.EscapeDataString(DashboardSeeds.Attacks[2]),
        "/ui/packages?q=" + Uri.EscapeDataString(DashboardSeeds.Attacks[5]), "/ui/runs/" + Uri.EscapeDataString(DashboardSeeds.Attacks[0]),
        "/ui/packages/" + Uri.EscapeDataString(DashboardSeeds.Attacks[1]), "/ui/sign-in?to=" + Uri.EscapeDataString(DashboardSeeds.Attacks[3]), "/ui/diff?package=x&a=" + Uri.EscapeDataString(DashboardSeeds.Attacks[1]) + "&b=1",
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Attempts_to_inject_script_stay_text(string path)
    {
        await using var window = await dashboard.OpenAsync(path);
        foreach (var link in await window.Page.Locator("details").AllAsync()) await link.EvaluateAsync("e => e.open = true").Soon();
        await window.Page.EvaluateAsync("() => { for (const e of document.querySelectorAll('*')) for (const n of ['mouseover', 'focus', 'load', 'error']) e.dispatchEvent(new Event(n)); }").Soon();
        Assert.Null(await window.Page.EvaluateAsync<int?>("window.owned ?? null").Soon());
        var foreign = await window.Page.EvaluateAsync<string[]>(
            """
            () => [...document.querySelectorAll('*')].filter(e =>
                (e.localName === 'script' && (!e.src || new URL(e.src).origin !== location.origin)) || ['iframe', 'object', 'embed', 'base'].includes(e.localName)
                || (e.localName === 'img' && new URL(e.src).origin !== location.origin) || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style')
                || (e.href && typeof e.href === 'string' && !e.href.startsWith(location.origin)) || (e.action && typeof e.action === 'string' && !e.action.startsWith(location.origin)))
              .map(e => e.outerHTML.slice(0, 200))
            """).Soon();
        Assert.Empty(foreign);
        Assert.DoesNotContain(await window.TroublesAsync(), trouble => !trouble.Contains("status of 40", StringComparison.Ordinal));
    }

    [Fact]
    public async Task They_can_be_read_as_they_are()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Hostile}");
        Assert.Contains(DashboardSeeds.Attacks[0], await window.Page.InnerTextAsync("h1").Soon());
        Assert.Contains(DashboardSeeds.Attacks[4], await window.Page.InnerTextAsync("main").Soon());
    }

    [Fact]
    public async Task What_is_sent_to_open_pages_is_text_too()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Hostile}");
        await window.Page.WaitForSelectorAsync("[data-live-state=on]", new PageWaitForSelectorOptions { State = WaitForSelectorState.Attached }).Soon();
        await window.GoAsync("/ui/");
        await window.Page.WaitForFunctionAsync("document.querySelector('[data-live=pool]').textContent.includes('onerror')").Soon();
        Assert.Null(await window.Page.EvaluateAsync<int?>("window.owned ?? null").Soon());
        Assert.Empty(await window.TroublesAsync());
    }
}
