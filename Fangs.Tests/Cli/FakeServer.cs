using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Cli;

/// <summary>A real HTTP server in this process that stands where the orchestrator or the registry stands.</summary>
public sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeServer(WebApplication app) => _app = app;

    /// <summary>What was asked, as <c>METHOD path+query</c> followed by a space and the body, if any.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public string Address => _app.Urls.Single();

    public static async Task<FakeServer> StartAsync(Func<HttpContext, string, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new FakeServer(app);
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync();
            server.Requests.Enqueue($"{context.Request.Method} {context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget} {body}".TrimEnd());
            await answer(context, body);
        });
        await app.StartAsync();
        return server;
    }

    /// <summary>A server with one answer for everything.</summary>
    public static Task<FakeServer> AnsweringAsync(int status, string body) => StartAsync(async (context, _) =>
    {
        context.Response.StatusCode = status;
        await context.Response.WriteAsync(body);
    });

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
