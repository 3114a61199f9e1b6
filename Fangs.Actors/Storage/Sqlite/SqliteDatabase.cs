using Microsoft.Data.Sqlite;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>One SQLite database file: where it is, how its connections are set up, and the lock that keeps a second orchestrator out.</summary>
public sealed class SqliteDatabase : StoreDatabase
{
    /// <summary>
    /// Settings of every connection that writes. FULL: what is acknowledged survives a power cut. Temporary storage in memory: what savepoints
    /// would need to be taken back, a copy of each page they change, is otherwise written to a temporary file.
    /// </summary>
    /// <seealso href="https://www.sqlite.org/pragma.html"/>
    public const string WriterPragmas = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;";

    private readonly FileStream _lock;
    private readonly WriteTurn _turn = new();

    private SqliteDatabase(string path, FileStream fileLock) => (Path, _lock) = (path, fileLock);

    /// <summary>Absolute path of the file.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public override StorageTarget Target => new StorageTarget.Sqlite(Path);

    /// <summary>Connection string for writers.</summary>
    public string ConnectionString => new SqliteConnectionStringBuilder { DataSource = Path, ForeignKeys = true, DefaultTimeout = 5 }.ToString();

    /// <summary>Creates the directory and the file where needed, takes the lock, sets up the file and brings its schema up to date.</summary>
    /// <param name="path">Path of the file, relative to the working directory or absolute.</param>
    /// <param name="applied">Told of each migration that was applied.</param>
    /// <exception cref="StorageUnusableException">Another orchestrator has the file, it is of a newer version, or it cannot be opened.</exception>
    public static SqliteDatabase OpenExclusive(string path, Action<string>? applied = null)
    {
        var full = System.IO.Path.GetFullPath(path);
        FileStream? fileLock = null;
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
            fileLock = new FileStream(full + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var database = new SqliteDatabase(full, fileLock);
            using (var connection = database.OpenWriter())
            {
                // The page size counts only before the first table exists; incremental vacuum likewise.
                Execute(connection, "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;");
            }

            SqliteMigrator.Migrate(database, database.ConnectionString, applied);
            return database;
        }
        catch (IOException e)
        {
            fileLock?.Dispose();
            throw new StorageUnusableException($"The database {full} cannot be used: {e.Message} Is another orchestrator running on it? Stop that one or give another -sqlite-path.", e);
        }
        catch (UnauthorizedAccessException e)
        {
            fileLock?.Dispose();
            throw new StorageUnusableException($"The database {full} cannot be used: {e.Message} Give the user write access to its directory, or another -sqlite-path.", e);
        }
        catch (SqliteException e)
        {
            fileLock?.Dispose();
            throw new StorageUnusableException($"The database {full} cannot be used: {e.Message}", e);
        }
        catch
        {
            fileLock?.Dispose();
            throw;
        }
    }

    /// <summary>Opens a connection for writing. It is not pooled: one whose transaction could not be ended must not come back, still inside it.</summary>
    public SqliteConnection OpenWriter()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder(ConnectionString) { Pooling = false }.ToString());
        connection.Open();
        Execute(connection, WriterPragmas);
        return connection;
    }

    /// <summary>Opens a pooled connection that only reads; WAL lets it read while the writer writes.</summary>
    public SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path, Mode = SqliteOpenMode.ReadOnly, DefaultTimeout = 5 }.ToString());
        connection.Open();
        Execute(connection, "PRAGMA busy_timeout = 5000;");
        return connection;
    }

    /// <inheritdoc/>
    public override StoreSession OpenWriteSession() => new SqliteSession(OpenWriter());

    /// <inheritdoc/>
    public override StoreSession OpenReadSession() => new SqliteSession(OpenReader());

    /// <inheritdoc/>
    internal override WriteTurn Turn => _turn;

    /// <inheritdoc/>
    internal override EventStore MakeEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun) => new SqliteEventStore(writer, clock, maxEventsPerRun);

    /// <inheritdoc/>
    internal override (string HoconFile, Akka.Actor.Setup.Setup Setup) Journal => ("sqlite.conf", SqliteJournal.SetupFor(ConnectionString, _turn));

    /// <inheritdoc/>
    public override void Announce(Uri address) => OrchestratorFile.Write(Path, address);

    /// <inheritdoc/>
    public override void Withdraw() => OrchestratorFile.Remove(Path);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        SqliteConnection.ClearAllPools();
        _lock.Dispose();
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // only constants of this class come here
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
