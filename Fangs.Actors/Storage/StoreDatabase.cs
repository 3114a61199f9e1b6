namespace Fangs.Actors.Storage;

/// <summary>Which database is meant, before it is opened.</summary>
public abstract record StorageTarget
{
    /// <summary>A SQLite file.</summary>
    /// <param name="Path">Relative to the working directory or absolute.</param>
    public sealed record Sqlite(string Path) : StorageTarget;

    /// <summary>A PostgreSQL database.</summary>
    /// <param name="Dsn">Where it is and how to sign in. Holds a password: never to be shown.</param>
    public sealed record Postgres(Storage.Postgres.PostgresDsn Dsn) : StorageTarget;

    /// <summary>Memory of this process, for <c>-storage none</c>: what has to be known of runs that are under way, and nothing that stays.</summary>
    /// <param name="DataSource">Name of the memory, for connections of this process.</param>
    public sealed record Volatile(string DataSource) : StorageTarget
    {
        /// <summary>Memory that nobody else uses.</summary>
        public static Volatile New() => new($"file:/fangs-{Guid.NewGuid():N}?vfs=memdb");
    }

    /// <summary>How it is called in messages: an absolute path, or an address without the password.</summary>
    public string Name => this switch
    {
        Sqlite file => System.IO.Path.GetFullPath(file.Path),
        Postgres server => server.Dsn.Name,
        Volatile => "none",
        _ => "",
    };

    /// <summary>Opens a connection for writing beside an orchestrator. Never creates or migrates anything.</summary>
    /// <exception cref="System.Data.Common.DbException">It cannot be opened.</exception>
    public StoreSession OpenSession() => this switch
    {
        Sqlite file => Storage.Sqlite.SqliteSession.OpenExisting(file.Path),
        Volatile memory => Storage.Sqlite.SqliteSession.OpenExisting(memory.DataSource),
        Postgres server => Storage.Postgres.PostgresSession.Open(server.Dsn),
        _ => throw new InvalidOperationException("unknown storage"),
    };

    /// <summary>Opens a connection for reading beside an orchestrator. Never creates or changes anything.</summary>
    /// <exception cref="System.Data.Common.DbException">It cannot be opened.</exception>
    public StoreSession OpenReadSession() => this switch
    {
        Sqlite file => Storage.Sqlite.SqliteSession.OpenExisting(file.Path, isReadOnly: true),
        Volatile memory => Storage.Sqlite.SqliteSession.OpenExisting(memory.DataSource, isReadOnly: true),
        Postgres server => Storage.Postgres.PostgresSession.Open(server.Dsn),
        _ => throw new InvalidOperationException("unknown storage"),
    };

    /// <summary>As <see cref="Name"/>: whatever prints a target prints no password.</summary>
    public sealed override string ToString() => Name;
}

/// <summary>A database that this process has for itself: no other orchestrator uses it.</summary>
public abstract class StoreDatabase : IDisposable
{
    private bool _isTakenOver;

    /// <summary>How it is called in messages.</summary>
    public string Name => Target.Name;

    /// <summary>Where it is.</summary>
    public abstract StorageTarget Target { get; }

    /// <summary>Opens a database, creates what is missing, takes the lock and brings the schema up to date.</summary>
    /// <param name="target">The database.</param>
    /// <param name="applied">Told of each migration that was applied.</param>
    /// <exception cref="StorageUnusableException">Another orchestrator has it, it is of a newer version, or it cannot be opened.</exception>
    public static StoreDatabase OpenExclusive(StorageTarget target, Action<string>? applied = null) => target switch
    {
        StorageTarget.Sqlite file => Sqlite.SqliteDatabase.OpenExclusive(file.Path, applied),
        StorageTarget.Postgres server => Postgres.PostgresDatabase.OpenExclusive(server.Dsn, applied),
        StorageTarget.Volatile memory => Sqlite.VolatileDatabase.Open(memory),
        _ => throw new ArgumentException("unknown storage", nameof(target)),
    };

    /// <summary>Raised once, from any thread, when another process has taken the database over: this one must end.</summary>
    public event Action<string>? TakenOver;

    /// <summary>Opens a connection for writing.</summary>
    public abstract StoreSession OpenWriteSession();

    /// <summary>Opens a connection that only reads, while others write.</summary>
    public abstract StoreSession OpenReadSession();

    /// <summary>The store of sensor events.</summary>
    /// <param name="writer">The one writer of the database.</param>
    /// <param name="clock">Arrival times.</param>
    /// <param name="maxEventsPerRun">Events of a run beyond this are counted, not stored.</param>
    internal abstract EventStore MakeEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun);

    /// <summary>Whose turn it is to write, where the database takes one writer at a time; otherwise null.</summary>
    internal virtual Sqlite.WriteTurn? Turn => null;

    /// <summary>Akka's journal and snapshots in this database: its settings and, for the driver, its set-up.</summary>
    internal abstract (string HoconFile, Akka.Actor.Setup.Setup Setup) Journal { get; }

    /// <summary>Tells operators' commands where the orchestrator that has the database can be reached.</summary>
    /// <exception cref="IOException">It cannot be written down.</exception>
    public abstract void Announce(Uri address);

    /// <summary>Takes the announcement back.</summary>
    public abstract void Withdraw();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Raises <see cref="TakenOver"/>.</summary>
    private protected void SayTakenOver(string message)
    {
        if (!Interlocked.Exchange(ref _isTakenOver, true)) TakenOver?.Invoke(message);
    }

    /// <summary>Gives the lock back and closes what is open.</summary>
    protected abstract void Dispose(bool disposing);
}
