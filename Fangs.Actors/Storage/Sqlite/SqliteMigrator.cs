using System.Data;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using DbUp;
using DbUp.Engine;
using DbUp.Engine.Output;
using Microsoft.Data.Sqlite;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Brings the schema of a SQLite file up to date. Forward only, one transaction per migration, versions in <c>schema_migrations</c>.</summary>
public static class SqliteMigrator
{
    private const string Prefix = "migrations/sqlite/";

    /// <summary>The migrations that this build knows, oldest first: version and SQL.</summary>
    public static IReadOnlyList<(string Version, string Sql)> Known { get; } = Load();

    /// <summary>Applies what is missing.</summary>
    /// <exception cref="StorageUnusableException">The file has a migration that this build does not know, or one was changed afterwards, or one fails.</exception>
    public static void Migrate(SqliteDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        using (var connection = database.OpenWriter()) CheckHistory(connection, database.Path);
        var result = DeployChanges.To
            .SqliteDatabase(database.ConnectionString)
            .WithScripts(Known.Select(m => new SqlScript(m.Version, m.Sql)))
            .JournalTo((connections, _) => new MigrationJournal(connections))
            .WithTransactionPerScript()
            .WithVariablesDisabled()
            .LogTo(new NoOpUpgradeLog())
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
            throw new StorageUnusableException($"Migration {result.ErrorScript?.Name} of {database.Path} failed: {result.Error.Message}", result.Error);
    }

    private static void CheckHistory(SqliteConnection connection, string path)
    {
        var known = Known.ToDictionary(m => m.Version, m => Checksum(m.Sql));
        foreach (var (version, checksum) in Applied(connection))
        {
            if (!known.TryGetValue(version, out var expected))
                throw new StorageUnusableException($"The database {path} has schema {version}, this build knows schemas up to {Known[^1].Version}. Use a newer fangs.");
            if (checksum.Length > 0 && checksum != expected)
                throw new StorageUnusableException($"The database {path} was made with another text of migration {version}. Use the fangs that made it.");
        }
    }

    private static List<(string Version, string Checksum)> Applied(SqliteConnection connection)
    {
        var applied = new List<(string, string)>();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'";
        if ((long)command.ExecuteScalar()! == 0) return applied;
        // Upstream's table has no checksum.
        command.CommandText = "SELECT count(*) FROM pragma_table_info('schema_migrations') WHERE name = 'checksum'";
        var hasChecksum = (long)command.ExecuteScalar()! > 0;
        command.CommandText = hasChecksum ? "SELECT version, checksum FROM schema_migrations" : "SELECT version, '' FROM schema_migrations";
        using var rows = command.ExecuteReader();
        while (rows.Read()) applied.Add((rows.GetString(0), rows.GetString(1)));
        return applied;
    }

    private static string Checksum(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));

    private static List<(string, string)> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(Read)];

        (string, string) Read(string name)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return (name[Prefix.Length..^".sql".Length], reader.ReadToEnd());
        }
    }

    /// <summary>Upstream's <c>schema_migrations</c> table with our checksum beside the version.</summary>
    private sealed class MigrationJournal(Func<DbUp.Engine.Transactions.IConnectionManager> connections) : IJournal
    {
        public string[] GetExecutedScripts() => connections().ExecuteCommandsWithManagedConnection(create =>
        {
            EnsureTableExistsAndIsLatestVersion(create);
            using var command = create();
            command.CommandText = "SELECT version FROM schema_migrations ORDER BY version";
            using var rows = command.ExecuteReader();
            var versions = new List<string>();
            while (rows.Read()) versions.Add(rows.GetString(0));
            return versions.ToArray();
        });

        public void StoreExecutedScript(SqlScript script, Func<IDbCommand> dbCommandFactory)
        {
            using var command = dbCommandFactory();
            command.CommandText = "INSERT INTO schema_migrations (version, checksum) VALUES (@version, @checksum)";
            Add(command, "@version", script.Name);
            Add(command, "@checksum", Checksum(script.Contents));
            command.ExecuteNonQuery();
        }

        public void EnsureTableExistsAndIsLatestVersion(Func<IDbCommand> dbCommandFactory)
        {
            using var command = dbCommandFactory();
            command.CommandText = "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))";
            command.ExecuteNonQuery();
            command.CommandText = "SELECT count(*) FROM pragma_table_info('schema_migrations') WHERE name = 'checksum'";
            if ((long)command.ExecuteScalar()! > 0) return;
            command.CommandText = "ALTER TABLE schema_migrations ADD COLUMN checksum TEXT NOT NULL DEFAULT ''";
            command.ExecuteNonQuery();
        }

        private static void Add(IDbCommand command, string name, string value)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }
    }
}
