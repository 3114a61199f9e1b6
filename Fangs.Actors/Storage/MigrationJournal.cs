using System.Data;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using DbUp.Engine;

namespace Fangs.Actors.Storage;

/// <summary>Upstream's <c>schema_migrations</c> table with our checksum beside the version, in either database.</summary>
internal sealed class MigrationJournal(Func<DbUp.Engine.Transactions.IConnectionManager> connections, SqlDialect dialect, Action<string>? applied) : IJournal
{
    /// <summary>The embedded migrations below a prefix, oldest first.</summary>
    internal static IReadOnlyList<(string Version, string Sql)> Load(string prefix)
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames().Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(Read)];

        (string, string) Read(string name)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return (name[prefix.Length..^".sql".Length], reader.ReadToEnd());
        }
    }

    /// <summary>Refuses a database with a migration that is not known or that has another text.</summary>
    /// <exception cref="StorageUnusableException">It is refused.</exception>
    internal static void Check(StoreSession session, string name, IReadOnlyList<(string Version, string Sql)> migrations)
    {
        var known = migrations.ToDictionary(m => m.Version, m => Checksum(m.Sql));
        foreach (var (version, checksum) in Applied(session))
        {
            if (!known.TryGetValue(version, out var expected))
                throw new StorageUnusableException($"The database {name} has schema {version}, this build knows schemas up to {migrations[^1].Version}. Use a newer fangs.");
            if (checksum.Length > 0 && checksum != expected)
                throw new StorageUnusableException($"The database {name} was made with another text of migration {version}. Use the fangs that made it.");
        }
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public void StoreExecutedScript(SqlScript script, Func<IDbCommand> dbCommandFactory)
    {
        using var command = dbCommandFactory();
        command.CommandText = "INSERT INTO schema_migrations (version, checksum) VALUES (@version, @checksum)";
        Add(command, "@version", script.Name);
        Add(command, "@checksum", Checksum(script.Contents));
        command.ExecuteNonQuery();
        applied?.Invoke(script.Name);
    }

    /// <inheritdoc/>
    public void EnsureTableExistsAndIsLatestVersion(Func<IDbCommand> dbCommandFactory)
    {
        using var command = dbCommandFactory();
        command.CommandText = dialect.CreateMigrations;
        command.ExecuteNonQuery();
        command.CommandText = dialect.HasChecksum;
        if (Convert.ToInt64(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) > 0) return;
        command.CommandText = "ALTER TABLE schema_migrations ADD COLUMN checksum TEXT NOT NULL DEFAULT ''";
        command.ExecuteNonQuery();
    }

    private static string Checksum(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));

    private static List<(string Version, string Checksum)> Applied(StoreSession session)
    {
        if (session.Number(session.Dialect.HasTable, "schema_migrations") != 1) return [];
        // Upstream's table has no checksum.
        return session.Rows(session.Number(session.Dialect.HasChecksum) > 0
            ? "SELECT version, checksum FROM schema_migrations ORDER BY version"
            : "SELECT version, '' FROM schema_migrations ORDER BY version", row => (row.GetString(0), row.GetString(1)));
    }

    private static void Add(IDbCommand command, string name, string value)
    {
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = (name, value);
        command.Parameters.Add(parameter);
    }
}
