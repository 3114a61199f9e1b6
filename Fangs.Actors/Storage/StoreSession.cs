using System.Data.Common;

namespace Fangs.Actors.Storage;

/// <summary>A connection to either database with its statements, used by one thread.</summary>
/// <remarks>
/// SQL is written once for both: parameters are @p0, @p1, … in order, instants are texts of <see cref="StorageText.Time"/>, truth values are
/// TRUE and FALSE in SQL and 0 and 1 as parameters. What the databases say differently is in <see cref="SqlDialect"/>.
/// </remarks>
public abstract class StoreSession : IDisposable
{
    /// <summary>What this database says differently.</summary>
    public abstract SqlDialect Dialect { get; }

    /// <summary>False after the database has ended the transaction by itself, or the connection is gone.</summary>
    public abstract bool IsInTransaction { get; }

    /// <summary>Begins a transaction that writes.</summary>
    public abstract void Begin();

    /// <summary>Begins a transaction that reads: all of it sees the database as it is at one moment.</summary>
    public abstract void BeginRead();

    /// <summary>Gives free space back to the operating system, where the database does not do so by itself.</summary>
    /// <param name="maxPages">Pages, at most.</param>
    /// <returns>Pages given back, and whether more are left.</returns>
    public abstract (int Pages, bool More) Reclaim(int maxPages);

    /// <summary>Begins to put many rows into a table. Nothing else may be done with the session meanwhile.</summary>
    /// <param name="table">Name of a table; not checked.</param>
    /// <param name="columns">Names of its columns; not checked.</param>
    internal abstract Transfer.IBulkInsert BeginBulk(string table, IReadOnlyList<string> columns);

    /// <summary>The last number that was given to a row of a table by itself; null when its key is not numbered.</summary>
    internal abstract long? SequenceOf(string table, string column);

    /// <summary>Lets the numbers of a table go on behind one.</summary>
    internal abstract void SetSequence(string table, string column, long last);

    /// <summary>Ends the transaction; what it did is durable.</summary>
    public void Commit() => Execute("COMMIT");

    /// <summary>Ends the transaction; what it did is undone.</summary>
    public void Rollback() => Execute("ROLLBACK");

    /// <summary>Runs a statement without rows and returns how many rows it changed.</summary>
    /// <param name="sql">A constant; it is prepared once.</param>
    /// <param name="values">Values of @p0, @p1, … in order; null is NULL.</param>
    public int Execute(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteNonQuery();

    /// <summary>Runs a query and maps its first row, or returns null when there is none.</summary>
    public T? First<T>(string sql, Func<StoreRow, T> map, params ReadOnlySpan<object?> values) where T : class
    {
        ArgumentNullException.ThrowIfNull(map);
        using var reader = Bind(sql, values).ExecuteReader();
        return reader.Read() ? map(new StoreRow(reader)) : null;
    }

    /// <summary>Runs a query and maps its rows.</summary>
    public List<T> Rows<T>(string sql, Func<StoreRow, T> map, params ReadOnlySpan<object?> values)
    {
        var rows = new List<T>();
        Each(sql, row => rows.Add(map(row)), values);
        return rows;
    }

    /// <summary>Runs a query and visits its rows one by one, without holding them. The visitor must not use the session.</summary>
    public void Each(string sql, Action<StoreRow> visit, params ReadOnlySpan<object?> values)
    {
        ArgumentNullException.ThrowIfNull(visit);
        using var reader = Bind(sql, values).ExecuteReader();
        var row = new StoreRow(reader);
        while (reader.Read()) visit(row);
    }

    /// <summary>Runs a query for one number or truth value; null when there is no row or it is NULL.</summary>
    public long? Number(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteScalar() switch
    {
        null or DBNull => null,
        var value => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The command of a constant with its values.</summary>
    protected abstract DbCommand Bind(string sql, ReadOnlySpan<object?> values);

    /// <summary>Closes the connection.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>The row at which a reader stands; the same for both databases.</summary>
public sealed class StoreRow
{
    private readonly DbDataReader _reader;

    internal StoreRow(DbDataReader reader) => _reader = reader;

    /// <summary>Number of columns.</summary>
    public int Columns => _reader.FieldCount;

    /// <summary>Whether a column is NULL.</summary>
    public bool IsDBNull(int column) => _reader.IsDBNull(column);

    /// <summary>A text; of an instant, the text of <see cref="StorageText.Time"/>.</summary>
    public string GetString(int column) => _reader.GetFieldType(column) == typeof(DateTime)
        ? StorageText.Time(new DateTimeOffset(DateTime.SpecifyKind(_reader.GetDateTime(column), DateTimeKind.Utc)))
        : _reader.GetString(column);

    /// <summary>A number; of a truth value, 0 or 1.</summary>
    public long GetInt64(int column) => _reader.GetFieldType(column) == typeof(bool)
        ? _reader.GetBoolean(column) ? 1 : 0
        : _reader.GetInt64(column);

    /// <summary>Whatever it is, as the driver gives it.</summary>
    public object GetValue(int column) => _reader.GetValue(column);
}
