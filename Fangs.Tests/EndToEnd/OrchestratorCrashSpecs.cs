using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Fangs.Actors.Storage.Transfer;
using Fangs.Tests.Storage;

namespace Fangs.Tests.EndToEnd;

/// <summary>The orchestrator's process is killed with SIGKILL in the middle of work; what it had promised must be true afterwards.</summary>
public abstract class OrchestratorCrashSpecs(Backend backend) : IDisposable
{
    private const int Clients = 4;
    private const int KilledAfter = 150;

    private readonly BackendDatabase _database = BackendDatabase.Create(backend);
    private readonly ConcurrentBag<string> _accepted = [];
    private readonly ConcurrentBag<(string Run, int Seq)> _acknowledged = [];

    [Fact]
    public async Task Nothing_that_was_accepted_or_acknowledged_is_lost_or_stored_twice()
    {
        var port = FreePort();
        for (var round = 0; round < 3; round++)
        {
            using var orchestrator = Start(port);
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await UntilHealthyAsync(http);
            using var killed = new CancellationTokenSource();
            var before = _acknowledged.Count;
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var clients = Enumerable.Range(0, Clients).Select(_ => ClientAsync(http, () =>
            {
                if (_acknowledged.Count - before >= KilledAfter) enough.TrySetResult();
            }, killed.Token)).ToArray();
            await enough.Task.WaitAsync(TimeSpan.FromSeconds(60));
            orchestrator.Kill();
            await killed.CancelAsync();
            await Task.WhenAll(clients).Soon();
            await orchestrator.ExitSoonAsync();
        }

        using (var orchestrator = Start(port))
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await UntilHealthyAsync(http);
            orchestrator.Kill();
            await orchestrator.ExitSoonAsync();
        }

        Verify();
    }

    public void Dispose()
    {
        _database.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task ClientAsync(HttpClient http, Action progress, CancellationToken killed)
    {
        while (!killed.IsCancellationRequested)
        {
            if (await SendAsync(http, "/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}""", killed) is not { } answer) return;
            var run = answer.GetProperty("run_id").GetString()!;
            _accepted.Add(run);
            for (var seq = 1; seq <= 5; seq++)
            {
                var batch = $$$"""{"seq":{{{seq}}},"events":[{"type":1,"payload":{"PathName":"/etc/{{{seq}}}"}},{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}]}""";
                // Sent twice on purpose: a sender that did not get its answer does so.
                for (var time = 0; time < 2; time++)
                    if (await SendAsync(http, $"/v1/runs/{run}/events", batch, killed) is null) return;
                _acknowledged.Add((run, seq));
                progress();
            }
        }
    }

    private static async Task<JsonElement?> SendAsync(HttpClient http, string path, string body, CancellationToken killed)
    {
        try
        {
            using var answer = await http.PostAsync(path, new StringContent(body), CancellationToken.None);
            if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
            return await answer.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            _ = killed;
            return null; // the process is dead: no promise was made
        }
    }

    private void Verify()
    {
        if (_database.Target is Actors.Storage.StorageTarget.Sqlite) Assert.Equal(["ok"], _database.Rows("PRAGMA integrity_check"));
        foreach (var run in _accepted)
            Assert.Equal(["1"], _database.Rows($"SELECT count(*) FROM runs WHERE id = '{run}'"));
        foreach (var (run, seq) in _acknowledged)
            Assert.Equal(["2"], _database.Rows($"SELECT coalesce(sum(events), 0) FROM event_batches WHERE run_id = '{run}' AND seq = {seq}"));
        Assert.Equal(_database.Rows("SELECT sum(events) FROM event_batches"), _database.Rows("SELECT count(*) FROM events"));
        Assert.Equal(_database.Rows("SELECT count(*) FROM events"), _database.Rows("SELECT sum(count) FROM run_event_counts"));
        // Every accepted job is still in the queue: no runner has taken one.
        var jobs = _database.Target is Actors.Storage.StorageTarget.Sqlite ? "CAST(message AS TEXT)" : "convert_from(message, 'UTF8')";
        var queued = _database.Rows($"SELECT {jobs} FROM journal WHERE manifest = 'job-queued-v1'");
        Assert.All(_accepted, run => Assert.Single(queued, job => job.Contains(RunArray(run), StringComparison.Ordinal)));
        Assert.Empty(DatabaseCheck.Run(_database.Target, _ => { }, CancellationToken.None));
    }

    private static string RunArray(string run) => "[" + string.Join(',', Convert.FromHexString(run)) + "]";

    private static async Task UntilHealthyAsync(HttpClient http)
    {
        using var limit = new CancellationTokenSource(Limits.Patience);
        while (true)
        {
            try
            {
                if ((await http.GetAsync("/v1/health", limit.Token)).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Nobody listens yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
        }
    }

    private Process Start(int port)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "fangs")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "orchestrator", "-addr", $"127.0.0.1:{port}" }.Concat(_database.Flags)) start.ArgumentList.Add(argument);
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

public sealed class SqliteOrchestratorCrashSpecs() : OrchestratorCrashSpecs(Backend.Sqlite);

public sealed class PostgresOrchestratorCrashSpecs() : OrchestratorCrashSpecs(Backend.Postgres);
