using System.Globalization;
using Fangs.Actors.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Storage;

/// <summary>A real database file in a directory of its own, opened as the orchestrator opens it.</summary>
internal sealed class TemporaryDatabase : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("fangs-storage-");
    private SqliteDatabase? _database;

    public string File => Path.Combine(_directory.FullName, "fangs.db");

    public SqliteDatabase Database => _database ??= SqliteDatabase.OpenExclusive(File);

    /// <summary>Closes the file, so that it can be opened again.</summary>
    public void Close()
    {
        _database?.Dispose();
        _database = null;
    }

    /// <summary>Executes SQL on a connection of its own, without the orchestrator.</summary>
    public void Execute(string sql)
    {
        using var connection = Connect();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    /// <summary>The rows of a query: their columns as text, separated by bars, NULL as nothing.</summary>
    public IReadOnlyList<string> Rows(string sql)
    {
        using var connection = Connect();
        using var command = new SqliteCommand(sql, connection);
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))));
        return rows;
    }

    public void Dispose()
    {
        Close();
        _directory.Delete(recursive: true);
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={File};Pooling=False;Foreign Keys=True");
        connection.Open();
        return connection;
    }
}
