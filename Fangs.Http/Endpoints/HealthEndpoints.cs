using Fangs.Http.Access;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary><c>GET /v1/health</c>: the process is up. <c>GET /v1/ready</c>: what clients send would be stored.</summary>
public static class HealthEndpoints
{
    /// <summary>Adds the routes.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes, EdgeSettings edge, Readiness readiness)
    {
        var answer = new HealthResponse { OrchestratorId = edge.OrchestratorId, Version = edge.Version };
        routes.MapMethods("/v1/health", [HttpMethods.Get, HttpMethods.Head],
            (RequestDelegate)(context => WireAnswer.WriteAsync(context, StatusCodes.Status200OK, answer, ProtocolJson.Wire.HealthResponse)))
            .For(Audience.Everybody);
        var ready = answer with { Status = "ready" };
        routes.MapMethods("/v1/ready", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => Ready(context, ready, readiness))).For(Audience.Everybody);
    }

    private static async Task Ready(HttpContext context, HealthResponse ready, Readiness readiness)
    {
        if (await readiness.WhyNotAsync(context.RequestAborted) is { } reason) throw new WireException(StatusCodes.Status503ServiceUnavailable, reason);
        await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, ready, ProtocolJson.Wire.HealthResponse);
    }
}
