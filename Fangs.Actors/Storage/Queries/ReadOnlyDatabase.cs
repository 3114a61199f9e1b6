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
    private readonly HashSet<string> _versions;

    private ReadOnlyDatabase(SqliteConnection connection, string path, HashSet<string> versions) =>
        (_connection, Path, _versions) = (connection, path, versions);

    /// <summary>Absolute path of the file.</summary>
    public string Path { get; }

    /// <summary>The newest schema version of the file; empty when it records none.</summary>
    public string SchemaVersion => _versions.Max(StringComparer.Ordinal) ?? "";

    /// <summary>Whether the file has every schema version that this build knows. One that has not may be read, but not written.</summary>
    public bool IsCurrent => SchemaVersions.Known.All(_versions.Contains);

    /// <summary>Refuses a file that has not every schema version that this build writes.</summary>
    /// <exception cref="StorageReadException">It is older.</exception>
    public void RequireCurrent()
    {
        if (!IsCurrent)
            throw new StorageReadException(
                $"{Path} has schema version {SchemaVersion}, and changes need {SchemaVersions.Known[^1]}: start the orchestrator on it once, which brings it up to date");
    }

    /// <summary>False for a database of upstream's first version, which knows no targets of alerts.</summary>
    public bool HasNotifiers => _versions.Contains(SchemaVersions.Notifiers);

    /// <summary>False for an early database of upstream, which does not keep what the result of a run says.</summary>
    public bool HasResults => _versions.Contains(SchemaVersions.Results);

    /// <summary>False for an early database of upstream, which has no allow list.</summary>
    public bool HasAllowList => _versions.Contains(SchemaVersions.AllowList);

    /// <summary>False for a database as upstream left it: no batches, event counts, history or conclusions.</summary>
    public bool HasIngest => _versions.Contains(SchemaVersions.Ingest);

    /// <summary>False for a database without decisions and verdicts: every deviation in it waits for a decision.</summary>
    public bool HasVerdicts => _versions.Contains(SchemaVersions.Verdicts);

    /// <summary>False for a database that does not keep the settings by which its runs were judged.</summary>
    public bool HasSettings => _versions.Contains(SettingsQueries.Settings);

    internal SqliteConnection Connection => _connection;

    /// <summary>SQL by which instants of a column sort in the order of time: upstream drops trailing zeros of the fraction.</summary>
    internal string InOrder(string column) => HasVerdicts
        ? column
        : $"(substr({column}, 1, 19) || '.' || substr(iif(substr({column}, 20, 1) = '.', rtrim(substr({column}, 21), 'Z'), '') || '000000000', 1, 9) || 'Z')";

    /// <summary>SQL for "the text of a column contains a parameter in lower case", whatever case the column is in.</summary>
    internal string Contains(string column, string parameter) => $"instr(lower({column}), {parameter}) > 0";

    /// <summary>Opens a database file.</summary>
    /// <param name="path">The file; relative paths count from the working directory.</param>
    /// <exception cref="StorageReadException">The file is missing, not a database of ours, or newer than this build.</exception>
    public static ReadOnlyDatabase Open(string path)
    {
        var file = System.IO.Path.GetFullPath(path);
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
            return new ReadOnlyDatabase(connection, file, ReadSchema(connection, file));
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

    private static HashSet<string> ReadSchema(SqliteConnection connection, string file)
    {
        const string HasTable = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'";
        if (connection.ExecuteScalar<long>(HasTable) == 0)
            throw new StorageReadException($"{file} is not a FANGS database: it has no table schema_migrations");
        var recorded = connection.Query<string>("SELECT version FROM schema_migrations").Select(SchemaVersions.NameOf).ToHashSet(StringComparer.Ordinal);
        if (SchemaVersions.NewerThanKnown(recorded) is { } newer)
            throw new StorageReadException(
                $"{file} has schema version {newer}, this build knows versions up to {SchemaVersions.Known[^1]}: use a newer fangs");
        return recorded;
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose() => _connection.Dispose();
}
