using System.Data.Common;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>A connection to a SQLite file with its prepared statements.</summary>
public sealed class SqliteSession : StoreSession
{
    private const string FreePagesSql = "PRAGMA freelist_count";
    private const string AutoVacuumSql = "PRAGMA auto_vacuum";
    private const int Incremental = 2;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _statements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SqliteStatement> _bare = new(StringComparer.Ordinal);

    /// <summary>Takes over an open connection.</summary>
    public SqliteSession(SqliteConnection connection) => _connection = connection;

    /// <summary>Opens a file that exists, beside an orchestrator.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isReadOnly">Whether it is only read.</param>
    /// <exception cref="SqliteException">It cannot be opened.</exception>
    public static SqliteSession OpenExisting(string path, bool isReadOnly = false)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = isReadOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWrite,
            ForeignKeys = true,
            DefaultTimeout = 5,
            Pooling = false,
        }.ToString());
        try
        {
            connection.Open();
            using var pragmas = connection.CreateCommand();
            pragmas.CommandText = SqliteDatabase.WriterPragmas;
            pragmas.ExecuteNonQuery();
            return new SqliteSession(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override SqlDialect Dialect => SqlDialect.Sqlite;

    /// <inheritdoc/>
    public override bool IsInTransaction => raw.sqlite3_get_autocommit(_connection.Handle) == 0;

    /// <inheritdoc/>
    /// <remarks>IMMEDIATE: waits for the writer's lock at the start, where waiting is possible, not in the middle.</remarks>
    public override void Begin() => Execute("BEGIN IMMEDIATE");

    /// <inheritdoc/>
    public override void BeginRead() => Execute("BEGIN");

    /// <inheritdoc/>
    /// <seealso href="https://www.sqlite.org/pragma.html#pragma_incremental_vacuum"/>
    public override (int Pages, bool More) Reclaim(int maxPages)
    {
        var free = Number(FreePagesSql) ?? 0;
        // A file that was made without incremental vacuum (upstream's) keeps its free pages and uses them again.
        if (free == 0 || Number(AutoVacuumSql) != Incremental) return (0, false);
        // Not Execute: the statement frees one page with each step, and has to be stepped to its end.
        var sql = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PRAGMA incremental_vacuum({maxPages})");
        var rc = raw.sqlite3_prepare_v2(_connection.Handle, sql, out var statement);
        using (statement)
        {
            while (rc is raw.SQLITE_OK or raw.SQLITE_ROW) rc = raw.sqlite3_step(statement);
        }

        if (rc != raw.SQLITE_DONE) throw new SqliteException($"incremental_vacuum: {raw.sqlite3_errmsg(_connection.Handle).utf8_to_string()}", rc);
        var left = Number(FreePagesSql) ?? 0;
        return ((int)(free - left), left > 0 && left < free);
    }

    /// <summary>The prepared command of a constant, for loops that set parameters themselves.</summary>
    /// <param name="sql">A constant with parameters @p0, @p1, … in order.</param>
    /// <param name="parameters">How many parameters it has.</param>
    public SqliteCommand Prepare(string sql, int parameters)
    {
        if (_statements.TryGetValue(sql, out var command)) return command;
        command = _connection.CreateCommand();
#pragma warning disable CA2100 // callers pass constants; values are bound
        command.CommandText = sql;
#pragma warning restore CA2100
        for (var i = 0; i < parameters; i++) command.Parameters.Add(new SqliteParameter { ParameterName = $"@p{i}" });
        _statements.Add(sql, command);
        return command;
    }

    /// <summary>The bare prepared statement of a constant, for what runs once per event.</summary>
    /// <param name="sql">A constant with parameters @p0, @p1, … in order.</param>
    public SqliteStatement Statement(string sql)
    {
        if (!_bare.TryGetValue(sql, out var statement)) _bare.Add(sql, statement = new SqliteStatement(_connection.Handle!, sql));
        return statement;
    }

    /// <inheritdoc/>
    internal override Transfer.IBulkInsert BeginBulk(string table, IReadOnlyList<string> columns) => new Bulk(
        Prepare($"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select((_, i) => $"@p{i}"))})", columns.Count));

    /// <inheritdoc/>
    internal override long? SequenceOf(string table, string column) => Number("SELECT seq FROM sqlite_sequence WHERE name = @p0", table);

    /// <inheritdoc/>
    internal override void SetSequence(string table, string column, long last)
    {
        if (Execute("UPDATE sqlite_sequence SET seq = max(seq, @p1) WHERE name = @p0", table, last) == 0)
            Execute("INSERT INTO sqlite_sequence (name, seq) VALUES (@p0, @p1)", table, last);
    }

    /// <inheritdoc/>
    protected override DbCommand Bind(string sql, ReadOnlySpan<object?> values)
    {
        var command = Prepare(sql, values.Length);
        for (var i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return command;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (var statement in _bare.Values) statement.Dispose();
        foreach (var command in _statements.Values) command.Dispose();
        _connection.Dispose();
    }

    private sealed class Bulk(SqliteCommand insert) : Transfer.IBulkInsert
    {
        public void Add(ReadOnlySpan<object?> values)
        {
            for (var i = 0; i < values.Length; i++) insert.Parameters[i].Value = values[i] ?? DBNull.Value;
            insert.ExecuteNonQuery();
        }

        public void Complete()
        {
            // Each row is there already.
        }

        public void Dispose()
        {
            // The session owns the statement, and whoever began the transaction takes it back.
        }
    }
}
