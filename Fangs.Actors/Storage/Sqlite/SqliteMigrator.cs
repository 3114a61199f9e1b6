using DbUp;
using DbUp.Engine;
using DbUp.Engine.Output;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Brings the schema of a SQLite file up to date. Forward only, one transaction per migration, versions in <c>schema_migrations</c>.</summary>
public static class SqliteMigrator
{
    /// <summary>The migrations that this build knows, oldest first: version and SQL.</summary>
    public static IReadOnlyList<(string Version, string Sql)> Known { get; } = MigrationJournal.Load("migrations/sqlite/");

    /// <summary>Applies what is missing.</summary>
    /// <param name="database">The file, or the memory.</param>
    /// <param name="connectionString">How it is reached.</param>
    /// <param name="applied">Told of each version that was applied.</param>
    /// <exception cref="StorageUnusableException">The file has a migration that this build does not know, or one was changed afterwards, or one fails.</exception>
    public static void Migrate(StoreDatabase database, string connectionString, Action<string>? applied = null)
    {
        ArgumentNullException.ThrowIfNull(database);
        using (var session = database.OpenWriteSession()) MigrationJournal.Check(session, database.Name, Known);
        var result = DeployChanges.To
            .SqliteDatabase(connectionString)
            .WithScripts(Known.Select(m => new SqlScript(m.Version, m.Sql)))
            .JournalTo((connections, _) => new MigrationJournal(connections, SqlDialect.Sqlite, applied))
            .WithTransactionPerScript()
            .WithVariablesDisabled()
            .LogTo(new NoOpUpgradeLog())
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
            throw new StorageUnusableException($"Migration {result.ErrorScript?.Name} of {database.Name} failed: {result.Error.Message}", result.Error);
    }
}
