using Fangs.Actors.Storage;
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

    /// <summary>The storage that is none.</summary>
    private const string Nothing = "none";

    /// <summary>Name of the flag that asks for JSON.</summary>
    public const string Json = "json";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FlagSpec> All { get; } =
    [
        new(Storage, FlagKind.Text, "sqlite", "where everything is kept: sqlite or postgres; for the orchestrator also none"),
        new(SqlitePath, FlagKind.Text, "var/lib/fangs/fangs.db", "database file, relative to the working directory"),
        new(PostgresDsn, FlagKind.Text, "", "PostgreSQL database, postgres://user:password@host/name; else the variable FANGS_PG_DSN"),
        new(Json, FlagKind.Boolean, "false", "print JSON instead of tables"),
    ];

    /// <summary>The variable that names the PostgreSQL database when the flag does not: it keeps the password out of the list of processes.</summary>
    public const string PostgresDsnVariable = "FANGS_PG_DSN";

    /// <summary>Refuses values that make no sense, whatever the command.</summary>
    /// <exception cref="UsageException">One does not.</exception>
    public static void Check(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var storage = line.Text(Storage);
        if (storage == Nothing && line.Command != Hosting.OrchestratorCommand.Spec)
            throw new UsageException("-storage none is for the orchestrator: without a database there is nothing to show or to decide; use -storage sqlite or -storage postgres");
        if (storage is not ("sqlite" or "postgres" or Nothing)) throw new UsageException($"-storage {storage}: expected sqlite or postgres");
        if (storage != "postgres" && line.Text(PostgresDsn).Length > 0) throw new UsageException("-postgres-dsn goes with -storage postgres");
        if (line.Text(SqlitePath).Length == 0) throw new UsageException("-sqlite-path must not be empty");
    }

    /// <summary>The database that a command line names.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="variable">Reads environment variables.</param>
    /// <exception cref="UsageException">There is no DSN, or it is malformed; the message does not quote it.</exception>
    public static StorageTarget TargetOf(CommandLine line, Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(line);
        ArgumentNullException.ThrowIfNull(variable);
        if (line.Text(Storage) == Nothing) return StorageTarget.Volatile.New();
        if (line.Text(Storage) != "postgres") return new StorageTarget.Sqlite(line.Text(SqlitePath));
        var (text, source) = line.Text(PostgresDsn) is { Length: > 0 } flag ? (flag, "-" + PostgresDsn) : (variable(PostgresDsnVariable) ?? "", PostgresDsnVariable);
        if (text.Length == 0) throw new UsageException($"-storage postgres needs -{PostgresDsn} or the variable {PostgresDsnVariable}");
        try
        {
            return new StorageTarget.Postgres(Actors.Storage.Postgres.PostgresDsn.Parse(text));
        }
        catch (FormatException e)
        {
            throw new UsageException($"{source} cannot be read: {e.Message}");
        }
    }
}
