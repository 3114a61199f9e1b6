using Cocona;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Actors.Storage.Transfer;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Database;

/// <summary><c>fangs db</c>: looks after the database itself.</summary>
public static class DbCommands
{
    /// <summary>What <c>db migrate</c> takes.</summary>
    public static CommandSpec MigrateSpec { get; } = new("db migrate", "Bring the schema of the database up to date", [])
    {
        Details = "The orchestrator does the same when it starts. No orchestrator may be running on the database. A database of the original is taken over.\n"
            + "A SQLite file that does not exist is made; a PostgreSQL database must exist, and may be empty.",
        Examples = ["db migrate", "db migrate -storage postgres -postgres-dsn postgres://fangs@db.example/fangs?sslmode=verify-full"],
    };

    /// <summary>What <c>db check</c> takes.</summary>
    public static CommandSpec CheckSpec { get; } = new("db check", "Look whether the database is sound", [])
    {
        Details = "Checks the structure of the file, references, and what must agree between tables: batches and events, counts, baselines, the journal.\n"
            + "Changes nothing and may run beside an orchestrator. Exit code 1 when something is wrong.",
        Examples = ["db check", "-json db check -sqlite-path /backup/fangs.db"],
    };

    /// <summary>What <c>db backup</c> takes.</summary>
    public static CommandSpec BackupSpec { get; } = new("db backup", "Copy the SQLite file while it is in use", [])
    {
        Arguments = ["file"],
        Details = "The copy is the database as it was at one moment, journal included, and is checked. The orchestrator may go on writing.\nPostgreSQL has pg_dump for this.",
        Examples = ["db backup /backup/fangs-monday.db"],
    };

    /// <summary>What <c>db export</c> takes.</summary>
    public static CommandSpec ExportSpec { get; } = new("db export", "Write the whole installation to a file that either kind of database can read", [])
    {
        Arguments = ["file"],
        Details = "Tables and job queue, compressed, with counts and SHA-256 hashes. Stop the orchestrator first: both must be of the same moment.",
        Examples = ["db export fangs.export", "db export fangs.export -storage postgres -postgres-dsn postgres://fangs@db.example/fangs"],
    };

    /// <summary>What <c>db import</c> takes.</summary>
    public static CommandSpec ImportSpec { get; } = new("db import", "Read an exported installation into an empty database", [])
    {
        Arguments = ["file"],
        Details = "All or nothing: what was stored is read back and compared with the counts and hashes of the file before it is committed.",
        Examples = ["db import fangs.export -storage postgres -postgres-dsn postgres://fangs@db.example/fangs", "db import fangs.export -sqlite-path /var/lib/fangs/fangs.db"],
    };

    /// <summary>Binds <c>db migrate</c> to a call.</summary>
    public static Delegate BindMigrate(Invocation call) => () => call.RunAsync(() => Run(() => Migrate(call)));

    /// <summary>Binds <c>db check</c> to a call.</summary>
    public static Delegate BindCheck(Invocation call) => () => call.RunAsync(() => Run(() => Check(call)));

    /// <summary>Binds <c>db backup</c> to a call.</summary>
    public static Delegate BindBackup(Invocation call) => ([Argument] string file) => call.RunAsync(() => Run(() => Backup(call, file)));

    /// <summary>Binds <c>db export</c> to a call.</summary>
    public static Delegate BindExport(Invocation call) => ([Argument] string file) => call.RunAsync(() => Run(() => Export(call, file)));

    /// <summary>Binds <c>db import</c> to a call.</summary>
    public static Delegate BindImport(Invocation call) => ([Argument] string file) => call.RunAsync(() => Run(() => Import(call, file)));

    // Everything here is the work of one thread on one connection.
    private static Task<int> Run(Func<int> work) => Task.Run(work);

    private static int Migrate(Invocation call)
    {
        var applied = new List<string>();
        using (StoreDatabase.OpenExclusive(call.Storage, version =>
        {
            applied.Add(version);
            call.Environment.Error.WriteLine($"applied {version}");
        }))
        {
            var schema = SchemaVersions.Known[^1];
            if (call.IsJson) CliJson.Write(call, new MigratedJson(call.Storage.Name, schema, applied), CliJson.Wire.MigratedJson);
            else call.Say(applied.Count == 0 ? $"{call.Storage.Name} has schema {schema} already" : $"{call.Storage.Name} has schema {schema} now, {applied.Count} migrations applied");
        }

        return ExitCode.Success;
    }

    private static int Check(Invocation call)
    {
        RequireCurrent(call);
        var checks = 0;
        var defects = DatabaseCheck.Run(call.Storage, step =>
        {
            checks++;
            call.Environment.Error.WriteLine($"{(step.Done == 0 ? "ok     " : "WRONG  ")} {step.What}");
        }, call.Stop);
        if (call.IsJson)
        {
            CliJson.Write(call, new CheckedJson(
                call.Storage.Name, defects.Count == 0, checks, [.. defects.Select(d => new DefectJson(d.Check, d.Detail))]), CliJson.Wire.CheckedJson);
        }
        else
        {
            foreach (var defect in defects) call.Say($"{defect.Check}: {TerminalText.Escape(defect.Detail)}");
            call.Say(defects.Count == 0 ? $"{call.Storage.Name} is sound: {checks} checks" : $"{call.Storage.Name} is not sound: {defects.Count} defects");
        }

        return defects.Count == 0 ? ExitCode.Success : ExitCode.Error;
    }

    private static int Backup(Invocation call, string file)
    {
        if (call.Storage is not StorageTarget.Sqlite source)
        {
            var tools = ((StorageTarget.Postgres)call.Storage).Dsn.ForTools;
            throw new CliException($"PostgreSQL makes its own backups, also while the orchestrator runs: pg_dump -Fc -f {TerminalText.Arguments([file])} {tools}");
        }

        using (call.OpenDatabase())
        {
            // Says what is wrong with a file that is missing or not ours.
        }

        var bytes = SqliteBackup.Run(source.Path, file, Progress(call), call.Stop);
        var path = Path.GetFullPath(file);
        if (call.IsJson) CliJson.Write(call, new BackupJson(source.Name, path, bytes), CliJson.Wire.BackupJson);
        else call.Say($"{path}: {bytes:N0} bytes, a copy of {source.Name} that was checked");
        return ExitCode.Success;
    }

    private static int Export(Invocation call, string file)
    {
        RequireCurrent(call);
        using var database = StoreDatabase.OpenExclusive(call.Storage);
        using var target = new NewFile(file);
        IReadOnlyList<TableSum> sums;
        using (var stream = target.Create())
            sums = InstallationTransfer.Export(database, stream, VersionCommand.Version, call.Environment.Clock.GetUtcNow(), Progress(call), call.Stop);
        var bytes = target.Complete();
        Report(call, Path.GetFullPath(file), call.Storage.Name, bytes, sums, $"exported from {call.Storage.Name} to {Path.GetFullPath(file)}, {bytes:N0} bytes");
        return ExitCode.Success;
    }

    private static int Import(Invocation call, string file)
    {
        var path = Path.GetFullPath(file);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        using var database = StoreDatabase.OpenExclusive(call.Storage);
        var sums = InstallationTransfer.Import(database, stream, path, Progress(call), call.Stop);
        Report(call, path, call.Storage.Name, stream.Length, sums, $"imported from {path} into {call.Storage.Name}; counts and hashes agree");
        return ExitCode.Success;
    }

    private static void Report(Invocation call, string file, string database, long bytes, IReadOnlyList<TableSum> sums, string words)
    {
        if (call.IsJson)
        {
            CliJson.Write(call, new TransferredJson(
                file, database, bytes, sums.Sum(s => s.Rows), [.. sums.Select(s => new TableSumJson(s.Table, s.Rows, s.Sha256))]), CliJson.Wire.TransferredJson);
            return;
        }

        var table = new ColumnTable("TABLE", "ROWS", "SHA256");
        foreach (var sum in sums) table.Add(sum.Table, $"{sum.Rows}", sum.Sha256[..16]);
        table.Print(call.Environment);
        call.Say($"{sums.Sum(s => s.Rows):N0} rows {words}");
    }

    private static void RequireCurrent(Invocation call)
    {
        using var database = call.OpenDatabase();
        if (!database.IsCurrent) throw new CliException($"{database.Name} has schema {database.SchemaVersion}, this build {SchemaVersions.Known[^1]}: run 'fangs db migrate' first");
    }

    private static Action<TransferProgress> Progress(Invocation call)
    {
        var clock = call.Environment.Clock;
        var since = clock.GetTimestamp();
        return step =>
        {
            if (!step.IsComplete && clock.GetElapsedTime(since) < TimeSpan.FromSeconds(1)) return;
            since = clock.GetTimestamp();
            call.Environment.Error.WriteLine(step.Total is { } total && !step.IsComplete ? $"{step.What}: {step.Done:N0} of {total:N0}" : $"{step.What}: {step.Done:N0}{(step.IsComplete ? "" : " so far")}");
        };
    }
}
