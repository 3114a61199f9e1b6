using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>A connection with its prepared statements, used by one thread.</summary>
public sealed class SqliteSession : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _statements = new(StringComparer.Ordinal);

    /// <summary>Takes over an open connection.</summary>
    public SqliteSession(SqliteConnection connection) => _connection = connection;

    /// <summary>False after SQLite has rolled the transaction back by itself.</summary>
    public bool IsInTransaction => raw.sqlite3_get_autocommit(_connection.Handle) == 0;

    /// <summary>Runs a statement without rows and returns how many rows it changed.</summary>
    /// <param name="sql">A constant; it is prepared once.</param>
    /// <param name="values">Values of @p0, @p1, … in order; null is NULL.</param>
    public int Execute(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteNonQuery();

    /// <summary>Runs a query and maps its first row, or returns null when there is none.</summary>
    public T? First<T>(string sql, Func<SqliteDataReader, T> map, params ReadOnlySpan<object?> values) where T : class
    {
        ArgumentNullException.ThrowIfNull(map);
        using var reader = Bind(sql, values).ExecuteReader();
        return reader.Read() ? map(reader) : null;
    }

    /// <summary>Runs a query and maps its rows.</summary>
    public List<T> Rows<T>(string sql, Func<SqliteDataReader, T> map, params ReadOnlySpan<object?> values)
    {
        ArgumentNullException.ThrowIfNull(map);
        using var reader = Bind(sql, values).ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(map(reader));
        return rows;
    }

    /// <summary>Runs a query for one number; null when there is no row or it is NULL.</summary>
    public long? Number(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteScalar() is long value ? value : null;

    /// <summary>Gives free pages at the end of the file back, see <see href="https://www.sqlite.org/pragma.html#pragma_incremental_vacuum"/>.</summary>
    /// <param name="pages">At most this many.</param>
    public void Reclaim(int pages)
    {
        // Not Execute: the statement frees one page with each step, and has to be stepped to its end.
        using var command = _connection.CreateCommand();
        command.CommandText = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PRAGMA incremental_vacuum({pages})");
        var rc = raw.sqlite3_prepare_v2(_connection.Handle, command.CommandText, out var statement);
        using (statement)
        {
            while (rc is raw.SQLITE_OK or raw.SQLITE_ROW) rc = raw.sqlite3_step(statement);
        }

        if (rc != raw.SQLITE_DONE) throw new SqliteException($"incremental_vacuum: {raw.sqlite3_errmsg(_connection.Handle).utf8_to_string()}", rc);
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

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var command in _statements.Values) command.Dispose();
        _connection.Dispose();
    }

    private SqliteCommand Bind(string sql, ReadOnlySpan<object?> values)
    {
        var command = Prepare(sql, values.Length);
        for (var i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return command;
    }
}
