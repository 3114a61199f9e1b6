using System.Data.Common;
using System.Net.Sockets;
using Npgsql;

namespace Fangs.Actors.Storage.Postgres;

/// <summary>One PostgreSQL database, and the lock that keeps a second orchestrator out.</summary>
/// <remarks>
/// The lock is a session advisory lock, and the session that holds it is the one that writes the tables: who has lost the lock cannot write.
/// After a lost connection the next write opens another one and takes the lock again, less and less eagerly while the server is away; every
/// write fails meanwhile. When somebody else has taken the lock in between, this process has to end: the journal is not its own any more.
/// </remarks>
public sealed class PostgresDatabase : StoreDatabase
{
    // The two halves of the lock's key: 'fang', and what it is for.
    internal const int LockClass = 0x66616e67;
    internal const int OrchestratorLock = 1;
    internal const int MigrationLock = 2;

    private const string Prefix = "fangs ";
    private const int LostSessionEndsWithinMs = 3000;
    private const int TakeAttempts = 4;
    private static readonly TimeSpan TakePause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(1);

    private readonly PostgresDsn _dsn;
    private readonly Lock _gate = new();
    private NpgsqlConnection? _locked; // opened ahead with the lock, until the writer takes it over
    private string _applicationName = Prefix + "orchestrator";
    private int _processId; // of the session that has or had the lock
    private TimeSpan _pause;
    private long _failedAt;

    private PostgresDatabase(PostgresDsn dsn) => _dsn = dsn;

    /// <inheritdoc/>
    public override StorageTarget Target => new StorageTarget.Postgres(_dsn);

    internal PostgresDsn Dsn => _dsn;

    /// <inheritdoc/>
    internal override (string HoconFile, Akka.Actor.Setup.Setup Setup) Journal => ("postgres.conf", PostgresJournal.SetupFor(_dsn));

    /// <summary>Takes the lock and brings the schema up to date.</summary>
    /// <param name="dsn">The database.</param>
    /// <param name="applied">Told of each migration that was applied.</param>
    /// <exception cref="StorageUnusableException">Another orchestrator has the database, it is of a newer version, or it cannot be reached.</exception>
    public static PostgresDatabase OpenExclusive(PostgresDsn dsn, Action<string>? applied = null)
    {
        ArgumentNullException.ThrowIfNull(dsn);
        var database = new PostgresDatabase(dsn);
        try
        {
            database._locked = database.ConnectPatiently();
            PostgresMigrator.Migrate(dsn, applied);
            return database;
        }
        catch (Exception e)
        {
            database.Dispose();
            throw e switch
            {
                StorageUnusableException => e,
                StorageInUseException => new StorageUnusableException($"{e.Message} Stop that one or give another -postgres-dsn.", e),
                DbException or SocketException or TimeoutException => new StorageUnusableException($"The database {dsn.Name} cannot be used: {e.Message}", e),
                _ => e,
            };
        }
    }

    /// <summary>The address that the orchestrator announces which has the database now; null when none has, or it does not say.</summary>
    /// <exception cref="DbException">The server cannot be reached.</exception>
    public static Uri? FindOrchestrator(PostgresDsn dsn)
    {
        const string Sql = """
            SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = @p0 AND l.objid = @p1
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """;
        using var session = PostgresSession.Open(dsn);
        var name = session.First(Sql, row => row.GetString(0), LockClass, OrchestratorLock);
        return name is not null && name.StartsWith(Prefix, StringComparison.Ordinal) && Uri.TryCreate(name[Prefix.Length..], UriKind.Absolute, out var address)
            && address.Scheme is "http" or "https" ? address : null;
    }

    /// <inheritdoc/>
    public override StoreSession OpenWriteSession()
    {
        lock (_gate)
        {
            var connection = _locked;
            _locked = null;
            if (connection is null) connection = Reconnect();
            return new PostgresSession(connection, prepares: true, holdsLock: true);
        }
    }

    /// <inheritdoc/>
    public override StoreSession OpenReadSession() => PostgresSession.Open(_dsn);

    /// <inheritdoc/>
    internal override EventStore MakeEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun)
    {
        // An idle connection does not notice that it is gone, and with it the lock.
        writer.KeepAlive(PingEvery, session =>
        {
            session.Execute("SELECT 1");
            Rename((PostgresSession)session);
        });
        return new PostgresEventStore(writer, clock, maxEventsPerRun);
    }

    /// <inheritdoc/>
    /// <remarks>It is the name of the session that holds the lock, so that it can never be out of date.</remarks>
    public override void Announce(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Volatile.Write(ref _applicationName, Prefix + OrchestratorFile.Reachable(address).AbsoluteUri);
    }

    /// <inheritdoc/>
    public override void Withdraw()
    {
        // The session that says it ends with this process.
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_locked is { } unused) new PostgresSession(unused, prepares: false, holdsLock: true).Dispose();
        _locked = null;
        using var pooled = new NpgsqlConnection(_dsn.ConnectionString);
        NpgsqlConnection.ClearPool(pooled);
    }

    // A predecessor that was killed has the lock until the server has noticed, which takes a moment.
    private NpgsqlConnection ConnectPatiently()
    {
        using var pause = new ManualResetEvent(false);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return Connect();
            }
            catch (StorageInUseException) when (attempt < TakeAttempts)
            {
                pause.WaitOne(TakePause);
            }
        }
    }

    private NpgsqlConnection Reconnect()
    {
        var since = TimeProvider.System.GetElapsedTime(_failedAt);
        if (_pause > TimeSpan.Zero && since < _pause)
            throw new StorageException($"The database {_dsn.Name} is away; it is looked for again in {(_pause - since).TotalSeconds:0.0} s.");
        try
        {
            var connection = Connect();
            _pause = TimeSpan.Zero;
            return connection;
        }
        catch (Exception e)
        {
            if (e is StorageInUseException) SayTakenOver(e.Message);
            _failedAt = TimeProvider.System.GetTimestamp();
            _pause = _pause == TimeSpan.Zero ? FirstPause : _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            throw;
        }
    }

    private NpgsqlConnection Connect()
    {
        var connection = new NpgsqlConnection(_dsn.Unpooled(Volatile.Read(ref _applicationName)));
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT pg_try_advisory_lock(@class, @lock)";
            command.Parameters.AddWithValue("class", LockClass);
            command.Parameters.AddWithValue("lock", OrchestratorLock);
            if (!(bool)command.ExecuteScalar()! && !(EndLostSession(connection) && (bool)command.ExecuteScalar()!))
                throw new StorageInUseException($"The database {_dsn.Name} is in use by another orchestrator.");
            _processId = connection.ProcessID;
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // A session of ours may still have the lock, because the server has not noticed that its connection is gone.
    private bool EndLostSession(NpgsqlConnection connection)
    {
        if (_processId == 0) return false;
        using var command = connection.CreateCommand();
        command.CommandText = $"""
            SELECT pg_terminate_backend(l.pid, {LostSessionEndsWithinMs}) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = @class::oid AND l.objid = @lock::oid AND l.pid = @pid
              AND a.datname = current_database() AND a.application_name LIKE '{Prefix}%'
            """;
        command.Parameters.AddWithValue("class", LockClass);
        command.Parameters.AddWithValue("lock", OrchestratorLock);
        command.Parameters.AddWithValue("pid", _processId);
        return command.ExecuteScalar() is true;
    }

    private void Rename(PostgresSession session)
    {
        var name = Volatile.Read(ref _applicationName);
        if (session.ApplicationName == name) return;
        session.Execute("SELECT set_config('application_name', @p0, FALSE)", name);
        session.ApplicationName = name;
    }
}
