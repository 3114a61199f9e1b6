using System.Diagnostics;
using Fangs.Actors.Telemetry;
using Fangs.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Metrics;

/// <summary>A span per request that belongs to a scan. Polls, heartbeats and pages belong to none. Stands behind the routing, whose template names the span.</summary>
public sealed class RequestTracer(RequestDelegate next)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return FangsTraces.Source.HasListeners() && HttpMethods.IsPost(context.Request.Method)
            && context.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } route } && !route.StartsWith("/v1/runners", StringComparison.Ordinal)
            ? TraceAsync(context, route)
            : next(context);
    }

    private async Task TraceAsync(HttpContext context, string route)
    {
        _ = TraceContext.TryParse(context.Request.Headers.TraceParent, out var parent);
        Activity.Current = null; // the web server's own, which nobody exports, would become the parent of a trace that begins here
        using var span = FangsTraces.Source.StartActivity($"POST {route}", ActivityKind.Server, parent);
        span?.SetTag("http.request.method", HttpMethods.Post).SetTag("http.route", route);
        if (RunId.TryParse((string?)context.Request.RouteValues["run_id"], out var run)) span?.SetTag(TraceContext.RunAttribute, run.ToString());
        try
        {
            await next(context);
            span?.SetTag("http.response.status_code", context.Response.StatusCode);
        }
        catch (Exception e)
        {
            span?.SetTag("http.response.status_code", (e as WireException)?.Status).SetStatus(ActivityStatusCode.Error, e.GetType().Name);
            throw;
        }
    }
}
