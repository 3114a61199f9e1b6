using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Fangs.Tests.Dashboard;

/// <summary>Every page in a real browser: nothing goes wrong, everybody can read it, it fits every window.</summary>
[Collection(BrowserCollection.Name)]
public sealed class PageSpecs(DashboardFixture dashboard)
{
    private static readonly string Screenshots = Path.Combine(Repository.Root, "TestResults", "screenshots");

    public static TheoryData<string, string> Pages() => new()
    {
        { "overview", "/ui/" },
        { "runs", "/ui/runs" },
        { "runs-none", "/ui/runs?package=unheard-of" },
        { "run-deviating", $"/ui/runs/{DashboardSeeds.Thief}" },
        { "run-clean", $"/ui/runs/{DashboardSeeds.Honest}" },
        { "run-failed", $"/ui/runs/{DashboardSeeds.Failed}" },
        { "run-inconclusive", $"/ui/runs/{DashboardSeeds.Inconclusive}" },
        { "run-large", $"/ui/runs/{DashboardSeeds.Large}?type=file_access" },
        { "lineage", $"/ui/runs/{DashboardSeeds.Thief}/lineage?process=12" },
        { "lineage-large", $"/ui/runs/{DashboardSeeds.Large}/lineage" },
        { "diff", $"/ui/diff?a={DashboardSeeds.Honest}&b={DashboardSeeds.Thief}" },
        { "diff-empty", "/ui/diff" },
        { "packages", "/ui/packages?watched=yes" },
        { "package", "/ui/packages/left-thing" },
        { "package-scoped", "/ui/packages/@acme%2Flogger" },
        { "deviations", "/ui/deviations?status=open" },
        { "deviation", $"/ui/deviations/{DashboardSeeds.KeyRead}" },
        { "event", "/ui/events/9" },
        { "pending", "/ui/pending" },
        { "allowlist", "/ui/allowlist?package=@acme/logger" },
        { "notifiers", "/ui/notifiers" },
        { "rules", "/ui/rules" },
        { "config", "/ui/config" },
        { "coverage", "/ui/coverage" },
        { "actors", "/ui/actors" },
        { "sign-in", "/ui/sign-in" },
    };

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task A_page_opens_without_errors_is_accessible_and_fits_every_window(string name, string path)
    {
        Directory.CreateDirectory(Screenshots);
        foreach (var (scheme, widths) in new[] { (ColorScheme.Light, new[] { 1280, 380, 2560 }), (ColorScheme.Dark, [1280, 380]) })
        {
            await using var window = await dashboard.OpenAsync(path, widths[0], scheme);
            foreach (var width in widths)
            {
                await window.Page.SetViewportSizeAsync(width, width < 500 ? 800 : 1000).Soon();
                await window.Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, $"{name}-{width}-{scheme.ToString().ToLowerInvariant()}.png"), FullPage = width == 380 }).Soon();
                Assert.Equal(0, await window.Page.EvaluateAsync<int>("Math.max(0, document.documentElement.scrollWidth - innerWidth)").Soon());
                if (width == 1280 || (width == 380 && scheme == ColorScheme.Light)) await AccessibleAsync(window.Page);
            }

            Assert.Equal(1, await window.Page.Locator("h1").CountAsync().Soon());
            Assert.Empty(await window.TroublesAsync());
        }
    }

    [Theory]
    [InlineData("/ui/runs/019ac0", 400, "Several runs begin with these digits")]
    [InlineData("/ui/runs/ffffffff", 404, "There is no such run")]
    [InlineData("/ui/runs/nonsense", 404, "There is no such run")]
    [InlineData("/ui/deviations/ffffffff", 404, "There is no such deviation")]
    [InlineData("/ui/deviations/d000", 400, "Several deviations begin with these digits")]
    [InlineData("/ui/events/99999999", 404, "There is no such event")]
    [InlineData("/ui/packages/unheard-of", 404, "Nothing is known of this package")]
    [InlineData("/ui/nowhere/at/all", 404, "There is no such page")]
    public async Task What_cannot_be_shown_is_explained_on_a_page(string path, int status, string title)
    {
        await using var window = await dashboard.OpenAsync("/ui/rules");
        var answer = await window.GoAsync(path);
        Assert.Equal(status, answer!.Status);
        Assert.Equal(title, await window.Page.InnerTextAsync("h1").Soon());
        if (status == 400) Assert.True(await window.Page.Locator(".choices a").CountAsync().Soon() >= 2);
        await AccessibleAsync(window.Page);
    }

    [Fact]
    public async Task A_prefix_leads_to_its_run_and_a_choice_from_several_to_each()
    {
        await using var window = await dashboard.OpenAsync("/ui/runs/019ac0aa");
        Assert.Contains("left-thing@2.0.1", await window.Page.InnerTextAsync("h1").Soon());
        await window.GoAsync("/ui/runs/019ac0");
        await window.Page.ClickAsync(".choices li:nth-child(2) a").Soon();
        await window.Page.WaitForURLAsync("**/ui/runs/" + DashboardSeeds.Failed).Soon();
    }

    [Fact]
    public async Task The_verdict_of_a_run_is_the_first_thing_on_its_page()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Thief}");
        var verdict = window.Page.Locator(".verdict");
        Assert.Contains("Deviating", await verdict.InnerTextAsync().Soon());
        Assert.Contains("9 deviations wait for a decision", await verdict.InnerTextAsync().Soon());
        Assert.Contains("3 touch credentials", await verdict.InnerTextAsync().Soon());
        Assert.True(await verdict.EvaluateAsync<bool>("e => e.getBoundingClientRect().bottom < innerHeight / 2").Soon());
        // The worst comes first, and its evidence is one click away.
        await window.Page.ClickAsync(".findings .what >> nth=0").Soon();
        await window.Page.WaitForURLAsync("**/ui/deviations/*").Soon();
        Assert.Contains("read /home/node/", await window.Page.Locator("#evidence ~ .lead").InnerTextAsync().Soon());
    }

    [Fact]
    public async Task The_process_that_did_something_is_opened_and_marked_in_the_tree()
    {
        await using var window = await dashboard.OpenAsync($"/ui/deviations/{DashboardSeeds.KeyRead}");
        await window.Page.ClickAsync("text=the process that did it").Soon();
        await window.Page.WaitForURLAsync("**/lineage?event=*").Soon();
        var selected = window.Page.Locator(".tree a[aria-current=true]");
        Assert.Contains("scripts/setup.js", await selected.InnerTextAsync().Soon());
        Assert.True(await selected.IsVisibleAsync().Soon());
        Assert.Contains(".ssh/id_rsa", await window.Page.Locator("tr[aria-current=true]").InnerTextAsync().Soon());
        // It was started by a shell, which npm had started.
        Assert.Equal(2, await window.Page.Locator(".tree details[open]:has(a[aria-current=true])").CountAsync().Soon());
    }

    [Fact]
    public async Task A_run_of_thousands_of_processes_is_shown_in_parts()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Large}/lineage");
        Assert.Contains("1,501 processes", await window.Page.InnerTextAsync(".head").Soon());
        Assert.InRange(await window.Page.Locator("*").CountAsync().Soon(), 100, 12_000);
        await window.Page.ClickAsync(".deeper >> nth=0").Soon();
        await window.Page.WaitForURLAsync("**process=*").Soon();
        Assert.Empty(await window.TroublesAsync());
    }

    [Fact]
    public async Task Events_are_filtered_by_type_phase_and_text_and_come_in_pages()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Large}");
        var rows = window.Page.Locator(".events tbody tr");
        Assert.Equal(100, await rows.CountAsync().Soon());
        await window.Page.ClickAsync("a.chip:has-text('DNS queries')").Soon();
        await window.Page.WaitForURLAsync("**type=dns_query**").Soon();
        Assert.Equal(15, await rows.CountAsync().Soon());
        await window.Page.FillAsync("input[name=text]", "mirror399").Soon();
        await window.Page.ClickAsync("#events ~ form button").Soon();
        await window.Page.WaitForURLAsync("**text=mirror399**").Soon();
        Assert.Equal(1, await rows.CountAsync().Soon());
        await window.GoAsync($"/ui/runs/{DashboardSeeds.Large}");
        var first = await rows.First.InnerTextAsync().Soon();
        await window.Page.ClickAsync("a[rel=next]").Soon();
        await window.Page.WaitForURLAsync("**after=*").Soon();
        Assert.NotEqual(first, await rows.First.InnerTextAsync().Soon());
        await window.Page.ClickAsync("a[rel=prev]").Soon();
        await window.Page.WaitForURLAsync("**before=*").Soon();
        Assert.Equal(first, await rows.First.InnerTextAsync().Soon());
    }

    [Fact]
    public async Task The_list_of_runs_is_filtered_and_paged_by_addresses_that_can_be_kept()
    {
        await using var window = await dashboard.OpenAsync("/ui/runs");
        var ids = window.Page.Locator("td[data-label=Run] a");
        Assert.Equal(50, await ids.CountAsync().Soon());
        var first = await ids.First.InnerTextAsync().Soon();
        await window.Page.ClickAsync("a[rel=next]").Soon();
        await window.Page.WaitForURLAsync("**after=*").Soon();
        Assert.DoesNotContain(first, await ids.AllInnerTextsAsync().Soon());
        await window.Page.ClickAsync("a[rel=prev]").Soon();
        await window.Page.WaitForURLAsync("**before=*").Soon();
        Assert.Equal(first, await ids.First.InnerTextAsync().Soon());
        await window.Page.SelectOptionAsync("select[name=state]", "failed").Soon();
        await window.Page.ClickAsync(".filters button").Soon();
        await window.Page.WaitForURLAsync("**state=failed**").Soon();
        Assert.Equal([DashboardSeeds.Failed[..12]], await ids.AllInnerTextsAsync().Soon());
        await window.Page.ReloadAsync().Soon();
        Assert.Equal("failed", await window.Page.InputValueAsync("select[name=state]").Soon());
    }

    [Fact]
    public async Task Everything_can_be_reached_with_the_keyboard()
    {
        await using var window = await dashboard.OpenAsync("/ui/");
        await window.Page.Keyboard.PressAsync("Tab").Soon();
        Assert.Equal("Skip to content", await window.Page.EvaluateAsync<string>("document.activeElement.textContent").Soon());
        await window.Page.Keyboard.PressAsync("Enter").Soon();
        Assert.Equal("main", await window.Page.EvaluateAsync<string>("document.activeElement.id").Soon());
        await window.Page.Keyboard.PressAsync("Tab").Soon();
        Assert.Equal("/ui/pending", await window.Page.EvaluateAsync<string>("document.activeElement.getAttribute('href')").Soon());
        Assert.NotEqual("none", await window.Page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle").Soon());
        await window.Page.Keyboard.PressAsync("Enter").Soon();
        await window.Page.WaitForURLAsync("**/ui/pending").Soon();
    }

    [Fact]
    public async Task Ids_and_commands_are_copied_whole()
    {
        await using var window = await dashboard.OpenAsync($"/ui/runs/{DashboardSeeds.Thief}");
        await window.Page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]).Soon();
        await window.Page.ClickAsync(".facts .copy >> nth=0").Soon();
        await window.Page.WaitForSelectorAsync(".facts .copy.done").Soon();
        Assert.Equal(DashboardSeeds.Thief, await window.Page.EvaluateAsync<string>("navigator.clipboard.readText()").Soon());
    }

    private static async Task AccessibleAsync(IPage page)
    {
        var result = await page.RunAxe(new AxeRunOptions { RunOnly = RunOnlyOptions.Tags("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice") }).Soon();
        var serious = result.Violations.Where(v => v.Impact is "serious" or "critical")
            .Select(v => $"{v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Take(3).Select(n => n.Html))}");
        Assert.True(!serious.Any(), string.Join('\n', serious));
    }
}
