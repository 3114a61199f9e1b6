using System.Data;
using System.Data.Common;
using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace Fangs.Actors.Storage.Postgres;

/// <summary>A connection to PostgreSQL with its statements.</summary>
/// <remarks>
/// Parameters go as texts whose type the server finds from where they stand, so that the same call serves TEXT and TIMESTAMPTZ, INTEGER and
/// BOOLEAN. For masses of rows there is <see cref="Connection"/>.
/// </remarks>
public sealed class PostgresSession : StoreSession
{
    private readonly bool _prepares;
    private readonly bool _holdsLock;
    private readonly Dictionary<string, NpgsqlCommand> _statements = new(StringComparer.Ordinal);

    /// <summary>Takes over an open connection.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="prepares">Whether statements are prepared: for a connection that lives long.</param>
    /// <param name="holdsLock">Whether it has the orchestrator's lock, which it gives back at its end: who waits for it must not wait for the server to notice.</param>
    internal PostgresSession(NpgsqlConnection connection, bool prepares, bool holdsLock = false) =>
        (Connection, _prepares, _holdsLock) = (connection, prepares, holdsLock);

    /// <inheritdoc/>
    public override SqlDialect Dialect => SqlDialect.Postgres;

    /// <inheritdoc/>
    public override bool IsInTransaction => Connection.State == ConnectionState.Open;

    /// <summary>The connection.</summary>
    internal NpgsqlConnection Connection { get; }

    /// <summary>The name that was given to the session since it was opened; null for none.</summary>
    internal string? ApplicationName { get; set; }

    /// <summary>Opens a connection from the pool, beside an orchestrator.</summary>
    /// <exception cref="DbException">The server cannot be reached or refuses.</exception>
    public static PostgresSession Open(PostgresDsn dsn)
    {
        ArgumentNullException.ThrowIfNull(dsn);
        var connection = new NpgsqlConnection(dsn.ConnectionString);
        try
        {
            connection.Open();
            return new PostgresSession(connection, prepares: false);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Begin() => Execute("BEGIN");

    /// <inheritdoc/>
    public override void BeginRead() => Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

    /// <inheritdoc/>
    /// <remarks>PostgreSQL's autovacuum does this.</remarks>
    public override (int Pages, bool More) Reclaim(int maxPages) => (0, false);

    /// <summary>Runs a statement whose parameters are arrays, one element per row.</summary>
    internal int ExecuteArrays(string sql, params ReadOnlySpan<object> values)
    {
        using var command = ArrayCommand(sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>A command whose parameters are arrays, one element per row.</summary>
    internal NpgsqlCommand ArrayCommand(string sql, params ReadOnlySpan<object> values)
    {
        var command = Connection.CreateCommand();
#pragma warning disable CA2100 // callers pass constants; values are bound
        command.CommandText = sql;
#pragma warning restore CA2100
        for (var i = 0; i < values.Length; i++) command.Parameters.Add(new NpgsqlParameter { ParameterName = NameOf(i), Value = values[i] });
        return command;
    }

    /// <inheritdoc/>
    internal override Transfer.IBulkInsert BeginBulk(string table, IReadOnlyList<string> columns) =>
        new Bulk(Connection.BeginTextImport($"COPY {table} ({string.Join(", ", columns)}) FROM STDIN"));

    /// <inheritdoc/>
    internal override long? SequenceOf(string table, string column)
    {
        var sequence = First("SELECT coalesce(pg_get_serial_sequence(@p0, @p1), '')", row => row.GetString(0), table, column);
        return string.IsNullOrEmpty(sequence) ? null : Number($"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}");
    }

    /// <inheritdoc/>
    internal override void SetSequence(string table, string column, long last) =>
        Execute("SELECT setval(pg_get_serial_sequence(@p0, @p1)::regclass, @p2::bigint)", table, column, last);

    /// <inheritdoc/>
    protected override DbCommand Bind(string sql, ReadOnlySpan<object?> values)
    {
        if (!_statements.TryGetValue(sql, out var command))
        {
            command = Connection.CreateCommand();
#pragma warning disable CA2100 // callers pass constants; values are bound
            command.CommandText = sql;
#pragma warning restore CA2100
            for (var i = 0; i < values.Length; i++) command.Parameters.Add(new NpgsqlParameter { ParameterName = NameOf(i), NpgsqlDbType = NpgsqlDbType.Unknown });
            _statements.Add(sql, command);
        }

        for (var i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i] is { } value ? TextOf(value) : DBNull.Value;
        if (_prepares && !command.IsPrepared) command.Prepare();
        return command;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        try
        {
            if (_holdsLock && Connection.State == ConnectionState.Open) Execute("SELECT pg_advisory_unlock_all()");
        }
        catch (DbException)
        {
            // The end of the session gives it back as well.
        }

        foreach (var command in _statements.Values) command.Dispose();
        Connection.Dispose();
    }

    private static string NameOf(int parameter) => "p" + parameter.ToString(CultureInfo.InvariantCulture);

    private static string TextOf(object value) => value as string ?? Convert.ToString(value, CultureInfo.InvariantCulture)!;

    // COPY's text form: columns apart by tabs, rows by line breaks, those and backslashes escaped.
    private sealed class Bulk(NpgsqlCopyTextWriter copy) : Transfer.IBulkInsert
    {
        private bool _isComplete;

        public void Add(ReadOnlySpan<object?> values)
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (i > 0) copy.Write('\t');
                switch (values[i])
                {
                    case null: copy.Write("\\N"); break;
                    case byte[] bytes: copy.Write("\\\\x"); copy.Write(Convert.ToHexStringLower(bytes)); break;
                    case string text: WriteText(text); break;
                    case var value: copy.Write(TextOf(value)); break;
                }
            }

            copy.Write('\n');
        }

        public void Complete()
        {
            _isComplete = true;
            copy.Dispose();
        }

        public void Dispose()
        {
            if (!_isComplete) copy.Cancel();
        }

        private void WriteText(string text)
        {
            var rest = text.AsSpan();
            while (rest.IndexOfAny("\\\t\n\r") is var at and >= 0)
            {
                copy.Write(rest[..at]);
                copy.Write(rest[at] switch { '\t' => "\\t", '\n' => "\\n", '\r' => "\\r", _ => "\\\\" });
                rest = rest[(at + 1)..];
            }

            copy.Write(rest);
        }
    }
}
