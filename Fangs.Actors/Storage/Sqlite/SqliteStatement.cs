using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>A prepared statement without rows, on the C interface: for the few that run once per event, where a command and its parameters cost more than the insert.</summary>
/// <remarks>Texts are bound as the bytes that they are; SQLite copies them. Parameters count from 0 like those of <see cref="SqliteSession"/>.</remarks>
public sealed class SqliteStatement : IDisposable
{
    private readonly sqlite3 _connection;
    private readonly sqlite3_stmt _statement;

    /// <summary>Prepares a constant.</summary>
    /// <exception cref="SqliteException">It is no statement of this schema.</exception>
    internal SqliteStatement(sqlite3 connection, string sql)
    {
        _connection = connection;
        Check(raw.sqlite3_prepare_v2(connection, sql, out _statement));
    }

    /// <summary>Sets a parameter to a number.</summary>
    public void Bind(int parameter, long value) => Check(raw.sqlite3_bind_int64(_statement, parameter + 1, value));

    /// <summary>Sets a parameter to a text in UTF-8.</summary>
    public void Bind(int parameter, ReadOnlySpan<byte> text) => Check(raw.sqlite3_bind_text(_statement, parameter + 1, text));

    /// <summary>Sets a parameter to a text.</summary>
    public void Bind(int parameter, string text) => Check(raw.sqlite3_bind_text(_statement, parameter + 1, text));

    /// <summary>Sets a parameter to NULL.</summary>
    public void BindNull(int parameter) => Check(raw.sqlite3_bind_null(_statement, parameter + 1));

    /// <summary>Runs it. The parameters keep their values for the next time.</summary>
    /// <exception cref="SqliteException">The schema refuses it, or the file cannot be written.</exception>
    public void Run()
    {
        var outcome = raw.sqlite3_step(_statement);
        // Gives the extended code, and makes ready for the next time whatever the outcome was.
        var reset = raw.sqlite3_reset(_statement);
        if (outcome != raw.SQLITE_DONE) Check(reset == raw.SQLITE_OK ? outcome : reset);
    }

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private void Check(int outcome) => SqliteException.ThrowExceptionForRC(outcome, _connection);
}
