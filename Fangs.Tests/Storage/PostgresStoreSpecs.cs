namespace Fangs.Tests.Storage;

public sealed class PostgresRunStoreSpecs : RunStoreSpecs, IDisposable
{
    private readonly BackendDatabase _database = BackendDatabase.Create(Backend.Postgres);

    public void Dispose() => _database.Dispose();

    protected override Task<IStores> OpenAsync(TimeProvider clock, int maxEventsPerRun) => Task.FromResult<IStores>(new BackendStores(_database, clock, maxEventsPerRun));

    protected override Task<IReadOnlyList<string>> RowsAsync(string sql) => Task.FromResult(_database.Rows(sql));
}

public sealed class PostgresEventStoreSpecs : EventStoreSpecs, IDisposable
{
    private readonly BackendDatabase _database = BackendDatabase.Create(Backend.Postgres);

    public void Dispose() => _database.Dispose();

    protected override Task<IStores> OpenAsync(TimeProvider clock, int maxEventsPerRun) => Task.FromResult<IStores>(new BackendStores(_database, clock, maxEventsPerRun));

    protected override Task<IReadOnlyList<string>> RowsAsync(string sql) => Task.FromResult(_database.Rows(sql));
}
