using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Fangs.Tests.Http;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.EndToEnd;

/// <summary>
/// A real orchestrator under many clients that behave badly, all at once. Whoever behaves well is served meanwhile, and nothing that was
/// acknowledged to anybody is lost or stored twice.
/// </summary>
public sealed class OverloadSpecs : IAsyncLifetime, IDisposable
{
    private const int ClientsOfEachKind = 30;
    private const int MemoryLimitMib = 700; // all bodies together would take gigabytes
    private static readonly TimeSpan Load = TimeSpan.FromSeconds(8);

    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-overload-").FullName;
    private readonly ConcurrentDictionary<(string Run, int Seq), int> _acknowledged = new();
    private readonly CancellationTokenSource _over = new();
    private FangsProcess _orchestrator = null!;
    private Uri _address = null!;

    private string DatabasePath => Path.Combine(_directory, "fangs.db");

    private RawHttp Raw => new(_address.Port);

    public async Task InitializeAsync() => (_orchestrator, _address) = await FangsProcess.StartOrchestratorAsync(DatabasePath).Soon();

    [Fact]
    public async Task Clients_that_behave_well_are_served_while_many_others_do_not_and_nothing_acknowledged_is_lost()
    {
        const string Runner = "well-behaved";
        Assert.Equal(200, (await Raw.SendAsync("POST", "/v1/runners/register", $$"""{"runner_id":"{{Runner}}","proto_version":1,"capabilities":["sensor"]}""")).Status);
        var bad = new List<Task>();
        for (var i = 0; i < ClientsOfEachKind; i++)
            bad.AddRange([FloodAsync(), StallAsync(), TrickleAsync(), ResendAsync(), DisappearAsync(), ReconnectAsync()]);

        _over.CancelAfter(Load);
        var (beats, jobs) = (0, new ConcurrentQueue<string>());
        var polling = PollAsync(Runner, jobs);
        var submitted = new List<string>();
        while (!_over.IsCancellationRequested)
        {
            var beat = await Raw.SendAsync("POST", $"/v1/runners/{Runner}/heartbeat", """{"status":"idle"}""");
            Assert.Equal((200, """{"ok":true}"""), (beat.Status, beat.Body)); // and so it was never pruned
            beats++;
            submitted.Add(await ScanAsync(Runner));
        }

        Assert.True(beats > 0);
        await Task.WhenAll(bad).Soon();
        await Limits.UntilAsync(() => jobs.Count >= submitted.Count || polling.IsCompleted);
        Assert.Equal(submitted.Order(), jobs.Order());
        var peak = PeakMemory();
        Assert.True(peak < MemoryLimitMib, $"peak {peak} MiB");
        Assert.Equal(200, (await Raw.SendAsync("GET", "/v1/ready")).Status);
        Assert.Equal(0, await _orchestrator.TerminateAsync());
        await polling.Soon();
        Verify();
    }

    public async Task DisposeAsync() => await _orchestrator.DisposeAsync().Soon();

    public void Dispose()
    {
        _over.Dispose();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Sends large batches as fast as they are taken.</summary>
    private async Task FloodAsync()
    {
        var run = await ScanAsync("*");
        using var connection = await BeginAsync(run);
        var seq = 0;
        while (!_over.IsCancellationRequested) await ChunkAsync(connection, Batch(++seq, events: 64, padding: 300));
        await EndAsync(connection, run, seq);
    }

    /// <summary>Sends one batch and half of another, then nothing, and finishes only at the end.</summary>
    private async Task StallAsync()
    {
        var run = await ScanAsync("*");
        using var connection = await BeginAsync(run);
        await ChunkAsync(connection, Batch(1));
        var second = Batch(2);
        await ChunkAsync(connection, second.AsMemory(0, second.Length / 2));
        await OverAsync();
        await ChunkAsync(connection, second.AsMemory(second.Length / 2));
        await EndAsync(connection, run, 2);
    }

    /// <summary>Sends byte by byte.</summary>
    private async Task TrickleAsync()
    {
        var run = await ScanAsync("*");
        using var connection = await BeginAsync(run);
        var batch = Batch(1);
        var sent = 0;
        while (!_over.IsCancellationRequested && sent < batch.Length - 1)
        {
            await ChunkAsync(connection, batch.AsMemory(sent++, 1));
            await PauseAsync(50);
        }

        await ChunkAsync(connection, batch.AsMemory(sent));
        await EndAsync(connection, run, 1);
    }

    /// <summary>Sends everything twice, in requests of their own.</summary>
    private async Task ResendAsync()
    {
        var run = await ScanAsync("*");
        for (var seq = 1; !_over.IsCancellationRequested; seq++)
            for (var time = 0; time < 2; time++)
                await PostAsync(run, seq);
    }

    /// <summary>Breaks off in the middle of a batch, again and again; the whole ones before it were not acknowledged, and are sent again in the end.</summary>
    private async Task DisappearAsync()
    {
        var run = await ScanAsync("*");
        var seq = 0;
        while (!_over.IsCancellationRequested)
        {
            using var connection = await BeginAsync(run);
            await ChunkAsync(connection, Batch(++seq));
            var next = Batch(seq + 1);
            await ChunkAsync(connection, next.AsMemory(0, next.Length / 2));
            connection.Client.LingerState = new LingerOption(true, 0); // a reset, not an orderly end
            await PauseAsync(100);
        }

        for (var again = 1; again <= seq; again++) await PostAsync(run, again);
    }

    /// <summary>Opens connections and requests and leaves them.</summary>
    private async Task ReconnectAsync()
    {
        while (!_over.IsCancellationRequested)
        {
            using var connection = await Raw.OpenAsync();
            await connection.GetStream().WriteAsync("POST /v1/scans HTTP/1.1\r\nHost: o\r\nContent-Le"u8.ToArray()).Soon();
            await PauseAsync(10);
        }
    }

    private async Task PollAsync(string runner, ConcurrentQueue<string> jobs)
    {
        try
        {
            while (true)
            {
                var answer = await Raw.SendAsync("GET", $"/v1/runners/{runner}/jobs");
                if (answer.Status == 200) jobs.Enqueue(RunOf(answer.Body));
                else Assert.Equal(204, answer.Status);
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // The orchestrator has stopped.
        }
    }

    private async Task<string> ScanAsync(string target)
    {
        var answer = await Raw.SendAsync("POST", "/v1/scans", $$$"""{"target_runner":"{{{(target == "*" ? "nobody" : target)}}}","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
        if (answer.Status == 404)
        {
            // So that the runner which counts its jobs gets no others.
            await Raw.SendAsync("POST", "/v1/runners/register", """{"runner_id":"nobody","proto_version":1,"capabilities":["sensor"]}""");
            return await ScanAsync(target);
        }

        Assert.True(answer.Status == 202, answer.Body);
        return answer.Body.Split('"')[^2];
    }

    private async Task PostAsync(string run, int seq)
    {
        var answer = await Raw.SendAsync(RawHttp.Request("POST", $"/v1/runs/{run}/events", Batch(seq)));
        Assert.True(answer.Status == 200, answer.Body);
        _acknowledged[(run, seq)] = EventsOf(seq);
    }

    private async Task<TcpClient> BeginAsync(string run)
    {
        var connection = await Raw.OpenAsync();
        await connection.GetStream().WriteAsync(RawHttp.Request("POST", $"/v1/runs/{run}/events", null, "Transfer-Encoding: chunked")).Soon();
        return connection;
    }

    private static async Task ChunkAsync(TcpClient connection, ReadOnlyMemory<byte> bytes)
    {
        var head = Encoding.ASCII.GetBytes(bytes.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
        await connection.GetStream().WriteAsync((byte[])[.. head, .. bytes.Span, .. "\r\n"u8]).Soon();
    }

    private async Task EndAsync(TcpClient connection, string run, int batches)
    {
        await connection.GetStream().WriteAsync("0\r\n\r\n"u8.ToArray()).Soon();
        var answer = await RawHttp.ReadAsync(connection.GetStream());
        Assert.True(answer.Status == 200, answer.Body);
        Assert.Contains($"\"received_batches\":{batches},", answer.Body, StringComparison.Ordinal);
        for (var seq = 1; seq <= batches; seq++) _acknowledged[(run, seq)] = -1;
    }

    private Task OverAsync()
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _over.Token.Register(over.SetResult);
        return over.Task;
    }

    // The pace of a client, not a wait for anything.
    private static Task PauseAsync(int milliseconds) => Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, CancellationToken.None);

    private static int EventsOf(int seq) => 1 + (seq % 3);

    private static byte[] Batch(int seq, int events = 0, int padding = 10)
    {
        var items = Enumerable.Range(0, events > 0 ? events : EventsOf(seq)).Select(i => $$$"""{"type":1,"payload":{"PathName":"/etc/{{{seq % 50}}}-{{{i}}}","Note":"{{{new string('n', padding)}}}"}}""");
        return Encoding.UTF8.GetBytes($$"""{"seq":{{seq}},"events":[{{string.Join(',', items)}}]}""");
    }

    private static string RunOf(string job)
    {
        var from = job.IndexOf("\"run_id\":[", StringComparison.Ordinal) + 10;
        return Convert.ToHexStringLower([.. job[from..job.IndexOf(']', from)].Split(',').Select(n => byte.Parse(n, CultureInfo.InvariantCulture))]);
    }

    private long PeakMemory() => long.Parse(
        File.ReadLines($"/proc/{_orchestrator.Id}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal),
        CultureInfo.InvariantCulture) / 1024;

    private void Verify()
    {
        using var database = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = DatabasePath, Pooling = false }.ToString());
        database.Open();
        Assert.Equal("ok", Scalar<string>(database, "PRAGMA integrity_check"));
        var stored = new Dictionary<(string, int), long>();
        using (var batches = database.CreateCommand())
        {
            batches.CommandText = "SELECT run_id, seq, events FROM event_batches";
            using var row = batches.ExecuteReader();
            while (row.Read()) stored.Add((row.GetString(0), row.GetInt32(1)), row.GetInt64(2)); // the primary key makes each of them one
        }

        Assert.NotEmpty(_acknowledged);
        foreach (var (batch, events) in _acknowledged)
        {
            Assert.True(stored.TryGetValue(batch, out var rows), $"batch {batch} was acknowledged and is not stored");
            if (events > 0) Assert.Equal(events, rows);
        }

        Assert.Equal(stored.Values.Sum(), Scalar<long>(database, "SELECT count(*) FROM events"));
        Assert.Equal(stored.Values.Sum(), Scalar<long>(database, "SELECT sum(count) FROM run_event_counts"));
        Assert.Equal(stored.Values.Sum(), Scalar<long>(database, "SELECT sum(count) FROM run_fingerprints"));
    }

#pragma warning disable CA2100 // constants
    private static T Scalar<T>(SqliteConnection database, string sql)
    {
        using var command = database.CreateCommand();
        command.CommandText = sql;
        return (T)command.ExecuteScalar()!;
    }
#pragma warning restore CA2100
}
