using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Fangs.Actors.Storage;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Watching;

/// <summary>The orchestrator's process is killed with SIGKILL again and again while releases appear.</summary>
public sealed class WatcherCrashSpecs : IAsyncLifetime
{
    private const int Packages = 4, Rounds = 8, PerRound = 6; // 4 × (1 + 8 × 6) = 196 releases

    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-watch-crash-").FullName;
    private readonly List<Process> _started = [];
    private WatchRegistry _registry = null!;

    private string Database => Path.Combine(_directory, "fangs.db");

    public async Task InitializeAsync() => _registry = await WatchRegistry.StartAsync();

    public async Task DisposeAsync()
    {
        foreach (var process in _started)
        {
            if (!process.HasExited) process.Kill(); // a failed assertion must not leave one running
            process.Dispose();
        }

        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
        await _registry.DisposeAsync();
    }

    [Fact]
    public async Task Every_release_is_scanned_exactly_once()
    {
        var port = FreePort();
        var random = new Random(4711);
        var published = new List<string>();
        for (var i = 0; i < Packages; i++)
        {
            _registry.Publish($"p{i}", DateTimeOffset.UnixEpoch, "1.0.0");
            published.Add($"p{i}@1.0.0");
        }

        for (var round = 0; round < Rounds; round++)
        {
            var orchestrator = Start(port);
            await UntilHealthyAsync(port);
            if (round == 0) Add();
            for (var i = 0; i < Packages; i++)
            {
                for (var n = 1; n <= PerRound; n++)
                {
                    var version = string.Create(CultureInfo.InvariantCulture, $"1.{round + 1}.{n}");
                    _registry.Publish($"p{i}", version, TimeProvider.System.GetUtcNow());
                    published.Add($"p{i}@{version}");
                }
            }

            // In the middle of queueing, at a moment that nobody chooses.
            await UntilQueueingAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 60)), TimeProvider.System);
            orchestrator.Kill();
            await orchestrator.WaitForExitAsync();
        }

        var last = Start(port);
        await UntilHealthyAsync(port);
        var scanned = await TakeJobsAsync(port, published.Count);
        last.Kill();
        await last.WaitForExitAsync();
        Assert.Equal(published.Order(), scanned.Order());
        Assert.Equal(published.Order(), Rows("SELECT package_name || '@' || version FROM runs").Order());
        Assert.Equal(["queued"], Rows("SELECT DISTINCT state FROM releases"));
        Assert.Equal(["ok"], Rows("PRAGMA integrity_check"));
    }

    private async Task UntilQueueingAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var database = new SqliteConnection($"Data Source={Database};Mode=ReadOnly");
        database.Open();
        using var command = database.CreateCommand();
        command.CommandText = "SELECT EXISTS (SELECT 1 FROM releases WHERE state = 'queueing')";
        while ((long)command.ExecuteScalar()! == 0) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, limit.Token);
    }

    // Takes jobs as a runner does, each reported as done, until every release has been handed out. A second copy of one would show among them.
    private static async Task<List<string>> TakeJobsAsync(int port, int count)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) };
        (await http.PostAsync("/v1/runners/register", new StringContent("""{"runner_id":"r1","proto_version":1}"""))).EnsureSuccessStatusCode();
        var taken = new List<string>();
        while (taken.Count < count)
        {
            using var answer = await http.GetAsync("/v1/runners/r1/jobs");
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{taken.Count} jobs, then {answer.StatusCode}");
            var job = await answer.Content.ReadFromJsonAsync<JsonElement>();
            taken.Add($"{job.GetProperty("package_name").GetString()}@{job.GetProperty("version").GetString()}");
            var run = Convert.ToHexStringLower([.. job.GetProperty("run_id").EnumerateArray().Select(b => b.GetByte())]);
            (await http.PostAsync($"/v1/runs/{run}/result", new StringContent("""{"status":"ok"}"""))).EnsureSuccessStatusCode();
        }

        return taken;
    }

    private void Add()
    {
        using var database = new SqliteConnection($"Data Source={Database}");
        database.Open();
        for (var i = 0; i < Packages; i++)
        {
            using var command = database.CreateCommand();
            command.CommandText = "INSERT INTO packages (name, added_at) VALUES ($1, $2)";
            command.Parameters.AddWithValue("$1", $"p{i}");
            // Long ago, so that every version is newer than the watch.
            command.Parameters.AddWithValue("$2", StorageText.Time(DateTimeOffset.UnixEpoch.AddYears(-1)));
            command.ExecuteNonQuery();
        }
    }

    private List<string> Rows(string sql)
    {
        using var database = new SqliteConnection($"Data Source={Database}");
        database.Open();
        using var command = database.CreateCommand();
#pragma warning disable CA2100 // constants of the test
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(reader.GetString(0));
        return rows;
    }

    private static async Task UntilHealthyAsync(int port)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
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
        foreach (var argument in new[] { "orchestrator", "-addr", $"127.0.0.1:{port}", "-sqlite-path", Database, "-watch-interval", "1s", "-registry", _registry.Address.ToString() })
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        _started.Add(process);
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
