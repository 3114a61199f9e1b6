using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fangs.Protocol;
using Fangs.Tests.Runner.Sandbox;

namespace Fangs.Tests.EndToEnd;

/// <summary>Scans of the packages of a <see cref="ToyRegistry"/>, as requests to an orchestrator.</summary>
internal static class ScanJob
{
    /// <summary>The job that installs and imports version 1.0.0 of a package.</summary>
    internal static JsonObject Of(string package, TimeSpan duration) => new()
    {
        ["kind"] = JobKind.SandboxScan,
        ["package_name"] = package,
        ["version"] = ToyRegistry.Version,
        ["duration"] = Nanoseconds.From(duration).Value,
        ["sandbox"] = new JsonObject { ["image"] = "node:20-slim" },
    };

    /// <summary>Queues a job.</summary>
    /// <param name="orchestrator">Where.</param>
    /// <param name="database">The orchestrator's file, in which the run can be followed.</param>
    /// <param name="job">The job.</param>
    /// <param name="runner">Who must do it.</param>
    internal static async Task<StoredRun> SubmitAsync(Uri orchestrator, string database, JsonObject job, string runner = "*")
    {
        using var http = new HttpClient { BaseAddress = orchestrator };
        using var answer = await http.PostAsJsonAsync("/v1/scans", new JsonObject { ["target_runner"] = runner, ["Job"] = job });
        var body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, body);
        return new StoredRun(database, JsonDocument.Parse(body).RootElement.GetProperty("run_id").GetString()!);
    }
}
