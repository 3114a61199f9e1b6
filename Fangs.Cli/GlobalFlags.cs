using Fangs.Cli.Arguments;

namespace Fangs.Cli;

/// <summary>Flags that every command takes.</summary>
public static class GlobalFlags
{
    /// <summary>Name of the flag that chooses the storage.</summary>
    public const string Storage = "storage";

    /// <summary>Name of the flag that names the database file.</summary>
    public const string SqlitePath = "sqlite-path";

    /// <summary>Name of the flag that names the PostgreSQL database.</summary>
    public const string PostgresDsn = "postgres-dsn";

    /// <summary>Name of the flag that asks for JSON.</summary>
    public const string Json = "json";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FlagSpec> All { get; } =
    [
        new(Storage, FlagKind.Text, "sqlite", "storage; this version has sqlite"),
        new(SqlitePath, FlagKind.Text, "var/lib/fangs/fangs.db", "database file, relative to the working directory"),
        new(PostgresDsn, FlagKind.Text, "", "not in this version"),
        new(Json, FlagKind.Boolean, "false", "print JSON instead of tables"),
    ];

    /// <summary>Refuses what this version does not have.</summary>
    /// <exception cref="UsageException">A storage other than SQLite was asked for.</exception>
    public static void Check(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var storage = line.Text(Storage);
        if (storage is "postgres" or "none") throw new UsageException($"-storage {storage} is not in this version: use -storage sqlite");
        if (storage != "sqlite") throw new UsageException($"-storage {storage}: expected sqlite");
        if (line.Text(PostgresDsn).Length > 0) throw new UsageException("-postgres-dsn: PostgreSQL is not in this version");
        if (line.Text(SqlitePath).Length == 0) throw new UsageException("-sqlite-path must not be empty");
    }
}
