using System.Runtime.CompilerServices;
using Fangs.Actors.Storage.Queries;
using Fangs.Actors.Storage.Sqlite;
using Fangs.Cli;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Cli;

/// <summary>What a call of the program left behind.</summary>
public sealed record CliResult(int ExitCode, string Out, string Error);

/// <summary>A temporary directory with a real database file, and the program run in this process with its consoles captured.</summary>
public sealed class CliFixture : IDisposable
{
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);

    public CliFixture() => Directory.CreateDirectory(Folder);

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "fangs-cli-" + Guid.NewGuid().ToString("n"));

    public string Database => Path.Combine(Folder, "fangs.db");

    public CompositionRoots Roots { get; set; } = new((_, _) => Task.CompletedTask, (_, _) => Task.CompletedTask);

    public bool IsOutputTerminal { get; set; }

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public void Set(string variable, string value) => _variables[variable] = value;

    /// <summary>Runs the program on the fixture's database.</summary>
    public Task<CliResult> RunAsync(params string[] args) => RunPlainAsync([.. args, "-sqlite-path", Database]);

    /// <summary>Runs the program with these arguments and no others.</summary>
    public async Task<CliResult> RunPlainAsync(params string[] args)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var environment = new CliEnvironment
        {
            Out = output,
            Error = error,
            In = TextReader.Null,
            IsOutputTerminal = IsOutputTerminal,
            Clock = Clock,
            Variable = _variables.GetValueOrDefault,
            Roots = Roots,
        };
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var code = await FangsCli.RunAsync(args, environment, limit.Token).WaitAsync(TimeSpan.FromSeconds(90));
        return new CliResult(code, output.ToString(), error.ToString());
    }

    /// <summary>Makes the database: every migration of the build, or upstream's four with its index.</summary>
    public CliFixture WithSchema(bool upstream = false) => WithSchemaUpTo(upstream ? SchemaVersions.AllowList : SchemaVersions.Known[^1]);

    /// <summary>Makes the database as it was at some version; upstream's have an index on events.</summary>
    public CliFixture WithSchemaUpTo(string last)
    {
        var upstream = string.CompareOrdinal(last, SchemaVersions.Ingest) < 0;
        var versions = SchemaVersions.Known.Where(version => string.CompareOrdinal(version, last) <= 0).ToList();
        var sql = "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"
            + string.Concat(versions.Select(ReadMigration))
            + string.Concat(versions.Select(version => $"INSERT INTO schema_migrations (version) VALUES ('{version}');"));
        if (upstream) sql += "CREATE INDEX events_run ON events (run_id, ts_ns);";
        return Execute("PRAGMA journal_mode = WAL; " + sql);
    }

    /// <summary>Makes the database as the orchestrator does, with what is needed to open it for writing.</summary>
    public CliFixture WithMigratedSchema()
    {
        SqliteDatabase.OpenExclusive(Database).Dispose();
        return this;
    }

    /// <summary>Makes the database and fills it with the runs of <see cref="Seeds"/>.</summary>
    public CliFixture Seeded()
    {
        WithSchema();
        foreach (var sql in Seeds.All()) Execute(sql);
        return this;
    }

    public CliFixture Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
        return this;
    }

    /// <summary>One value as text; empty for NULL.</summary>
    public string Scalar(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        return Convert.ToString(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>Compares with a file beside the tests. With FANGS_APPROVE=1 the file is written instead.</summary>
    public static void Approve(string actual, string name, [CallerFilePath] string here = "")
    {
        var file = Path.Combine(Path.GetDirectoryName(here)!, "approved", name + ".approved.txt");
        // Columns are padded; the padding behind the last one is of no interest.
        var text = string.Join('\n', actual.Split('\n').Select(line => line.TrimEnd())).TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable("FANGS_APPROVE") == "1") File.WriteAllText(file, text);
        Assert.Equal(File.ReadAllText(file), text);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string ReadMigration(string version)
    {
        using var stream = typeof(SchemaVersions).Assembly.GetManifestResourceStream($"migrations/sqlite/{version}.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd() + "\n";
    }
}
