using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Dashboard.Live;

/// <summary><c>GET /ui/live</c>: server-sent events with the regions of an open page as they change.</summary>
public static class LiveEndpoint
{
    private const int MaxRegions = 16;
    private static readonly TimeSpan SignOfLifeEvery = TimeSpan.FromSeconds(15);

    /// <summary>Adds the route.</summary>
    /// <param name="routes">Where.</param>
    /// <param name="hub">What is shown.</param>
    /// <param name="isServed">Whether a request may have it.</param>
    /// <param name="clock">The time.</param>
    /// <param name="stopping">Cancelled when the process is to stop: every connection ends at once.</param>
    public static void MapLive(this IEndpointRouteBuilder routes, LiveHub hub, Func<HttpContext, bool> isServed, TimeProvider clock, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(hub);
        ArgumentNullException.ThrowIfNull(isServed);
        routes.MapGet("/ui/live", (RequestDelegate)(async context =>
        {
            if (!isServed(context))
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            try
            {
                await StreamAsync(context, hub, clock, end.Token);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                // Gone, or told to go: the browser comes back by itself.
            }
        }));
    }

    private static async Task StreamAsync(HttpContext context, LiveHub hub, TimeProvider clock, CancellationToken end)
    {
        DashboardPages.Secure(context);
        var names = context.Request.Query["regions"].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries).Distinct().Take(MaxRegions);
        using var page = hub.Subscribe(names);
        if (page.Count == 0)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent; // nothing of it is kept up to date, and the browser need not ask again
            return;
        }

        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        var sent = SentBefore(context, hub);
        await WriteAsync(context, $"retry: 2000\nevent: hello\ndata: {hub.Epoch}\n\n", end);
        while (true)
        {
            var changed = page.Changed; // before looking: what comes in between is not missed
            var news = new StringBuilder();
            foreach (var (name, content) in page.Since(sent))
            {
                // JSON of one line: HTML may contain newlines, which end a field.
                news.Append(CultureInfo.InvariantCulture, $"id: {hub.Epoch}-{content.Version}\nevent: region\ndata: {{\"region\":{JsonSerializer.Serialize(name)},\"html\":{JsonSerializer.Serialize(content.Html)}}}\n\n");
                sent = content.Version;
            }

            if (news.Length > 0) await WriteAsync(context, news.ToString(), end);
            try
            {
                await changed.WaitAsync(SignOfLifeEvery, clock, end);
            }
            catch (TimeoutException)
            {
                await WriteAsync(context, ": still here\n\n", end); // finds out whether somebody is still there
            }
        }
    }

    // A page that was connected to this process before has what came until then; any other gets everything.
    private static long SentBefore(HttpContext context, LiveHub hub)
    {
        var last = context.Request.Headers["Last-Event-ID"].ToString();
        var dash = last.IndexOf('-', StringComparison.Ordinal);
        return dash > 0 && last[..dash] == hub.Epoch && long.TryParse(last.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;
    }

    private static async Task WriteAsync(HttpContext context, string text, CancellationToken end)
    {
        await context.Response.WriteAsync(text, end);
        await context.Response.Body.FlushAsync(end);
    }
}
