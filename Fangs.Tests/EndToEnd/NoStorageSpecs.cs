using System.Net;
using Fangs.Tests.Telemetry;

namespace Fangs.Tests.EndToEnd;

/// <summary><c>fangs orchestrator -storage none</c>: the API works, and nothing stays.</summary>
public sealed class NoStorageSpecs
{
    [Fact]
    public async Task Scans_are_handed_out_events_taken_and_results_answered_with_nothing_stored()
    {
        var directory = Directory.CreateTempSubdirectory("fangs-none-");
        try
        {
            var (process, address) = await FangsProcess.StartOrchestratorAsync(directory, "-storage", "none");
            await using (process)
            {
                using var client = new ScanClient(address);
                await client.RegisterAsync();
                var run = await client.SubmitAsync();
                Assert.Equal(run, Convert.ToHexStringLower([.. (await client.PollAsync()).GetProperty("run_id").EnumerateArray().Select(n => n.GetByte())]));
                var taken = await client.EventsAsync(run, 1, ScanClient.Exec(), ScanClient.File("/etc/shadow"));
                Assert.Equal((1, 2, 0), (taken.GetProperty("received_batches").GetInt32(), taken.GetProperty("received_events").GetInt32(), taken.GetProperty("persisted").GetInt32()));
                Assert.False((await client.ResultAsync(run, 2)).GetProperty("recorded").GetBoolean());
                Assert.False((await client.ResultAsync(run, 2)).GetProperty("recorded").GetBoolean()); // repeated: the same answer
                Assert.Equal(HttpStatusCode.NotFound, (await client.Http.GetAsync("/ui/")).StatusCode);
                using var unknown = new StringContent("""{"seq":1,"events":[]}""");
                Assert.Equal(HttpStatusCode.NotFound, (await client.Http.PostAsync($"/v1/runs/{new string('a', 32)}/events", unknown)).StatusCode);
                Assert.Equal(HttpStatusCode.OK, (await client.Http.GetAsync("/v1/ready")).StatusCode);
                Assert.Equal(1, (await client.MetricsAsync()).Sum("fangs_scans_queued_total"));
                Assert.Contains("Nothing is stored", process.Log, StringComparison.Ordinal);
                Assert.Equal(0, await process.TerminateAsync());
            }

            Assert.Empty(directory.EnumerateFileSystemInfos("*", SearchOption.AllDirectories));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("-sqlite-path")]
    [InlineData("-notifiers-file")]
    [InlineData("-ui-token")]
    [InlineData("-watch")]
    [InlineData("-retention-days")]
    public async Task What_needs_a_database_is_refused_beside_it(string flag)
    {
        await using var process = FangsProcess.Start(flag == "-watch" ? ["orchestrator", "-addr", "127.0.0.1:0", "-storage", "none", flag] : ["orchestrator", "-addr", "127.0.0.1:0", "-storage", "none", flag, "7"]);
        Assert.Equal(2, await process.ExitAsync());
        Assert.Contains($"{flag} ", process.Log, StringComparison.Ordinal);
        Assert.Contains("-storage none", process.Log, StringComparison.Ordinal);
    }
}
