using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.EndToEnd;

/// <summary>The orchestrator as a process: what it prints, and what it sends to a receiver of traces.</summary>
public sealed class ObservedOrchestratorSpecs : IDisposable
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";

    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-observed-").FullName;
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _received = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task It_logs_JSON_lines_and_exports_its_spans_when_told_to()
    {
        await using var receiver = await StartReceiverAsync();
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "fangs")) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = ["orchestrator", "-addr", "127.0.0.1:0", "-sqlite-path", Path.Combine(_directory, "fangs.db"), "-log-format", "json", "-otlp-endpoint", receiver.Urls.First()];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment.Remove("OTEL_EXPORTER_OTLP_PROTOCOL");
        using var process = Process.Start(start)!;
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            var lines = new List<JsonElement>();
            Uri? address = null;
            while (address is null)
            {
                var line = await process.StandardOutput.ReadLineAsync(limit.Token);
                Assert.True(line is not null, "it ended early");
                lines.Add(JsonDocument.Parse(line).RootElement);
                if (lines[^1].GetProperty("message").GetString()!.StartsWith("Listening on ", StringComparison.Ordinal))
                    address = new Uri(lines[^1].GetProperty("values").GetProperty("Address").GetString()!);
            }

            using (var http = new HttpClient { BaseAddress = address })
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/scans")
                {
                    Content = new StringContent("""{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}"""),
                };
                request.Headers.Add("traceparent", $"00-{TraceId}-b7ad6b7169203331-01");
                using var answer = await http.SendAsync(request, limit.Token);
                Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            }

            using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync(limit.Token);
            var rest = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            Assert.Equal((0, ""), (process.ExitCode, await errors));
            foreach (var line in rest.Split('\n', StringSplitOptions.RemoveEmptyEntries)) lines.Add(JsonDocument.Parse(line).RootElement);
            Assert.All(lines, line => Assert.True(line.TryGetProperty("level", out _)));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }

        var (path, body) = Assert.Single(_received);
        Assert.Equal("/v1/traces", path);
        var text = Encoding.Latin1.GetString(body);
        foreach (var part in new[] { "POST /v1/scans", "fangs-orchestrator", Encoding.Latin1.GetString(Convert.FromHexString(TraceId)) }) Assert.Contains(part, text);
    }

    private async Task<WebApplication> StartReceiverAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            _received.Enqueue((context.Request.Path, body.ToArray()));
            context.Response.ContentType = "application/x-protobuf";
        });
        await app.StartAsync();
        return app;
    }
}
