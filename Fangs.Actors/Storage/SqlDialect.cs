namespace Fangs.Actors.Storage;

/// <summary>What SQLite and PostgreSQL say differently. Everything else is written once.</summary>
public sealed class SqlDialect
{
    /// <summary>SQLite.</summary>
    public static readonly SqlDialect Sqlite = new()
    {
        IsPostgres = false,
        HasLooseEvents = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = 'events')",
        // CROSS JOIN keeps SQLite from starting at events: the batches of the run come first, then a range of row ids for each.
        ForEach = "CROSS JOIN",
        CreateMigrations =
            "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))",
        HasChecksum = "SELECT count(*) FROM pragma_table_info('schema_migrations') WHERE name = 'checksum'",
        HasTable = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = @p0)",
    };

    /// <summary>PostgreSQL.</summary>
    public static readonly SqlDialect Postgres = new()
    {
        IsPostgres = true,
        HasLooseEvents = "SELECT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = 'events'::regclass AND NOT indisprimary)",
        ForEach = "JOIN",
        CreateMigrations = "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())",
        HasChecksum =
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'schema_migrations' AND column_name = 'checksum'",
        HasTable = "SELECT to_regclass(@p0) IS NOT NULL",
    };

    private SqlDialect()
    {
    }

    /// <summary>Whether this is PostgreSQL.</summary>
    public required bool IsPostgres { get; init; }

    /// <summary>Asks whether there may be events that belong to no batch: a database that upstream began is known by its index on events.</summary>
    public required string HasLooseEvents { get; init; }

    /// <summary>An inner join whose left side is to be read first.</summary>
    public required string ForEach { get; init; }

    /// <summary>Makes the table of migrations as upstream has it.</summary>
    public required string CreateMigrations { get; init; }

    /// <summary>Counts the columns of that table in which our checksum is.</summary>
    public required string HasChecksum { get; init; }

    /// <summary>Asks whether there is a table @p0.</summary>
    public required string HasTable { get; init; }
}
