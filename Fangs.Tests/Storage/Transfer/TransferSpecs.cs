using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Transfer;
using Fangs.Protocol;
using Fangs.Tests.Cli;
using Fangs.Tests.Http;

namespace Fangs.Tests.Storage.Transfer;

/// <summary>A whole installation goes to a file and from there into a database of either kind.</summary>
public sealed class TransferSpecs : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fangs-transfer-").FullName;
    private readonly CliFixture _cli = new();

    private string File1 => Path.Combine(_folder, "one.export");

    private string File2 => Path.Combine(_folder, "two.export");

    public void Dispose()
    {
        _cli.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(Backend.Sqlite, Backend.Postgres)]
    [InlineData(Backend.Postgres, Backend.Sqlite)]
    [InlineData(Backend.Sqlite, Backend.Sqlite)]
    [InlineData(Backend.Postgres, Backend.Postgres)]
    public async Task An_installation_moves_with_its_queue_and_every_byte_of_its_values(Backend from, Backend to)
    {
        using var source = BackendDatabase.Create(from);
        using var target = BackendDatabase.Create(to);
        var queued = await FillAsync(source);
        var exported = await DbAsync("export", source, File1);
        var imported = await DbAsync("import", target, File1);
        Assert.Equal(exported.GetProperty("tables").GetRawText(), imported.GetProperty("tables").GetRawText());
        Assert.True(imported.GetProperty("rows").GetInt64() > 30);

        // Again from there: what the file holds is the same to the byte.
        var back = await DbAsync("export", target, File2);
        Assert.Equal(exported.GetProperty("tables").GetRawText(), back.GetProperty("tables").GetRawText());
        Assert.Equal(0, (await _cli.RunPlainAsync(["db", "check", .. target.Flags])).ExitCode);

        // The queue is alive, and numbers go on behind those that were given.
        var before = long.Parse(target.Rows("SELECT max(id) FROM events")[0], System.Globalization.CultureInfo.InvariantCulture);
        var orchestrator = new OrchestratorFixture { Database = target };
        await orchestrator.InitializeAsync();
        Assert.Equal(200, (await orchestrator.Raw.SendAsync("POST", "/v1/runners/register", """{"runner_id":"r","proto_version":1}""")).Status);
        var job = await orchestrator.Raw.SendAsync("GET", "/v1/runners/r/jobs");
        Assert.Contains("[" + string.Join(',', Convert.FromHexString(queued)) + "]", job.Body, StringComparison.Ordinal);
        Assert.Equal(200, (await orchestrator.Raw.SendAsync("POST", $"/v1/runs/{queued}/events", """{"seq":1,"events":[{"type":2,"payload":{"BinaryPathStr":"/bin/sh"}}]}""")).Status);
        await orchestrator.DisposeAsync();
        Assert.Equal([$"{before + 1}"], target.Rows("SELECT max(id) FROM events"));
    }

    [Fact]
    public async Task A_file_that_is_truncated_or_altered_is_refused_and_leaves_nothing_behind()
    {
        using var source = BackendDatabase.Create(Backend.Sqlite);
        await FillAsync(source);
        await DbAsync("export", source, File1);
        var whole = await File.ReadAllBytesAsync(File1);
        using var target = BackendDatabase.Create(Backend.Postgres);
        var random = new Random(4);
        for (var i = 0; i < 12; i++)
        {
            var bytes = i < 6 ? whole[..random.Next(whole.Length)] : [.. whole];
            while (i >= 6 && HoldsTheSame(bytes, whole)) bytes[random.Next(40, whole.Length - 8)] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(File2, bytes);
            var result = await _cli.RunPlainAsync(["db", "import", File2, .. target.Flags]);
            Assert.True(result.ExitCode == 1, $"{i}: {result.Error}");
            Assert.Equal(["0|0"], target.Rows("SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM events)"));
        }

        Assert.Equal(0, (await _cli.RunPlainAsync(["db", "import", File1, .. target.Flags])).ExitCode);
    }

    // Between the blocks of a compressed file lie bits that mean nothing (RFC 1951, section 3.2.4).
    private static bool HoldsTheSame(byte[] file, byte[] whole)
    {
        try
        {
            return Unpacked(file).SequenceEqual(Unpacked(whole));
        }
        catch (InvalidDataException)
        {
            return false;
        }

        static byte[] Unpacked(byte[] file)
        {
            using var plain = new MemoryStream();
            using var unzip = new System.IO.Compression.GZipStream(new MemoryStream(file[TransferWriter.Magic.Length..]), System.IO.Compression.CompressionMode.Decompress);
            unzip.CopyTo(plain);
            return plain.ToArray();
        }
    }

    [Fact]
    public async Task A_row_that_was_changed_in_the_file_is_noticed_although_it_is_well_formed()
    {
        using var source = BackendDatabase.Create(Backend.Sqlite);
        await FillAsync(source);
        await DbAsync("export", source, File1);
        using (var plain = new MemoryStream())
        {
            await using (var file = File.OpenRead(File1))
            {
                file.Position = TransferWriter.Magic.Length;
                await using var unzip = new System.IO.Compression.GZipStream(file, System.IO.Compression.CompressionMode.Decompress);
                await unzip.CopyToAsync(plain);
            }

            var text = System.Text.Encoding.UTF8.GetString(plain.ToArray());
            Assert.Contains("exfil.example", text, StringComparison.Ordinal);
            await using var changed = File.Create(File2);
            changed.Write("FANGS export\n"u8);
            await using var zip = new System.IO.Compression.GZipStream(changed, System.IO.Compression.CompressionLevel.Fastest);
            zip.Write(System.Text.Encoding.UTF8.GetBytes(text.Replace("exfil.example", "goods.example", StringComparison.Ordinal)));
        }

        using var target = BackendDatabase.Create(Backend.Sqlite);
        var result = await _cli.RunPlainAsync(["db", "import", File2, .. target.Flags]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("altered", result.Error, StringComparison.Ordinal);
        Assert.Equal(["0"], target.Rows("SELECT count(*) FROM runs"));
    }

    [Theory]
    [InlineData(Backend.Sqlite)]
    [InlineData(Backend.Postgres)]
    public async Task A_database_that_is_in_use_or_not_empty_is_left_alone(Backend backend)
    {
        using var source = BackendDatabase.Create(backend);
        await FillAsync(source);
        await DbAsync("export", source, File1);
        var again = await _cli.RunPlainAsync(["db", "export", File1, .. source.Flags]);
        Assert.Contains("exists already", again.Error, StringComparison.Ordinal);
        var full = await _cli.RunPlainAsync(["db", "import", File1, .. source.Flags]);
        Assert.Equal(1, full.ExitCode);
        Assert.Contains("not empty", full.Error, StringComparison.Ordinal);

        using (StoreDatabase.OpenExclusive(source.Target))
        {
            foreach (var command in new[] { "export", "import", "migrate" })
            {
                var refused = await _cli.RunPlainAsync(["db", command, .. command == "migrate" ? Array.Empty<string>() : [command == "export" ? File2 : File1], .. source.Flags]);
                Assert.Equal(1, refused.ExitCode);
                Assert.Contains("another", refused.Error, StringComparison.Ordinal);
            }

            // Looking is allowed.
            Assert.Equal(0, (await _cli.RunPlainAsync(["db", "check", .. source.Flags])).ExitCode);
        }
    }

    [Fact]
    public async Task Reading_commands_say_the_same_of_either_database()
    {
        _cli.Seeded();
        _cli.Execute("INSERT INTO allowlists (id, scope, package_name, kind, value, created_at, expires_at) VALUES "
            + "('cfg0123456789ab', 'global', NULL, 'dns', 'a.example', '2026-01-02T03:04:05.000000000Z', NULL), ('aa00000000000001', 'package', 'left-thing', 'path', '/opt/', '2026-01-02T03:04:05.000000000Z', '2027-01-02T03:04:05.000000000Z');"
            + "INSERT INTO packages (name, added_at, last_checked_at, last_seen_version) VALUES ('left-thing', '2026-01-02T03:04:05.000000000Z', NULL, '2.0.1');"
            + "INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at, state) VALUES ('left-thing', '2.0.1', 'x', 'y', NULL, '2026-01-02T03:04:05.000000000Z', 'queued'), ('left-thing', '2.0.3', 'x', 'y', '2026-01-01T00:00:00.000000000Z', '2026-01-02T03:04:05.000000000Z', 'skipped');"
            + "INSERT INTO baseline_fingerprints (package_name, category, value, first_seen_run_id, last_seen_run_id, occurrence_count) VALUES ('is-odd', 'net_new_dns', 'Z.example', 'a', 'b', 1), ('is-odd', 'net_new_dns', 'a.example', 'a', 'b', 1);"
            + "INSERT INTO notifiers (name, url, template, enabled, created_at, updated_at) VALUES ('soc', 'https://hooks.example/x', 'generic', 1, '2026-01-02T03:04:05.000000000Z', '2026-01-02T03:04:05.000000000Z');");
        var sqlite = new StorageTarget.Sqlite(_cli.Database);
        using var target = BackendDatabase.Create(Backend.Postgres);
        Assert.Equal((0, ""), await RunAsync("db", "export", File1, "-sqlite-path", _cli.Database));
        Assert.Equal((0, ""), await RunAsync(["db", "import", File1, .. target.Flags]));
        string[][] commands =
        [
            ["run", "list"], ["run", "list", "-package", "left-thing", "-limit", "1"], ["run", "show", Seeds.Thief], ["run", "show", Seeds.Broken[..8]], ["run", "show", Seeds.Inconclusive],
            ["run", "show", Seeds.Thief, "-events"], ["deviation", "list"], ["deviation", "list", "-severity", "crit"], ["deviation", "list", "-package", "left-thing"],
            ["deviation", "show", "d0000000000000000000000000000001"], ["pending"], ["pending", "-min-severity", "warn"], ["package", "list"], ["package", "watched"],
            ["release", "list", "-package", "left-thing"], ["coverage"], ["baseline", "list", "-package", "is-odd"], ["allow", "list"], ["allow", "list", "-package", "left-thing"],
            ["notifier", "list"], ["notifier", "history", "-run", Seeds.Thief], ["diff", Seeds.Thief, Seeds.Inconclusive], ["run", "show", "0"], ["run", "show", "ffff"],
        ];
        foreach (var command in commands)
        {
            foreach (var json in new string[][] { [], ["-json"] })
            {
                var (one, two) = (await _cli.RunPlainAsync([.. command, .. json, "-sqlite-path", sqlite.Path]), await _cli.RunPlainAsync([.. command, .. json, .. target.Flags]));
                Assert.Equal((string.Join(' ', command), one.ExitCode, one.Out, one.Error), (string.Join(' ', command), two.ExitCode, two.Out, two.Error));
            }
        }

        async Task<(int, string)> RunAsync(params string[] args)
        {
            var result = await _cli.RunPlainAsync(args);
            return (result.ExitCode, result.ExitCode == 0 ? "" : result.Error);
        }
    }

    [Fact]
    public void Both_kinds_of_database_have_the_same_tables_and_columns_and_the_names_tell_which_are_instants()
    {
        using var sqlite = BackendDatabase.Create(Backend.Sqlite);
        using var postgres = BackendDatabase.Create(Backend.Postgres);
        var both = new[] { sqlite, postgres }.Select(backend =>
        {
            using var database = StoreDatabase.OpenExclusive(backend.Target);
            using var session = database.OpenReadSession();
            return PortableTable.Read(session).ToDictionary(t => t.Name, t => (string.Join(' ', t.Columns), string.Join(' ', t.Key)));
        }).ToList();
        Assert.Equal(both[0], both[1]);
        Assert.Equal(both[0].Keys.Order(StringComparer.Ordinal), PortableTable.Names.Except(PortableTable.Journal).Order(StringComparer.Ordinal));
        Assert.Equal(
            sqlite.Rows("SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1")
                .Where(column => !column.StartsWith("schema_", StringComparison.Ordinal) && PortableTable.HoldsTime(column.Split('.')[1])),
            postgres.Rows("SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' AND table_name <> 'schema_migrations' ORDER BY (table_name || '.' || column_name) COLLATE \"C\""));
        Assert.Empty(postgres.Rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'schema_migrations'"));
    }

    [Theory]
    [InlineData(Backend.Sqlite)]
    [InlineData(Backend.Postgres)]
    public async Task An_import_makes_the_tables_of_the_journal_as_Akka_does(Backend backend)
    {
        using var ours = BackendDatabase.Create(backend);
        using var akkas = BackendDatabase.Create(backend);
        var orchestrator = new OrchestratorFixture { Database = akkas };
        await orchestrator.InitializeAsync();
        await orchestrator.DisposeAsync();
        await DbAsync("export", akkas, File1);
        await DbAsync("import", ours, File1);
        var schema = backend == Backend.Sqlite
            ? "SELECT type, name, replace(replace(replace(sql, char(9), ''), char(10), ''), ' IF NOT EXISTS', '') FROM sqlite_master WHERE tbl_name IN ('journal', 'snapshot') ORDER BY name"
            : "SELECT table_name, column_name, data_type, is_nullable, identity_generation FROM information_schema.columns WHERE table_name IN ('journal', 'snapshot')"
                + " UNION ALL SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE tablename IN ('journal', 'snapshot') ORDER BY 1, 2";
        Assert.Equal(akkas.Rows(schema).Select(Plain), ours.Rows(schema).Select(Plain));

        static string Plain(string sql) => sql.Replace(" ", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal);
    }

    // Runs with events and verdicts, hostile values, a job that waits; through the product.
    private static async Task<string> FillAsync(BackendDatabase database)
    {
        await using (var ledger = new LedgerFixture(database))
        {
            await ledger.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Tls("registry.example"));
            var run = await ledger.JudgedAsync("left-thing", Did.Exec("/usr/bin/node"), Did.Tls("exfil.example"), Did.Read("/tmp/\u001b[2J'\"\\\t\r\n;ü€😀"), Did.Read("/nul\0inside"),
                """{"type":1,"payload":{"PathName":"/half/\ud83d/pair","n":1.50e400,"big":18446744073709551615} }""");
            await ledger.DecideAsync(new DecisionRequest { Action = DecisionAction.AllowAdd, By = "op", Allow = new AllowRequest { Kind = "sni", Value = "*.cdn.example" }, Note = "why \\. not\n" });
            await ledger.PromoteAsync(run);
        }

        var orchestrator = new OrchestratorFixture { Database = database };
        await orchestrator.InitializeAsync();
        var answer = await orchestrator.Raw.SendAsync("POST", "/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
        await orchestrator.DisposeAsync();
        return JsonDocument.Parse(answer.Body).RootElement.GetProperty("run_id").GetString()!;
    }

    private async Task<JsonElement> DbAsync(string command, BackendDatabase database, string file)
    {
        var result = await _cli.RunPlainAsync(["-json", "db", command, file, .. database.Flags]);
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonDocument.Parse(result.Out).RootElement.Clone();
    }
}
