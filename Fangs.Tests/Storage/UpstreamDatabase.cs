using Fangs.Actors.Configuration;
using Fangs.Actors.Hosting;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Storage;

/// <summary>A database file as the original leaves it, in a directory of its own. See upstream.sql.</summary>
public sealed class UpstreamDatabase : IDisposable
{
    public UpstreamDatabase(bool isEmpty = false)
    {
        if (!isEmpty) Execute(File.ReadAllText(System.IO.Path.Combine(AppContext.BaseDirectory, "Storage", "upstream.sql")));
    }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("fangs-upstream-").FullName;

    public string Path => System.IO.Path.Combine(Directory, "fangs.db");

    /// <summary>Opens it as an orchestrator does, which migrates it, and closes it again.</summary>
    public async Task<Actors.Storage.StoreUpkeep> OpenAndCloseAsync(IReadOnlyList<ConfiguredAllowEntry>? allow = null, TimeProvider? clock = null)
    {
        await using var store = new Store(new CoreSettings { SqlitePath = Path, ConfiguredAllow = allow }, clock ?? TimeProvider.System);
        return store.Upkeep;
    }

#pragma warning disable CA2100 // SQL of tests
    public void Execute(string sql)
    {
        using var connection = Connect();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    /// <summary>All rows of a query, the columns of each joined by a bar; NULL is ∅.</summary>
    public IReadOnlyList<string> Rows(string sql)
    {
        using var connection = Connect();
        using var command = new SqliteCommand(sql, connection);
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "∅" : reader.GetValue(i).ToString())));
        return rows;
    }
#pragma warning restore CA2100

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={Path};Pooling=False;Foreign Keys=True");
        connection.Open();
        return connection;
    }
}
