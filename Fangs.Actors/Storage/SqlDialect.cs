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
        ColumnsOf = "SELECT name FROM pragma_table_info(@p0)",
        KeyOf = "SELECT name FROM pragma_table_info(@p0) WHERE pk > 0 ORDER BY pk",
        ParentsOf = "SELECT \"table\" FROM pragma_foreign_key_list(@p0)",
        Integrity = "PRAGMA integrity_check(100)",
        IsTime = column => $"{column} GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9].[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]Z'",
        ForeignKeysOf = """SELECT "from", "table", coalesce("to", '') FROM pragma_foreign_key_list(@p0)""",
        CreateJournal =
        [
            """
            CREATE TABLE IF NOT EXISTS [journal]
            (
            	[ordering]        INTEGER        NOT NULL PRIMARY KEY AUTOINCREMENT,
            	[created]         INTEGER        NOT NULL,
            	[deleted]         Bit            NOT NULL,
            	[persistence_id]  NVarChar(255)  NOT NULL,
            	[sequence_number] INTEGER        NOT NULL,
            	[message]         VarBinary      NOT NULL,
            	[tags]            NVarChar(100)      NULL,
            	[manifest]        NVarChar(500)      NULL,
            	[identifier]      INTEGER            NULL,
            	[writer_uuid]     NVarChar(128)      NULL
            )
            """,
            "CREATE UNIQUE INDEX IF NOT EXISTS journal_uq ON journal (persistence_id, sequence_number)",
            "CREATE INDEX IF NOT EXISTS journal_created_idx ON journal (created)",
            "CREATE INDEX IF NOT EXISTS journal_sequence_number_idx ON journal (sequence_number)",
            """
            CREATE TABLE IF NOT EXISTS [snapshot]
            (
            	[persistence_id]  NVarChar(255) NOT NULL,
            	[sequence_number] INTEGER       NOT NULL,
            	[created]         INTEGER       NOT NULL,
            	[snapshot]        VarBinary         NULL,
            	[manifest]        NVarChar(500)     NULL,
            	[serializer_id]   INTEGER           NULL,

            	CONSTRAINT [PK_snapshot] PRIMARY KEY ([persistence_id], [sequence_number])
            )
            """,
            "CREATE INDEX IF NOT EXISTS snapshot_sequence_number_idx ON snapshot (sequence_number)",
            "CREATE INDEX IF NOT EXISTS snapshot_created_idx ON snapshot (created)",
        ],
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
        ColumnsOf = "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = @p0",
        KeyOf = """
            SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE i.indrelid = to_regclass(@p0) AND i.indisprimary ORDER BY k.place
            """,
        ParentsOf = "SELECT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass(@p0)",
        Integrity = null,
        IsTime = null,
        ForeignKeysOf = """
            SELECT a.attname::text, c.confrelid::regclass::text, b.attname::text FROM pg_constraint c
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
            WHERE c.contype = 'f' AND c.conrelid = to_regclass(@p0)
            """,
        CreateJournal =
        [
            """
            CREATE TABLE IF NOT EXISTS journal (
              ordering BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL, created BIGINT NOT NULL, deleted BOOLEAN NOT NULL, persistence_id TEXT NOT NULL,
              sequence_number BIGINT NOT NULL, message BYTEA NOT NULL, tags TEXT, manifest TEXT, identifier INTEGER, writer_uuid TEXT,
              CONSTRAINT "PK_journal" PRIMARY KEY (ordering), CONSTRAINT journal_uq UNIQUE (persistence_id, sequence_number))
            """,
            "CREATE INDEX IF NOT EXISTS journal_created_idx ON journal (created)",
            "CREATE INDEX IF NOT EXISTS journal_sequence_number_idx ON journal (sequence_number)",
            """
            CREATE TABLE IF NOT EXISTS snapshot (
              persistence_id TEXT NOT NULL, sequence_number BIGINT NOT NULL, created BIGINT NOT NULL, snapshot BYTEA, manifest TEXT, serializer_id INTEGER,
              CONSTRAINT "PK_snapshot" PRIMARY KEY (persistence_id, sequence_number))
            """,
            "CREATE INDEX IF NOT EXISTS snapshot_created_idx ON snapshot (created)",
            "CREATE INDEX IF NOT EXISTS snapshot_sequence_number_idx ON snapshot (sequence_number)",
        ],
        HasTable = "SELECT to_regclass(@p0) IS NOT NULL",
    };

    /// <summary>Names of the columns of table @p0.</summary>
    public required string ColumnsOf { get; init; }

    /// <summary>Names of the columns of the primary key of table @p0, in their order.</summary>
    public required string KeyOf { get; init; }

    /// <summary>Names of the tables to which foreign keys of table @p0 lead.</summary>
    public required string ParentsOf { get; init; }

    /// <summary>The database's own look at its structure: one row with 'ok', or one per defect; null where there is none.</summary>
    public required string? Integrity { get; init; }

    /// <summary>SQL that asks whether an instant in a column is in the one form in which it is stored; null where the type makes sure.</summary>
    public required Func<string, string>? IsTime { get; init; }

    /// <summary>Names of foreign keys of table @p0: column, table and column to which it leads.</summary>
    public required string ForeignKeysOf { get; init; }

    /// <summary>Makes the tables of Akka's journal and snapshots as Akka itself does, where they are missing.</summary>
    public required IReadOnlyList<string> CreateJournal { get; init; }

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
