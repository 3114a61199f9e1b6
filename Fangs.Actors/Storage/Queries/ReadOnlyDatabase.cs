using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Fangs.Actors.Storage.Queries;

/// <summary>One connection to a database that only reads. Never creates, migrates or changes anything.</summary>
/// <remarks>
/// Statements wait up to five seconds for a writer's lock. Each statement sees the newest committed state, so one instance can be polled.
/// Not for concurrent use.
/// </remarks>
public sealed class ReadOnlyDatabase : IDisposable
{
    private const int BusyTimeoutSeconds = 5;
    private readonly DbConnection _connection;
    private readonly HashSet<string> _versions;

    static ReadOnlyDatabase() => SqlMapper.AddTypeHandler(new TimeText());

    private ReadOnlyDatabase(DbConnection connection, StorageTarget target, SqlDialect dialect, HashSet<string> versions) =>
        (_connection, Target, Dialect, _versions) = (connection, target, dialect, versions);

    /// <summary>Which database it is.</summary>
    public StorageTarget Target { get; }

    /// <summary>How the database is called in messages: the absolute path of the file, or an address without password.</summary>
    public string Name => Target.Name;

    /// <summary>The newest schema version of the database; empty when it records none.</summary>
    public string SchemaVersion => _versions.Max(StringComparer.Ordinal) ?? "";

    /// <summary>Whether the database has every schema version that this build knows. One that has not may be read, but not written.</summary>
    public bool IsCurrent => SchemaVersions.Known.All(_versions.Contains);

    /// <summary>Refuses a database that has not every schema version that this build writes.</summary>
    /// <exception cref="StorageReadException">It is older.</exception>
    public void RequireCurrent()
    {
        if (!IsCurrent)
            throw new StorageReadException(
                $"{Name} has schema version {SchemaVersion}, and changes need {SchemaVersions.Known[^1]}: start the orchestrator on it once, which brings it up to date");
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

    internal DbConnection Connection => _connection;

    /// <summary>What this database says differently.</summary>
    internal SqlDialect Dialect { get; }

    /// <summary>SQL by which instants of a column sort in the order of time: upstream drops trailing zeros of the fraction where they are texts.</summary>
    internal string InOrder(string column) => HasVerdicts || Dialect.IsPostgres
        ? column
        : $"(substr({column}, 1, 19) || '.' || substr(iif(substr({column}, 20, 1) = '.', rtrim(substr({column}, 21), 'Z'), '') || '000000000', 1, 9) || 'Z')";

    /// <summary>SQL that asks whether a value is one of those of a parameter, which is an array.</summary>
    internal string IsOneOf(string value, string parameter) => Dialect.IsPostgres ? $"{value} = ANY (@{parameter})" : $"{value} IN @{parameter}";

    /// <summary>SQL for "the text of a column contains a parameter in lower case", whatever case the column is in.</summary>
    internal string Contains(string column, string parameter) => Dialect.IsPostgres ? $"strpos(lower({column}), {parameter}) > 0" : $"instr(lower({column}), {parameter}) > 0";

    /// <summary>SQL for an instant that is given as a parameter in its stored form.</summary>
    internal string Instant(string parameter) => Dialect.IsPostgres ? $"CAST({parameter} AS TIMESTAMPTZ)" : parameter;

    /// <summary>Opens a SQLite file.</summary>
    /// <param name="path">The file; relative paths count from the working directory.</param>
    /// <exception cref="StorageReadException">The file is missing, not a database of ours, or newer than this build.</exception>
    public static ReadOnlyDatabase Open(string path) => Open(new StorageTarget.Sqlite(path));

    /// <summary>Opens a database.</summary>
    /// <exception cref="StorageReadException">It is missing, cannot be reached, is not a database of ours, or newer than this build.</exception>
    public static ReadOnlyDatabase Open(StorageTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var (connection, dialect) = ConnectionTo(target);
        try
        {
            connection.Open();
            return new ReadOnlyDatabase(connection, target, dialect, ReadSchema(connection, dialect, target.Name));
        }
        catch (Exception e) when (e is DbException or TimeoutException or System.Net.Sockets.SocketException)
        {
            connection.Dispose();
            throw new StorageReadException($"cannot read {target.Name}: {e.Message}", e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose() => _connection.Dispose();

    private static (DbConnection Connection, SqlDialect Dialect) ConnectionTo(StorageTarget target)
    {
        switch (target)
        {
            case StorageTarget.Postgres server:
                // The server keeps whoever reads from writing.
                var settings = new NpgsqlConnectionStringBuilder(server.Dsn.Unpooled("fangs read"));
                settings.Options = $"{settings.Options} -c default_transaction_read_only=on".TrimStart();
                return (new NpgsqlConnection(settings.ConnectionString), SqlDialect.Postgres);
            case StorageTarget.Sqlite:
                if (!File.Exists(target.Name))
                    throw new StorageReadException($"no database at {target.Name}: start the orchestrator first, or name the file with -sqlite-path");
                return (new SqliteConnection(new SqliteConnectionStringBuilder
                {
                    DataSource = target.Name,
                    Mode = SqliteOpenMode.ReadOnly,
                    DefaultTimeout = BusyTimeoutSeconds,
                    // A pooled handle would keep the file open after the command, and a command makes one connection anyway.
                    Pooling = false,
                }.ToString()), SqlDialect.Sqlite);
            default:
                throw new ArgumentException("unknown storage", nameof(target));
        }
    }

    private static HashSet<string> ReadSchema(DbConnection connection, SqlDialect dialect, string name)
    {
        if (!connection.ExecuteScalar<bool>(dialect.HasTable, new { p0 = "schema_migrations" }))
            throw new StorageReadException($"{name} is not a FANGS database: it has no table schema_migrations");
        var recorded = connection.Query<string>("SELECT version FROM schema_migrations").Select(SchemaVersions.NameOf).ToHashSet(StringComparer.Ordinal);
        if (SchemaVersions.NewerThanKnown(recorded) is { } newer)
            throw new StorageReadException(
                $"{name} has schema version {newer}, this build knows versions up to {SchemaVersions.Known[^1]}: use a newer fangs");
        return recorded;
    }

    /// <summary>Instants are texts in the rows of queries, whatever they are in the database.</summary>
    private sealed class TimeText : SqlMapper.TypeHandler<string>
    {
        public override string? Parse(object value) => value switch
        {
            string text => text,
            DateTime at => StorageText.Time(new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc))),
            _ => value.ToString(),
        };

        public override void SetValue(System.Data.IDbDataParameter parameter, string? value) => parameter.Value = (object?)value ?? DBNull.Value;
    }
}
