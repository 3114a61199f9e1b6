using System.Collections.Concurrent;
using System.Data.Common;
using Akka.Actor.Setup;
using Akka.Persistence.Sql.Config;
using LinqToDB;
using LinqToDB.Data;
using LinqToDB.Interceptors;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Lets Akka's journal and snapshot store use the orchestrator's database file, with the same settings as its own writer.</summary>
public static class SqliteJournal
{
    /// <summary>The set-up to add to the actor system.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="turn">Taken for each transaction.</param>
    public static Setup SetupFor(string connectionString, WriteTurn turn)
    {
        var options = new DataOptions()
            .UseConnectionString(ProviderName.SQLiteMS, connectionString)
            .UseProvider(ProviderName.SQLiteMS)
            .UseInterceptor(new WriterSettings())
            .UseTracing(System.Diagnostics.TraceLevel.Info, new Turns(turn).OnTrace);
        return new DataOptionsSetup(options);
    }

    /// <summary>Takes the turn before a transaction begins and gives it back when that has ended. linq2db has no interceptor for transactions; its trace tells of them as they happen.</summary>
    private sealed class Turns(WriteTurn turn)
    {
        private readonly ConcurrentDictionary<object, IDisposable> _taken = new(ReferenceEqualityComparer.Instance);

        public void OnTrace(TraceInfo info)
        {
            switch (info.Operation, info.TraceInfoStep)
            {
                case (TraceOperation.BeginTransaction, TraceInfoStep.BeforeExecute):
                    _taken[info.DataConnection] = turn.Take();
                    break;
                case (TraceOperation.BeginTransaction, TraceInfoStep.Error):
                case (TraceOperation.CommitTransaction or TraceOperation.RollbackTransaction or TraceOperation.DisposeTransaction, TraceInfoStep.AfterExecute or TraceInfoStep.Error):
                    if (_taken.TryRemove(info.DataConnection, out var mine)) mine.Dispose();
                    break;
            }
        }
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
