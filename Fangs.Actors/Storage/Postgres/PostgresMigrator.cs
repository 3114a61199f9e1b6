using DbUp;
using DbUp.Engine;
using DbUp.Engine.Output;
using Npgsql;

namespace Fangs.Actors.Storage.Postgres;

/// <summary>Brings the schema of a PostgreSQL database up to date, under an advisory lock: of several that try at once, one does it and the others wait.</summary>
public static class PostgresMigrator
{
    /// <summary>The migrations that this build knows, oldest first: version and SQL.</summary>
    public static IReadOnlyList<(string Version, string Sql)> Known { get; } = MigrationJournal.Load("migrations/postgres/");

    /// <summary>Applies what is missing.</summary>
    /// <param name="dsn">The database.</param>
    /// <param name="applied">Told of each version that was applied.</param>
    /// <exception cref="StorageUnusableException">The database has a migration that this build does not know, or one was changed afterwards, or one fails.</exception>
    /// <exception cref="NpgsqlException">The server cannot be reached or refuses.</exception>
    public static void Migrate(PostgresDsn dsn, Action<string>? applied = null)
    {
        ArgumentNullException.ThrowIfNull(dsn);
        // The lock belongs to this session and ends with it.
        using var session = new PostgresSession(new NpgsqlConnection(dsn.Unpooled("fangs migration")), prepares: false);
        session.Connection.Open();
        session.Execute("SET statement_timeout = 0");
        using (var wait = session.Connection.CreateCommand())
        {
            wait.CommandText = "SELECT pg_advisory_lock(@class, @lock)";
            wait.CommandTimeout = 600;
            wait.Parameters.AddWithValue("class", PostgresDatabase.LockClass);
            wait.Parameters.AddWithValue("lock", PostgresDatabase.MigrationLock);
            wait.ExecuteNonQuery();
        }

        MigrationJournal.Check(session, dsn.Name, Known);
        var result = DeployChanges.To
            .PostgresqlDatabase(dsn.Unpooled("fangs migration"))
            .WithScripts(Known.Select(m => new SqlScript(m.Version, m.Sql)))
            .JournalTo((connections, _) => new MigrationJournal(connections, SqlDialect.Postgres, applied))
            .WithTransactionPerScript()
            .WithVariablesDisabled()
            .WithExecutionTimeout(TimeSpan.FromHours(6))
            .LogTo(new NoOpUpgradeLog())
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
            throw new StorageUnusableException($"Migration {result.ErrorScript?.Name} of {dsn.Name} failed: {result.Error.Message}", result.Error);
    }
}
