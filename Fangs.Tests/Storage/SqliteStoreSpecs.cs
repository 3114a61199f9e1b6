using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Tests.Ingest;

namespace Fangs.Tests.Storage;

/// <summary>The stores over SQLite, as the orchestrator opens them.</summary>
internal sealed class SqliteStores(TemporaryDatabase file, TimeProvider clock, int maxEventsPerRun) : IStores
{
    private readonly StoreWriter _writer = new(file.Database);
    private SqliteEventStore? _events;

    public StoreWriter Writer => _writer;

    public IRunStore Runs => field ??= new RunStore(file.Database, _writer, clock);

    public IEventStore Events => _events ??= new SqliteEventStore(_writer, clock, maxEventsPerRun);

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        _events?.Dispose();
        file.Close();
    }
}

public sealed class SqliteRunStoreSpecs : RunStoreSpecs, IDisposable
{
    private readonly TemporaryDatabase _file = new();

    public void Dispose() => _file.Dispose();

    protected override Task<IStores> OpenAsync(TimeProvider clock, int maxEventsPerRun) => Task.FromResult<IStores>(new SqliteStores(_file, clock, maxEventsPerRun));

    protected override Task<IReadOnlyList<string>> RowsAsync(string sql) => Task.FromResult(_file.Rows(sql));
}

public sealed class SqliteEventStoreSpecs : EventStoreSpecs, IDisposable
{
    private readonly TemporaryDatabase _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task A_commit_that_fails_stores_nothing_of_the_group_and_the_next_group_is_stored_whole()
    {
        var run = await NewRunAsync();
        var full = Enumerable.Repeat("""{"type":2,"payload":{}}""", MaxEvents).ToArray();
        var before = await EverythingAsync();
        using var batch = await Batches.Prepare(run, 1, full);
        Task<IReadOnlyList<AppendOutcome>>? append = null;
        using var isQueued = new SemaphoreSlim(0);
        var breaking = ((SqliteStores)Stores).Writer.WriteAsync(session =>
        {
            // Checked at the commit only, which both of them share.
            session.Execute("PRAGMA defer_foreign_keys = ON");
            session.Execute("INSERT INTO run_history (run_id, at, what) VALUES ('nobody', '', '')");
            return isQueued.Wait(Limits.Patience);
        });
        append = Events.AppendAsync([batch]);
        isQueued.Release();
        await Assert.ThrowsAsync<StorageException>(() => breaking).Soon();
        await Assert.ThrowsAsync<StorageException>(() => append).Soon();
        Assert.Equal(before, await EverythingAsync());
        Assert.Equal(new AppendOutcome(false, MaxEvents, null), Assert.Single(await AppendAsync((run, 1, full))));
        await NeighboursAsync();
    }

    protected override Task<IStores> OpenAsync(TimeProvider clock, int maxEventsPerRun) =>
        Task.FromResult<IStores>(new SqliteStores(_file, clock, maxEventsPerRun));

    protected override Task<IReadOnlyList<string>> RowsAsync(string sql) => Task.FromResult(_file.Rows(sql));
}
