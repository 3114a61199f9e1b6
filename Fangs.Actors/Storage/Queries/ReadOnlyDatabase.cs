using Dapper;
using Microsoft.Data.Sqlite;

namespace Fangs.Actors.Storage.Queries;

/// <summary>One read-only connection to the SQLite file. Never creates, migrates or changes it.</summary>
/// <remarks>
/// Statements wait up to five seconds for a writer's lock. Each statement sees the newest committed state, so one instance can be polled.
/// Not for concurrent use.
/// </remarks>
public sealed class ReadOnlyDatabase : IDisposable
{
    private const int BusyTimeoutSeconds = 5;
    private readonly SqliteConnection _connection;

    private ReadOnlyDatabase(SqliteConnection connection, bool hasIngest) => (_connection, HasIngest) = (connection, hasIngest);

    /// <summary>False for a database as upstream left it: no batches, event counts, history or verdict columns.</summary>
    public bool HasIngest { get; }

    internal SqliteConnection Connection => _connection;

    /// <summary>Opens a database file.</summary>
    /// <param name="path">The file; relative paths count from the working directory.</param>
    /// <exception cref="StorageReadException">The file is missing, not a database of ours, or newer than this build.</exception>
    public static ReadOnlyDatabase Open(string path)
    {
        var file = Path.GetFullPath(path);
        if (!File.Exists(file))
            throw new StorageReadException($"no database at {file}: start the orchestrator first, or name the file with -sqlite-path");

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = SqliteOpenMode.ReadOnly,
            DefaultTimeout = BusyTimeoutSeconds,
            // A pooled handle would keep the file open after the command, and a command makes one connection anyway.
            Pooling = false,
        }.ToString());
        try
        {
            connection.Open();
            return new ReadOnlyDatabase(connection, ReadSchema(connection, file));
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw new StorageReadException($"cannot read {file}: {e.Message}", e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static bool ReadSchema(SqliteConnection connection, string file)
    {
        const string HasTable = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'";
        if (connection.ExecuteScalar<long>(HasTable) == 0)
            throw new StorageReadException($"{file} is not a FANGS database: it has no table schema_migrations");
        var recorded = connection.Query<string>("SELECT version FROM schema_migrations").AsList();
        if (SchemaVersions.NewerThanKnown(recorded) is { } newer)
            throw new StorageReadException(
                $"{file} has schema version {newer}, this build knows versions up to {SchemaVersions.Known[^1]}: use a newer fangs");
        return recorded.Any(version => SchemaVersions.NameOf(version) == SchemaVersions.Ingest);
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose() => _connection.Dispose();
}
