using System.Net;
using Fangs.Actors.Hosting;
using Fangs.Actors.Runners;
using Fangs.Actors.Watching;
using Fangs.Http;
using Fangs.Http.Dashboard;
using Fangs.Tests.Http;
using Microsoft.Playwright;

namespace Fangs.Tests.Dashboard;

/// <summary>One browser for all tests of pages.</summary>
[CollectionDefinition(Name)]
public sealed class BrowserCollection : ICollectionFixture<DashboardFixture>
{
    public const string Name = "Browser";
}

/// <summary>A real orchestrator on the database of <see cref="DashboardSeeds"/>, and Debian's Chromium.</summary>
public sealed class DashboardFixture : IAsyncLifetime
{
    /// <summary>What operators sign in with.</summary>
    public const string Token = "a token of the tests 0123456789";

    private static readonly string[] Candidates = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public OrchestratorFixture Orchestrator { get; } = new()
    {
        Settings = new OrchestratorSettings
        {
            Address = new IPEndPoint(IPAddress.Loopback, 0),
            Edge = new EdgeSettings { Version = "0.1.0" },
            Core = new CoreSettings { Runners = new RunnerSettings { LivenessWindow = TimeSpan.FromHours(1) }, Watch = new WatchSettings { IsOn = false } },
            Dashboard = new DashboardSettings
            {
                Token = Token,
                LookEvery = TimeSpan.FromMilliseconds(100),
                Shown = [new("watched_paths", ["/etc/", "/root/.ssh/ (credential)"], 3), new("baseline.min_runs", ["1"], null), new("cdn.extra", DashboardSeeds.Attacks, null)],
            },
        },
    };

    public HttpClient Http { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        DashboardSeeds.Fill(Orchestrator.DatabasePath, TimeProvider.System.GetUtcNow());
        await Orchestrator.InitializeAsync();
        Http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Orchestrator.Host.Address };
        await RunnersAsync();
        _playwright = await Playwright.CreateAsync().Soon();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Candidates.FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("These tests need Debian's package chromium; ./test installs it."),
            Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"],
        }).Soon();
    }

    public async Task DisposeAsync()
    {
        await _browser.DisposeAsync().Soon();
        _playwright.Dispose();
        Http.Dispose();
        await Orchestrator.DisposeAsync();
    }

    /// <summary>A window of its own, with nothing of any other in it.</summary>
    public async Task<Window> OpenAsync(string path, int width = 1280, ColorScheme scheme = ColorScheme.Light, Uri? address = null)
    {
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = (address ?? Orchestrator.Host.Address).ToString(),
            ViewportSize = new ViewportSize { Width = width, Height = width < 500 ? 800 : width > 2000 ? 1440 : 900 },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
        }).Soon();
        context.SetDefaultTimeout((float)Limits.Patience.TotalMilliseconds);
        return await Window.OpenAsync(context, path);
    }

    private async Task RunnersAsync()
    {
        foreach (var (id, host) in new[] { ("lab-1", "sacrifice-1"), ("lab-2", "sacrifice-2"), (DashboardSeeds.Attacks[1], DashboardSeeds.Attacks[0]) })
        {
            using var answer = await Http.PostAsync("/v1/runners/register", new StringContent(System.Text.Json.JsonSerializer.Serialize(new
            {
                runner_id = id,
                hostname = host,
                kernel_version = "6.12.9-amd64",
                proto_version = 1,
                capabilities = new[] { "sensor", "sandbox.oci", "slots.2" },
            }))).Soon();
            answer.EnsureSuccessStatusCode();
        }

        using var busy = await Http.PostAsync("/v1/runners/lab-2/heartbeat", new StringContent($$"""{"active_run_id":"{{DashboardSeeds.Large}}","status":"running"}""")).Soon();
        busy.EnsureSuccessStatusCode();
    }
}

/// <summary>A page in a browser, with everything that goes wrong in it noted.</summary>
public sealed class Window : IAsyncDisposable
{
    private const string NoteViolations = "window.violations = []; addEventListener('securitypolicyviolation', e => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));";
    private readonly IBrowserContext _context;
    private readonly List<string> _errors = [];

    private Window(IBrowserContext context, IPage page) => (_context, Page) = (context, page);

    public IPage Page { get; }

    public static async Task<Window> OpenAsync(IBrowserContext context, string path)
    {
        await context.AddInitScriptAsync(NoteViolations).Soon();
        var window = new Window(context, await context.NewPageAsync().Soon());
        window.Page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") window.Note(message.Text);
        };
        window.Page.PageError += (_, error) => window.Note(error);
        window.Page.Dialog += async (_, dialog) =>
        {
            window.Note("dialog: " + dialog.Message);
            await dialog.DismissAsync();
        };
        await window.GoAsync(path);
        return window;
    }

    public Task<IResponse?> GoAsync(string path) => Page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.Load }).Soon();

    /// <summary>What has gone wrong in it: errors of the console and of scripts, dialogs, violations of the content policy.</summary>
    public async Task<IReadOnlyList<string>> TroublesAsync()
    {
        var violations = await Page.EvaluateAsync<string[]>("window.violations ?? []").Soon();
        lock (_errors) return [.. _errors, .. violations];
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync().Soon();

    private void Note(string text)
    {
        lock (_errors) _errors.Add(text);
    }
}
