using Fangs.Actors.Telemetry;
using Fangs.Http.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary><c>GET /metrics</c>: Prometheus text.</summary>
public static class MetricsEndpoints
{
    /// <summary>Adds the route.</summary>
    /// <param name="routes">Where.</param>
    /// <param name="metrics">The instruments.</param>
    /// <param name="exporter">Their sums.</param>
    /// <param name="figures">What is counted at the moment of the request; made on the first one, when the actors have started.</param>
    public static void MapMetrics(this IEndpointRouteBuilder routes, FangsMetrics metrics, PrometheusExporter exporter, Func<FiguresReader> figures)
    {
        var reader = new Lazy<FiguresReader>(figures);
        routes.MapGet("/metrics", (RequestDelegate)(async context =>
        {
            metrics.Show(await reader.Value.ReadAsync(context.RequestAborted));
            var text = await exporter.CollectAsync(context.RequestAborted);
            context.Response.ContentType = PrometheusExporter.ContentType;
            context.Response.ContentLength = text.Length;
            await context.Response.BodyWriter.WriteAsync(text, context.RequestAborted);
        }));
    }
}
