using System.Collections.Concurrent;
using Fangs.Actors.Storage;
using Fangs.Actors.Watching;
using Fangs.Protocol;
using Fangs.Tests.Storage;

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

/// <summary>A real database of either kind for the watcher's store.</summary>
internal sealed class WatchBench : IAsyncDisposable
{
    private readonly BackendDatabase _backend;
    private readonly StoreDatabase _database;
    private readonly StoreWriter _writer;

    public WatchBench(TimeProvider clock, Backend backend = Backend.Sqlite)
    {
        _backend = BackendDatabase.Create(backend);
        _database = StoreDatabase.OpenExclusive(_backend.Target);
        _writer = new StoreWriter(_database);
        Store = new WatchStore(_database, _writer, clock);
    }

    public StorageTarget Target => _backend.Target;

    public IWatchStore Store { get; }

    /// <summary>What <c>package add</c> does.</summary>
    public void Add(string package, DateTimeOffset at, string? lastSeen = null) =>
        Execute("INSERT INTO packages (name, added_at, last_seen_version) VALUES (@p0, @p1, @p2)", package, StorageText.Time(at), lastSeen);

    /// <summary>What <c>package remove</c> does.</summary>
    public void Remove(string package) => Execute("DELETE FROM packages WHERE name = @p0", package);

    public void Execute(string sql, params object?[] values)
    {
        using var session = _database.Target.OpenSession();
        session.Execute(sql, values);
    }

    /// <summary>Rows as text, columns separated by bars, sorted by the query.</summary>
    public IReadOnlyList<string> Rows(string sql, params object?[] values)
    {
        using var session = _database.OpenReadSession();
        return session.Rows(sql, row => string.Join('|', Enumerable.Range(0, row.Columns).Select(i => row.IsDBNull(i) ? "" : row.GetValue(i) is long or int ? $"{row.GetInt64(i)}" : row.GetString(i))), values);
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        _database.Dispose();
        _backend.Dispose();
    }
}
