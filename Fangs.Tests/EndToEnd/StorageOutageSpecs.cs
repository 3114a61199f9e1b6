using System.Diagnostics;
using System.Net;
using Fangs.Http;
using Fangs.Tests.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.EndToEnd;

/// <summary>The disk of a real orchestrator is full, read-only, or held by somebody else: it says so, keeps what it has promised, and goes on by itself.</summary>
public sealed class StorageOutageSpecs : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-outage-").FullName;
    private readonly List<(string Run, int Seq)> _acknowledged = [];
    private readonly List<string> _accepted = [];
    private Action? _breakAgain;
    private OrchestratorHost? _host;
    private bool _isMounted;
    private string _run = "";
    private int _seq;

    private string DatabasePath => Path.Combine(_directory, "fangs.db");

    private RawHttp Raw => new(_host!.Address.Port);

    [SkippableFact]
    public async Task A_full_disk_stores_nothing_acknowledges_nothing_and_is_survived()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "mounting a small disk needs root");
        Skip.IfNot(await RunAsync("mount", "-t", "tmpfs", "-o", "size=24m", "fangs-outage", _directory) == 0, "this host does not mount a tmpfs");
        _isMounted = true;
        await StartAsync();
        var filler = Path.Combine(_directory, "filler");
        _breakAgain = () => Fill(filler); // closing a connection gives its log's room back
        await FailsAsync("full");
        File.Delete(filler);
        await RecoversAsync();
    }

    [SkippableFact]
    public async Task A_database_that_became_read_only_stores_nothing_acknowledges_nothing_and_is_survived()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "making a file immutable needs root");
        await StartAsync();
        string[] files = [DatabasePath, DatabasePath + "-wal"];
        Skip.IfNot(await RunAsync("chattr", ["+i", .. files]) == 0, "the file system of the temporary directory has no immutable files");
        try
        {
            await FailsAsync("disk I/O error", "readonly", "read-only", "unable to open");
        }
        finally
        {
            await RunAsync("chattr", ["-i", .. files]);
        }

        await RecoversAsync();
    }

    [Fact]
    public async Task A_database_that_is_locked_stores_nothing_acknowledges_nothing_and_is_survived()
    {
        await StartAsync();
        using (var other = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = DatabasePath, Pooling = false }.ToString()))
        {
            other.Open();
            using var hold = other.CreateCommand();
            hold.CommandText = "BEGIN IMMEDIATE";
            hold.ExecuteNonQuery();
            await FailsAsync("locked", "did not answer");
            hold.CommandText = "ROLLBACK";
            hold.ExecuteNonQuery();
        }

        await RecoversAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_host is not null) await _host.DisposeAsync().Soon();
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            if (_isMounted) await RunAsync("umount", "-l", _directory);
            Directory.Delete(_directory, recursive: true);
        }
    }

    private async Task StartAsync()
    {
        var settings = new OrchestratorSettings { Address = new IPEndPoint(IPAddress.Loopback, 0) };
        _host = await OrchestratorHost.StartAsync(settings with { Core = settings.Core with { SqlitePath = DatabasePath } },
            TimeProvider.System, logging => logging.ClearProviders(), CancellationToken.None).Soon();
        Assert.Equal(202, (await ScanAsync()).Status);
        _run = _accepted[0];
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await SendBatchAsync()).Status);
        var ready = await Raw.SendAsync("GET", "/v1/ready");
        Assert.Equal((200, true), (ready.Status, ready.Body.Contains("\"status\":\"ready\"", StringComparison.Ordinal)));
    }

    // Whatever the reason is called on the layer that meets it first.
    private async Task FailsAsync(params string[] reasons)
    {
        var batch = await UntilAsync(500, SendBatchAsync);
        Assert.Contains(reasons, reason => batch.Body.Contains(reason, StringComparison.Ordinal));
        await UntilAsync(500, ScanAsync);
        Assert.Equal(200, (await Raw.SendAsync("GET", "/v1/health")).Status);
        var ready = await UntilAsync(503, ReadyAsync); // not at once: what was seen last counts for a second; of a full disk the failed batch tells, as small writes may still go through
        Assert.Contains(reasons, reason => ready.Body.Contains(reason, StringComparison.Ordinal));
    }

    private async Task RecoversAsync()
    {
        _breakAgain = null;
        await UntilAsync(200, ReadyAsync);
        // The batch that failed is sent again under its number, as senders do.
        Assert.Equal(200, (await SendBatchAsync()).Status);
        await UntilAsync(202, ScanAsync); // the queue comes back by itself, a little later than the store
        await _host!.DisposeAsync().Soon();
        _host = null;
        using var database = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = DatabasePath, Pooling = false }.ToString());
        database.Open();
        Assert.Equal("ok", Scalar<string>(database, "PRAGMA integrity_check"));
        Assert.Equal(_acknowledged.Select(a => a.Seq), Enumerable.Range(1, _acknowledged.Count));
        Assert.Equal(_acknowledged.Count, Scalar<long>(database, "SELECT count(*) FROM event_batches"));
        Assert.Equal(_acknowledged.Count, Scalar<long>(database, "SELECT max(seq) FROM event_batches"));
        Assert.Equal(_acknowledged.Count * 2L, Scalar<long>(database, "SELECT count(*) FROM events"));
        foreach (var run in _accepted) Assert.Equal(1, Scalar<long>(database, $"SELECT count(*) FROM runs WHERE id = '{run}'"));
    }

    private Task<RawAnswer> ReadyAsync() => Raw.SendAsync("GET", "/v1/ready");

    private async Task<RawAnswer> UntilAsync(int status, Func<Task<RawAnswer>> ask)
    {
        using var limit = new CancellationTokenSource(Limits.Patience);
        while (true)
        {
            _breakAgain?.Invoke();
            var answer = await ask();
            if (answer.Status == status) return answer;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
        }
    }

    private async Task<RawAnswer> SendBatchAsync()
    {
        var seq = _seq + 1;
        var answer = await Raw.SendAsync("POST", $"/v1/runs/{_run}/events",
            $$$"""{"seq":{{{seq}}},"events":[{"type":1,"payload":{"PathName":"/etc/{{{new string('x', 4000)}}}"}},{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}]}""");
        if (answer.Status != 200) return answer;
        _seq = seq;
        _acknowledged.Add((_run, seq));
        return answer;
    }

    private async Task<RawAnswer> ScanAsync()
    {
        var answer = await Raw.SendAsync("POST", "/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
        if (answer.Status == 202) _accepted.Add(answer.Body.Split('"')[^2]);
        return answer;
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var size in new[] { 65536, 4096 })
        {
            try
            {
                while (true) file.Write(new byte[size]);
            }
            catch (IOException)
            {
                // Full, for pieces of this size.
            }
        }
    }

    private static async Task<int> RunAsync(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
            await process.StandardError.ReadToEndAsync().Soon();
            await process.ExitSoonAsync();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1; // there is no such command
        }
    }

#pragma warning disable CA2100 // constants and ids that the orchestrator made
    private static T Scalar<T>(SqliteConnection database, string sql)
    {
        using var command = database.CreateCommand();
        command.CommandText = sql;
        return (T)command.ExecuteScalar()!;
    }
#pragma warning restore CA2100
}
