using Fangs.Tests.Cli;
using Fangs.Tests.Storage;
using Fangs.Tests.Telemetry;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.EndToEnd;

/// <summary>An entry of the job queue has been damaged on the disk.</summary>
public sealed class JournalDamageSpecs : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-damage-").FullName;
    private readonly CliFixture _cli = new();

    private string Database => Path.Combine(_directory, "fangs.db");

    public void Dispose()
    {
        _cli.Dispose();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task The_orchestrator_does_not_start_without_it_and_names_it_and_goes_on_once_it_is_restored()
    {
        var (first, address) = await FangsProcess.StartOrchestratorAsync(Database, "-watch=false");
        string run;
        await using (first)
        {
            using var client = new ScanClient(address);
            run = await client.SubmitAsync();
            await first.KillAsync();
        }

        var whole = LedgerFixture.RowsOf(Database, "SELECT hex(message) FROM journal WHERE sequence_number = 1")[0];
        Change("UPDATE journal SET message = substr(message, 1, 40) WHERE sequence_number = 1");
        await using (var broken = FangsProcess.Start("orchestrator", "-addr", "127.0.0.1:0", "-sqlite-path", Database, "-watch=false"))
        {
            Assert.True(await broken.ExitAsync() == 1, broken.Log);
            Assert.Contains("The job queue in", broken.Log, StringComparison.Ordinal);
            Assert.Contains("fangs db check", broken.Log, StringComparison.Ordinal);
        }

        var check = await _cli.RunPlainAsync("db", "check", "-sqlite-path", Database);
        Assert.Equal(1, check.ExitCode);
        Assert.Contains("journal, entry 1", check.Out, StringComparison.Ordinal);

        Change($"UPDATE journal SET message = x'{whole}' WHERE sequence_number = 1");
        var (second, again) = await FangsProcess.StartOrchestratorAsync(Database, "-watch=false");
        await using (second)
        {
            using var client = new ScanClient(again);
            await client.RegisterAsync();
            Assert.Equal(run, Convert.ToHexStringLower([.. (await client.PollAsync()).GetProperty("run_id").EnumerateArray().Select(n => n.GetByte())]));
        }
    }

    private void Change(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // constants and bytes of the test
        command.CommandText = sql;
#pragma warning restore CA2100
        Assert.Equal(1, command.ExecuteNonQuery());
    }
}
