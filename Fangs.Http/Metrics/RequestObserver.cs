using Fangs.Actors.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Metrics;

/// <summary>Measures every request, by the template of its route. Outermost, so that the status is the one that the client sees.</summary>
public sealed class RequestObserver(RequestDelegate next, FangsMetrics metrics, TimeProvider clock)
{
    private const string NoRoute = "none";
    private const int ClientGone = 499;

    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var began = clock.GetTimestamp();
        try
        {
            await next(context);
        }
        finally
        {
            var route = context.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } template } ? template : NoRoute;
            var status = context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted ? ClientGone : context.Response.StatusCode;
            metrics.RequestServed(route, MethodOf(context.Request.Method), status, clock.GetElapsedTime(began));
        }
    }

    // Clients may send any word.
    private static string MethodOf(string method) =>
        HttpMethods.IsGet(method) ? HttpMethods.Get
        : HttpMethods.IsPost(method) ? HttpMethods.Post
        : HttpMethods.IsHead(method) ? HttpMethods.Head
        : HttpMethods.IsPut(method) ? HttpMethods.Put
        : HttpMethods.IsDelete(method) ? HttpMethods.Delete
        : "other";
}
