using Fangs.Http.Access;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary><c>GET /v1/health</c>: the process is up.</summary>
public static class HealthEndpoints
{
    /// <summary>Adds the route.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes, EdgeSettings edge)
    {
        var answer = new HealthResponse { OrchestratorId = edge.OrchestratorId, Version = edge.Version };
        routes.MapMethods("/v1/health", [HttpMethods.Get, HttpMethods.Head],
            (RequestDelegate)(context => WireAnswer.WriteAsync(context, StatusCodes.Status200OK, answer, ProtocolJson.Wire.HealthResponse)))
            .For(Audience.Everybody);
    }
}
