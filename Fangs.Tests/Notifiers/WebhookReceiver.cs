using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Notifiers;

/// <summary>A message as it came in.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Headers">All headers.</param>
/// <param name="Body">The bytes.</param>
internal sealed record Received(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>A real HTTP server on loopback that stands where a chat service stands.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<Received> _arrivals = Channel.CreateUnbounded<Received>();

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>All that came in, in order.</summary>
    public ConcurrentQueue<Received> Requests { get; } = [];

    /// <summary>Its base address.</summary>
    public Uri Address => new(_app.Urls.Single());

    /// <summary>An address whose path is a secret, as with chat services.</summary>
    public string Url => $"{_app.Urls.Single()}/services/T0KEN/s3cret-path";

    /// <summary>Starts one.</summary>
    /// <param name="answer">Answers; null answers 200.</param>
    /// <param name="port">0 for any.</param>
    public static async Task<WebhookReceiver> StartAsync(Func<HttpContext, Task>? answer = null, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        var receiver = new WebhookReceiver(app);
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
            var received = new Received(
                context.Request.Method, target, context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), body.ToArray());
            receiver.Requests.Enqueue(received);
            receiver._arrivals.Writer.TryWrite(received);
            if (answer is not null) await answer(context);
        });
        await app.StartAsync();
        return receiver;
    }

    /// <summary>One with a status for everything.</summary>
    public static Task<WebhookReceiver> AnsweringAsync(int status, string body = "", params (string Name, string Value)[] headers) => StartAsync(async context =>
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers) context.Response.Headers[name] = value;
        await context.Response.WriteAsync(body);
    });

    /// <summary>One that never answers.</summary>
    public static Task<WebhookReceiver> HangingAsync() => StartAsync(async context =>
    {
        var gone = new TaskCompletionSource();
        await using var registration = context.RequestAborted.Register(gone.SetResult);
        await gone.Task;
    });

    /// <summary>The next message that comes in.</summary>
    public Task<Received> NextAsync() => _arrivals.Reader.ReadAsync().Soon();

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.Zero); // open requests are cut off
        await _app.StopAsync(limit.Token);
        await _app.DisposeAsync();
    }
}
