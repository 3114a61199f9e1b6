using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Fangs.Tests.Storage;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.EndToEnd;

/// <summary>The orchestrator's process is killed with SIGKILL again and again in the middle of analyses and decisions; each of them is stored in full or not at all, and in the end all are.</summary>
public sealed class AnalysisCrashSpecs : IDisposable
{
    private const int Rounds = 6;
    private const int Clients = 3;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-verdict-crash-").FullName;
    private readonly Random _random = new(7);

    private string Database => Path.Combine(_directory, "fangs.db");

    [Fact]
    public async Task An_analysis_or_decision_that_is_cut_off_leaves_the_old_state_or_the_new_one()
    {
        var port = FreePort();
        for (var round = 0; round < Rounds; round++)
        {
            using var orchestrator = Start(port);
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await UntilHealthyAsync(http);
            using var killed = new CancellationTokenSource();
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var (ended, killAfter) = (0, 20 + _random.Next(40));
            var clients = Enumerable.Range(0, Clients).Select(client => ClientAsync(http, $"thing-{client}", () =>
            {
                if (Interlocked.Increment(ref ended) == killAfter) enough.TrySetResult();
            }, killed.Token)).ToArray();
            await enough.Task.WaitAsync(Limit);
            orchestrator.Kill();
            await killed.CancelAsync();
            await Task.WhenAll(clients);
            await orchestrator.WaitForExitAsync();
            VerifyEveryOutcomeIsWhole();
        }

        using (var orchestrator = Start(port))
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await UntilHealthyAsync(http);
            await UntilAsync("SELECT count(*) FROM runs WHERE analyzed_at IS NULL AND state IN ('analyzed', 'done', 'failed')", "0");
            orchestrator.Kill();
            await orchestrator.WaitForExitAsync();
        }

        VerifyEveryOutcomeIsWhole();
        Assert.Equal("0", Text("SELECT count(*) FROM runs WHERE state = 'analyzed'"));
        Assert.True(int.Parse(Text("SELECT count(*) FROM runs WHERE state = 'done'"), System.Globalization.CultureInfo.InvariantCulture) > Rounds * 20);
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
    }

    // Each run has a value that all have and one of its own, so that it deviates from all before; every second one is promoted.
    private static async Task ClientAsync(HttpClient http, string package, Action progress, CancellationToken killed)
    {
        for (var i = 0; !killed.IsCancellationRequested; i++)
        {
            if (await SendAsync(http, "/v1/scans", $$$"""{"target_runner":"*","Job":{"package_name":"{{{package}}}","version":"1.0.0"}}""") is not { } answer) return;
            var run = answer.GetProperty("run_id").GetString()!;
            string[] events = [Did.Exec("/bin/sh"), .. Enumerable.Range(0, 30).Select(n => Did.Lookup($"{run}-{n}.example"))];
            if (await SendAsync(http, $"/v1/runs/{run}/events", $$"""{"seq":1,"events":[{{string.Join(',', events)}}]}""") is null) return;
            if (await SendAsync(http, $"/v1/runs/{run}/result", $$"""{"status":"ok","events_emitted":{{events.Length}}}""") is null) return;
            progress();
            if (i % 2 == 1 && await SendAsync(http, "/v1/operator/decisions", $$"""{"action":"baseline.promote","by":"op","run_id":"{{run}}"}""") is null) return;
        }
    }

    private void VerifyEveryOutcomeIsWhole()
    {
        Assert.Equal("ok", Text("PRAGMA integrity_check"));
        Assert.Equal("", Text("PRAGMA foreign_key_check"));
        // A run is judged, or nothing of its verdict is there.
        Assert.Equal("0", Text("SELECT count(*) FROM deviations d JOIN runs r ON r.id = d.run_id WHERE r.state = 'analyzed' AND d.status = 'open'"));
        Assert.Equal("0", Text("SELECT count(*) FROM runs WHERE state = 'done' AND analyzed_at IS NULL AND rules_version = 0"));
        // A judged run that is in no baseline has a deviation for each of its own values; one that is, has none open and all of them in the baseline.
        Assert.Equal("", Text("""
            SELECT r.id, r.is_baseline, r.baseline_by,
              (SELECT count(*) FROM deviations d WHERE d.run_id = r.id AND d.status = 'open') AS open,
              (SELECT count(*) FROM deviations d WHERE d.run_id = r.id AND d.status = 'accepted') AS accepted,
              (SELECT count(*) FROM baseline_fingerprints b WHERE b.package_name = r.package_name AND b.first_seen_run_id = r.id) AS learned
            FROM runs r WHERE r.state = 'done' AND r.conclusive = 1 AND NOT (
              (r.is_baseline = 0 AND open = 30 AND accepted = 0 AND learned = 0)
              OR (r.baseline_by = 'auto' AND open = 0 AND learned = 31)
              OR (r.baseline_by = 'manual' AND open = 0 AND learned >= 30))
            """));
        // The value that all have was counted once for every run that counts.
        Assert.Equal("", Text("""
            SELECT b.package_name, b.occurrence_count FROM baseline_fingerprints b WHERE b.value = '/bin/sh'
              AND b.occurrence_count <> (SELECT count(*) FROM baseline_runs c WHERE c.package_name = b.package_name)
            """));
        // Every decision that took effect has its line in the audit log, and every line took effect.
        Assert.Equal("", Text("SELECT id FROM runs WHERE (baseline_by = 'manual') <> EXISTS (SELECT 1 FROM audit_log a WHERE a.subject = runs.id)"));
    }

    private string Text(string sql) => string.Join('\n', LedgerFixture.RowsOf(Database, sql));

    private async Task UntilAsync(string sql, string expected)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (Text(sql) is var text && text != expected)
        {
            Assert.False(limit.IsCancellationRequested, $"{sql}: {text}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
        }
    }

    private static async Task<JsonElement?> SendAsync(HttpClient http, string path, string body)
    {
        try
        {
            using var answer = await http.PostAsync(path, new StringContent(body), CancellationToken.None);
            if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
            return await answer.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            return null; // the process is dead
        }
    }

    private static async Task UntilHealthyAsync(HttpClient http)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (true)
        {
            try
            {
                if ((await http.GetAsync("/v1/health", limit.Token)).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
            }
        }
    }

    private Process Start(int port)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "fangs")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "orchestrator", "-addr", $"127.0.0.1:{port}", "-sqlite-path", Database }) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
