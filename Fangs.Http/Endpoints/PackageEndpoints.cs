using Akka.Actor;
using Fangs.Actors.Watching;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary>What operators ask of watched packages.</summary>
public static class PackageEndpoints
{
    /// <summary>Adds the route.</summary>
    public static void MapPackageChecks(this IEndpointRouteBuilder routes, EdgeSettings edge, CoreActors actors) =>
        routes.MapPost("/v1/operator/packages/{name}/check", (RequestDelegate)(context => Check(context, edge, actors)));

    private static async Task Check(HttpContext context, EdgeSettings edge, CoreActors actors)
    {
        // The router decodes everything but an encoded slash.
        var name = ((string?)context.Request.RouteValues["name"] ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        if (!ScanRules.IsPackageName(name))
            throw new WireException(StatusCodes.Status400BadRequest, "path: the name of an npm package is expected, with %2F for the slash of a scoped one");
        if (actors.Watcher is not { } watcher)
            throw new WireException(StatusCodes.Status409Conflict, "the watcher is off: start the orchestrator without -watch=false");
        try
        {
            // Not cancelled with the client: a poll that has begun goes on.
            switch (await watcher.Ask<object>(new CheckPackage(name), edge.CheckTimeout))
            {
                case PackageChecked { Result: var result }:
                    await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, result, ProtocolJson.Wire.PackageCheckResponse);
                    break;
                case CheckFailed failed:
                    throw new WireException(StatusCodes.Status502BadGateway, $"{name} could not be polled: {failed.Error}; it is polled again at {failed.NextCheckAt.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z");
                case PackageNotWatched:
                    throw new WireException(StatusCodes.Status404NotFound, $"package {name} is not watched; 'fangs package add {name}' watches it");
                case Status.Failure failure:
                    throw failure.Cause;
                case var other:
                    throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to a check.");
            }
        }
        catch (AskTimeoutException)
        {
            throw new WireException(StatusCodes.Status504GatewayTimeout, $"the poll of {name} takes longer than {edge.CheckTimeout.TotalSeconds:0} s and goes on; look at 'fangs package watched' later");
        }
    }
}
