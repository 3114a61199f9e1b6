using System.Collections.Concurrent;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Actors.Watching;
using Fangs.Protocol;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Watching;

/// <summary>A time provider whose now is that of an Akka scheduler, so that one <c>Advance</c> moves both. Its timers stay real: they only limit requests.</summary>
internal sealed class SchedulerClock(Akka.TestKit.TestScheduler scheduler) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => scheduler.Now;
}

/// <summary>A job queue that keeps what it is given, and fails when told.</summary>
internal sealed class ScanQueueBook : IScanQueue
{
    public ConcurrentQueue<Job> Jobs { get; } = [];

    /// <summary>Before a job is kept; an exception means that it is not.</summary>
    public Func<Job, Task>? Before { get; set; }

    /// <summary>After a job was kept; an exception means that nobody learns of it.</summary>
    public Func<Job, Task>? After { get; set; }

    public async Task QueueAsync(Job job)
    {
        if (Before is { } before) await before(job);
        Jobs.Enqueue(job);
        if (After is { } after) await after(job);
    }

    public Task<IReadOnlySet<RunId>> KnownAsync(IReadOnlyList<RunId> runs) =>
        Task.FromResult<IReadOnlySet<RunId>>(Jobs.Select(j => j.RunId).Where(runs.Contains).ToHashSet());

    public IEnumerable<string> VersionsOf(string package) => Jobs.Where(j => j.PackageName == package).Select(j => j.Version!);
}

/// <summary>A real database for the watcher's store.</summary>
internal sealed class WatchBench : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-watch-").FullName;
    private readonly StoreWriter _writer;

    public WatchBench(TimeProvider clock)
    {
        Database = SqliteDatabase.OpenExclusive(Path.Combine(_directory, "fangs.db"));
        _writer = new StoreWriter(Database);
        Store = new WatchStore(Database, _writer, clock);
    }

    public SqliteDatabase Database { get; }

    public IWatchStore Store { get; }

    /// <summary>What <c>package add</c> does.</summary>
    public void Add(string package, DateTimeOffset at, string? lastSeen = null) =>
        Execute("INSERT INTO packages (name, added_at, last_seen_version) VALUES ($1, $2, $3)", package, StorageText.Time(at), lastSeen);

    /// <summary>What <c>package remove</c> does.</summary>
    public void Remove(string package) => Execute("PRAGMA foreign_keys = ON; DELETE FROM packages WHERE name = $1", package);

    public void Execute(string sql, params object?[] values)
    {
        using var connection = Database.OpenWriter();
        using var command = Command(connection, sql, values);
        command.ExecuteNonQuery();
    }

    /// <summary>Rows as text, columns separated by bars, sorted by the query.</summary>
    public IReadOnlyList<string> Rows(string sql, params object?[] values)
    {
        using var connection = Database.OpenReader();
        using var command = Command(connection, sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : reader.GetValue(i).ToString())));
        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        Database.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, object?[] values)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // constants of the tests
        command.CommandText = sql;
#pragma warning restore CA2100
        for (var i = 0; i < values.Length; i++) command.Parameters.AddWithValue($"${i + 1}", values[i] ?? DBNull.Value);
        return command;
    }
}
