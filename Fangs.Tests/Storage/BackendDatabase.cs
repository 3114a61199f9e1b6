using System.Data.Common;
using System.Globalization;
using Fangs.Actors.Hosting;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Postgres;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Fangs.Tests.Storage;

/// <summary>What can hold the stores.</summary>
public enum Backend
{
    /// <summary>A file.</summary>
    Sqlite,

    /// <summary>A database of <see cref="PostgresServer"/>.</summary>
    Postgres,
}

/// <summary>A database of either kind for one test, empty at first, with a way past the product to look into it.</summary>
internal sealed class BackendDatabase : IDisposable
{
    private readonly string? _directory;
    private readonly PostgresDsn? _dsn;

    private BackendDatabase(string? directory, PostgresDsn? dsn) => (_directory, _dsn) = (directory, dsn);

    public StorageTarget Target => _dsn is { } dsn ? new StorageTarget.Postgres(dsn) : new StorageTarget.Sqlite(Path.Combine(_directory!, "fangs.db"));

    /// <summary>Flags that name it on the command line.</summary>
    public string[] Flags => _dsn is { } dsn ? ["-storage", "postgres", "-postgres-dsn", dsn.ConnectionString] : ["-sqlite-path", Target.Name];

    public static BackendDatabase Create(Backend backend) => backend == Backend.Sqlite
        ? new BackendDatabase(Directory.CreateTempSubdirectory("fangs-backend-").FullName, null)
        : new BackendDatabase(null, PostgresServer.NewDatabase());

    public CoreSettings On(CoreSettings settings) => settings with { SqlitePath = _dsn is null ? Target.Name : "", Postgres = _dsn };

    /// <summary>The rows of a query: their columns as text, separated by bars, NULL as nothing; truth values as 0 and 1, instants as their texts.</summary>
    public IReadOnlyList<string> Rows(string sql)
    {
        using var connection = Connect();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => TextOf(reader.GetValue(i)))));
        return rows;
    }

    /// <summary>Executes SQL on a connection of its own, without the product.</summary>
    public void Execute(string sql)
    {
        using var connection = Connect();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public void Dispose()
    {
        if (_dsn is { } dsn) PostgresServer.Drop(dsn);
        else Directory.Delete(_directory!, recursive: true);
    }

    private DbConnection Connect()
    {
        DbConnection connection = _dsn is { } dsn
            ? new NpgsqlConnection(dsn.Unpooled("tests"))
            : new SqliteConnection($"Data Source={Target.Name};Pooling=False;Foreign Keys=True;Default Timeout=5");
        connection.Open();
        return connection;
    }

    private static string TextOf(object value) => value switch
    {
        bool truth => truth ? "1" : "0",
        DateTime at => StorageText.Time(at),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}

/// <summary>The stores over either database, as the orchestrator opens them.</summary>
internal sealed class BackendStores : IStores
{
    private readonly StoreDatabase _database;
    private readonly EventStore _events;

    public BackendStores(BackendDatabase backend, TimeProvider clock, int maxEventsPerRun)
    {
        _database = StoreDatabase.OpenExclusive(backend.Target);
        Writer = new StoreWriter(_database);
        _events = _database.MakeEventStore(Writer, clock, maxEventsPerRun);
        Runs = new RunStore(_database, Writer, clock);
    }

    public StoreWriter Writer { get; }

    public IRunStore Runs { get; }

    public IEventStore Events => _events;

    public async ValueTask DisposeAsync()
    {
        await Writer.DisposeAsync();
        _events.Dispose();
        _database.Dispose();
    }
}
