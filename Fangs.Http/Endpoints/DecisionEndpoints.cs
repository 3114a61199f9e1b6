using Akka.Actor;
using Fangs.Actors.Packages;
using Fangs.Http.Access;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary>What operators decide.</summary>
public static class DecisionEndpoints
{
    private const int DecisionLimit = 16384;

    /// <summary>Adds the route.</summary>
    public static void MapDecisions(this IEndpointRouteBuilder routes, EdgeSettings edge, CoreActors actors, AccessGuard guard) =>
        routes.MapPost("/v1/operator/decisions", (RequestDelegate)(context => Decide(context, edge, actors, guard)));

    private static async Task Decide(HttpContext context, EdgeSettings edge, CoreActors actors, AccessGuard guard)
    {
        var request = await WireBody.ReadAsync(context, ProtocolJson.Wire.DecisionRequest, DecisionLimit);
        if (guard.NameOf(context) is { } name) request = request with { By = name };
        // Not cancelled with the client: a decision that has arrived is carried out.
        switch (await actors.Packages.Ask<object>(new Decide(request), edge.DecisionTimeout))
        {
            case DecisionOutcome { Response: { } response }:
                await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, response, ProtocolJson.Wire.DecisionResponse);
                break;
            case DecisionOutcome outcome:
                throw new WireException(StatusOf(outcome.Fault), outcome.Reason);
            case Status.Failure failure:
                throw failure.Cause;
            case var other:
                throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to a decision.");
        }
    }

    private static int StatusOf(DecisionFault fault) => fault switch
    {
        DecisionFault.Invalid => StatusCodes.Status400BadRequest,
        DecisionFault.NotFound => StatusCodes.Status404NotFound,
        _ => StatusCodes.Status409Conflict,
    };
}
