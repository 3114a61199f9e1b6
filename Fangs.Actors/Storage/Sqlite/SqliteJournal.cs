using System.Data.Common;
using Akka.Actor.Setup;
using Akka.Persistence.Sql.Config;
using LinqToDB;
using LinqToDB.Interceptors;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Lets Akka's journal and snapshot store use the orchestrator's database file, with the same settings as its own writer.</summary>
public static class SqliteJournal
{
    /// <summary>The set-up to add to the actor system.</summary>
    /// <param name="connectionString">The database.</param>
    public static Setup SetupFor(string connectionString)
    {
        var options = new DataOptions()
            .UseConnectionString(ProviderName.SQLiteMS, connectionString)
            .UseProvider(ProviderName.SQLiteMS)
            .UseInterceptor(new WriterSettings());
        return new DataOptionsSetup(options);
    }

    /// <summary>SQLite's settings belong to a connection, so each one that is opened gets them.</summary>
    private sealed class WriterSettings : ConnectionInterceptor
    {
        public override void ConnectionOpened(ConnectionEventData eventData, DbConnection connection) => Apply(connection);

        public override Task ConnectionOpenedAsync(ConnectionEventData eventData, DbConnection connection, CancellationToken cancellationToken)
        {
            Apply(connection);
            return Task.CompletedTask;
        }

        private static void Apply(DbConnection connection)
        {
            using var command = connection.CreateCommand();
            command.CommandText = SqliteDatabase.WriterPragmas;
            command.ExecuteNonQuery();
        }
    }
}
