using System.Text.Json;
using Fangs.Tests.EndToEnd;
using Fangs.Tests.Storage;
using Fangs.Tests.Telemetry;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Notifiers;

/// <summary>The real executable, killed with SIGKILL while alerts are under way.</summary>
public sealed class NotifierCrashSpecs : IAsyncLifetime
{
    private const int Releases = 6;
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-notify-crash-").FullName;
    private readonly TaskCompletionSource _isUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebhookReceiver _receiver = null!;

    private string Database => Path.Combine(_directory, "fangs.db");

    public async Task InitializeAsync() => _receiver = await WebhookReceiver.StartAsync(async context =>
    {
        if (_isUp.Task.IsCompleted) return;
        // Takes the message and says nothing: the sender cannot know whether it has arrived.
        var gone = new TaskCompletionSource();
        await using var registration = context.RequestAborted.Register(() => gone.TrySetResult());
        await Task.WhenAny(gone.Task, _isUp.Task);
        context.Response.StatusCode = 503;
    });

    public async Task DisposeAsync()
    {
        await _receiver.DisposeAsync();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Every_alert_arrives_though_the_process_is_killed_between_verdict_and_delivery()
    {
        var file = Path.Combine(_directory, "notifiers.json");
        await File.WriteAllTextAsync(file, $$"""[{"name":"soc","url":"{{_receiver.Url}}","template":"generic"}]""");
        var runs = new List<string>();
        var (first, address) = await FangsProcess.StartOrchestratorAsync(Database, "-watch=false", "-notifiers-file", file);
        await using (first)
        {
            using var client = new ScanClient(address);
            await client.RegisterAsync();
            await ScanAsync(client, "1.0.0", ScanClient.Exec());
            await client.MetricsWhenAsync(m => m.Find("fangs_analysis_seconds_count") > 0); // the first run is the baseline
            for (var i = 1; i <= Releases; i++) runs.Add(await ScanAsync(client, $"1.0.{i}", ScanClient.Exec(), ScanClient.File($"/opt/strange-{i}")));
            await client.MetricsWhenAsync(m => m.Sum("fangs_deviations_written_total") == Releases);
            await _receiver.NextAsync();
            await first.KillAsync();
        }

        Assert.Equal(["0"], LedgerFixture.RowsOf(Database, "SELECT count(*) FROM notifications WHERE status = 'sent'"));
        _isUp.SetResult();
        var (second, again) = await FangsProcess.StartOrchestratorAsync(Database, "-watch=false");
        await using (second)
        {
            using var client = new ScanClient(again);
            var metrics = await client.MetricsWhenAsync(m => m.Find("fangs_notifications_total", "notifier=soc", "status=sent") == Releases);
            Assert.Equal(0, metrics.Value("fangs_notifications_total", "notifier=soc", "status=permanent"));
            Assert.DoesNotContain("s3cret", first.Log + second.Log, StringComparison.Ordinal);
            Assert.Equal(0, await second.TerminateAsync());
        }

        Assert.Equal(["0"], LedgerFixture.RowsOf(Database, "SELECT count(*) FROM notification_outbox"));
        Assert.Equal([$"{Releases}"], LedgerFixture.RowsOf(Database, "SELECT count(*) FROM deviations WHERE notified_at IS NOT NULL"));
        var told = _receiver.Requests.Select(r => JsonDocument.Parse(r.Text).RootElement.GetProperty("run_id").GetString()).ToHashSet();
        Assert.Equal(runs.Order(), told.Order());
    }

    private static async Task<string> ScanAsync(ScanClient client, string version, params string[] events)
    {
        var run = await client.SubmitAsync(version: version);
        await client.PollAsync();
        await client.EventsAsync(run, 1, events);
        await client.ResultAsync(run, events.Length);
        return run;
    }
}
