using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fangs.Tests.Http;

namespace Fangs.Tests.Telemetry;

/// <summary>The dashboard and the alert rules name only what an orchestrator publishes, and Prometheus' own tool accepts both sides.</summary>
public sealed partial class DeployedFilesSpecs : IAsyncLifetime
{
    private static readonly string Root = FindRoot();
    private static readonly string Alerts = Path.Combine(Root, "deploy/prometheus/fangs-alerts.yml");
    private static readonly string Dashboard = Path.Combine(Root, "deploy/grafana/fangs-dashboard.json");
    private readonly OrchestratorFixture _orchestrator = new()
    {
        Settings = new()
        {
            Address = new IPEndPoint(IPAddress.Loopback, 0),
            Core = new()
            {
                Retention = new() { FirstPassAfter = TimeSpan.FromMilliseconds(1) },
                Notifier = new() { FromFile = [new("soc", "http://127.0.0.1:1/", "slack", null, null, null, true)] },
            },
        },
    };

    public Task InitializeAsync() => _orchestrator.InitializeAsync();

    public Task DisposeAsync() => _orchestrator.DisposeAsync();

    [Fact]
    public async Task Every_name_in_the_dashboard_and_the_alerts_is_published_after_some_traffic()
    {
        var metrics = PrometheusText.Parse(await TrafficAsync());
        var published = metrics.Samples.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        var labels = metrics.Samples.GroupBy(s => metrics.FamilyOf(s.Name)).ToDictionary(g => g.Key, g => g.SelectMany(s => s.Labels.Keys).ToHashSet());
        var expressions = DashboardExpressions().Concat(AlertExpressions()).ToList();
        Assert.True(expressions.Count > 30);
        foreach (var expression in expressions)
        {
            var names = MetricName().Matches(expression).Select(m => m.Value).ToList();
            Assert.True(names.Count > 0, expression);
            foreach (var name in names) Assert.True(published.Contains(name), $"{name} in: {expression}");
            foreach (var label in LabelsOf(expression).Where(label => label != "le"))
                Assert.Contains(names, name => labels[metrics.FamilyOf(name)].Contains(label));
        }
    }

    [Fact]
    public void The_alerts_cover_what_must_not_go_unnoticed()
    {
        var text = string.Join('\n', AlertExpressions());
        foreach (var name in new[]
                 {
                     "fangs_runners_registered", "fangs_events_dropped_total", "fangs_event_seq_gaps_total", "fangs_events_persist_failures_total", "fangs_queue_oldest_seconds > 900",
                     "fangs_notifications_total{status=\"permanent\"}", "fangs_watcher_errors_total",
                 })
            Assert.Contains(name, text);
    }

    [SkippableFact]
    public async Task Promtool_accepts_the_alert_rules()
    {
        var (code, output) = await PromtoolAsync(["check", "rules", Alerts], "");
        Assert.True(code == 0, output);
    }

    [SkippableFact]
    public async Task Promtool_accepts_and_has_nothing_to_say_about_the_metrics()
    {
        var (code, output) = await PromtoolAsync(["check", "metrics"], await TrafficAsync());
        Assert.True(code == 0, output);
    }

    private static IEnumerable<string> DashboardExpressions()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Dashboard));
        return [.. json.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray().Select(target => target.GetProperty("expr").GetString()!))];
    }

    private static IEnumerable<string> AlertExpressions() =>
        File.ReadLines(Alerts).Select(line => line.Trim()).Where(line => line.StartsWith("expr: ", StringComparison.Ordinal)).Select(line => line["expr: ".Length..]);

    private async Task<string> TrafficAsync()
    {
        using var client = new ScanClient(_orchestrator.Host.Address);
        await client.RegisterAsync();
        var run = await client.SubmitAsync();
        await client.PollAsync();
        await client.EventsAsync(run, 1, ScanClient.Exec());
        await client.ResultAsync(run, 1);
        await client.MetricsWhenAsync(m => m.Find("fangs_analysis_seconds_count") > 0 && m.Value("fangs_retention_passes_total", "outcome=completed") > 0
            && m.Find("fangs_notifications_total", "notifier=soc", "status=sent") == 0);
        return await client.Http.GetStringAsync("/metrics");
    }

    private static async Task<(int Code, string Output)> PromtoolAsync(string[] arguments, string input)
    {
        // ./test puts it there: the Debian package would bring a running server with it.
        var own = Path.Combine(Root, "artifacts/tools/promtool");
        var tool = File.Exists(own) ? own : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d, "promtool")).FirstOrDefault(File.Exists);
        Skip.If(tool is null, "There is no promtool here: ./test fetches it with apt-get download prometheus");
        var start = new ProcessStartInfo(tool) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output + await errors);
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Fangs.sln"))) directory = directory.Parent!;
        return directory.FullName;
    }

    [GeneratedRegex("(?<![a-z_])(?:fangs|process|dotnet)_[a-z_]+")]
    private static partial Regex MetricName();

    private static IEnumerable<string> LabelsOf(string expression) => SelectedLabel().Matches(expression).Select(m => m.Groups[1].Value)
        .Concat(GroupedLabels().Matches(expression).SelectMany(m => m.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries)));

    [GeneratedRegex("""([a-z_]+)(?:=~|!=|=)"\w""")]
    private static partial Regex SelectedLabel();

    [GeneratedRegex("""by \(([a-z_, ]+)\)""")]
    private static partial Regex GroupedLabels();
}
