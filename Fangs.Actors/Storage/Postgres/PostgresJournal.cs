using Akka.Actor.Setup;
using Akka.Persistence.Sql.Config;
using LinqToDB;

namespace Fangs.Actors.Storage.Postgres;

/// <summary>Lets Akka's journal and snapshot store use the orchestrator's database and its pool of connections.</summary>
internal static class PostgresJournal
{
    /// <summary>The set-up to add to the actor system.</summary>
    internal static Setup SetupFor(PostgresDsn dsn) => new DataOptionsSetup(new DataOptions()
        .UseConnectionString(ProviderName.PostgreSQL15, dsn.ConnectionString)
        .UseProvider(ProviderName.PostgreSQL15));
}
