using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.EndToEnd;

/// <summary>A real orchestrator process is asked to end.</summary>
public sealed class OrchestratorStopSpecs : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-stop-").FullName;

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task SIGTERM_answers_parked_polls_with_204_and_the_process_ends_well()
    {
        const int runners = 5;
        var (orchestrator, address) = await FangsProcess.StartOrchestratorAsync(Path.Combine(_directory, "fangs.db"));
        await using var _ = orchestrator;
        using var http = new HttpClient { BaseAddress = address, Timeout = Patience };
        var polls = new List<Task<HttpResponseMessage>>();
        for (var i = 0; i < runners; i++)
        {
            using var registered = await http.PostAsJsonAsync("/v1/runners/register", new { runner_id = $"r{i}", hostname = "host", capabilities = new[] { "sensor" }, kernel_version = "6", proto_version = 1 });
            Assert.Equal(HttpStatusCode.OK, registered.StatusCode);
            polls.Add(http.GetAsync($"/v1/runners/r{i}/jobs"));
        }

        await UntilParkedAsync(http, runners);
        Assert.All(polls, poll => Assert.False(poll.IsCompleted));

        // A poll lasts 25 s. Ended by the signal it takes no time; the limit only keeps a broken orchestrator from passing.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        var exit = orchestrator.TerminateAsync();
        foreach (var poll in polls)
        {
            using var answer = await poll.WaitAsync(limit.Token);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        Assert.True(0 == await exit.WaitAsync(limit.Token), orchestrator.Log);
    }

    private static async Task UntilParkedAsync(HttpClient http, int polls)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!(await http.GetFromJsonAsync<JsonElement>("/ui/actors.json", limit.Token)).ToString().Contains($"{polls} parked polls", StringComparison.Ordinal))
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
    }
}
