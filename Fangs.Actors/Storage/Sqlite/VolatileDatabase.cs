using Microsoft.Data.Sqlite;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>What <c>-storage none</c> has for a database: the schema in this process's memory, where the job queue and the runs under way are kept until it ends.</summary>
/// <remarks>Events are counted and dropped; runs are forgotten an hour after their end, so that memory stays bounded. No file is made.</remarks>
/// <seealso href="https://www.sqlite.org/inmemorydb.html"/>
public sealed class VolatileDatabase : StoreDatabase
{
    private const string ForgetSql = "DELETE FROM runs WHERE finished_at IS NOT NULL AND finished_at < @p0";

    private static readonly TimeSpan ForgetEvery = TimeSpan.FromMinutes(1), KnownFor = TimeSpan.FromHours(1);

    private readonly StorageTarget.Volatile _target;
    private readonly WriteTurn _turn = new();
    private readonly SqliteConnection _keeper; // the memory lives as long as a connection to it

    private VolatileDatabase(StorageTarget.Volatile target)
    {
        _target = target;
        _keeper = OpenWriter();
    }

    /// <inheritdoc/>
    public override StorageTarget Target => _target;

    private string ConnectionString => new SqliteConnectionStringBuilder { DataSource = _target.DataSource, ForeignKeys = true, DefaultTimeout = 5 }.ToString();

    /// <summary>Takes the memory and makes the schema.</summary>
    public static VolatileDatabase Open(StorageTarget.Volatile target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var database = new VolatileDatabase(target);
        SqliteMigrator.Migrate(database, database.ConnectionString);
        return database;
    }

    /// <inheritdoc/>
    public override StoreSession OpenWriteSession() => new SqliteSession(OpenWriter());

    /// <inheritdoc/>
    public override StoreSession OpenReadSession() => new SqliteSession(OpenWriter());

    /// <inheritdoc/>
    internal override WriteTurn Turn => _turn;

    /// <inheritdoc/>
    internal override EventStore MakeEventStore(StoreWriter writer, TimeProvider clock, int maxEventsPerRun)
    {
        writer.KeepAlive(ForgetEvery, session => session.Execute(ForgetSql, StorageText.Time(clock.GetUtcNow() - KnownFor)));
        return new VolatileEventStore(writer, clock, maxEventsPerRun);
    }

    /// <inheritdoc/>
    internal override (string HoconFile, Akka.Actor.Setup.Setup Setup) Journal => ("sqlite.conf", SqliteJournal.SetupFor(ConnectionString, _turn));

    /// <inheritdoc/>
    /// <remarks>Commands of operators read the database of an orchestrator; this one has none for them.</remarks>
    public override void Announce(Uri address)
    {
    }

    /// <inheritdoc/>
    public override void Withdraw()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        SqliteConnection.ClearAllPools();
        _keeper.Dispose();
    }

    private SqliteConnection OpenWriter()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder(ConnectionString) { Pooling = false }.ToString());
        connection.Open();
        using var pragmas = connection.CreateCommand();
        pragmas.CommandText = SqliteDatabase.WriterPragmas;
        pragmas.ExecuteNonQuery();
        return connection;
    }
}
