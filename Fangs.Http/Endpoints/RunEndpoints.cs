using Akka.Actor;
using Fangs.Actors.Runs;
using Fangs.Http.Access;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary>Results of runs.</summary>
public static class RunEndpoints
{
    private const int ResultLimit = 16384;

    /// <summary>Adds the route.</summary>
    public static void MapResults(this IEndpointRouteBuilder routes, EdgeSettings edge, CoreActors actors, AccessGuard guard) =>
        routes.MapPost("/v1/runs/{run_id}/result", (RequestDelegate)(context => Result(context, edge, actors, guard))).For(Audience.Runners);

    private static async Task Result(HttpContext context, EdgeSettings edge, CoreActors actors, AccessGuard guard)
    {
        var run = RouteIds.Run(context);
        var body = await WireBody.ReadAsync(context, ProtocolJson.Wire.ResultRequest, ResultLimit);
        if (!body.RunId.IsEmpty && body.RunId != run) throw Bad("run_id", $"is {body.RunId}, the path says {run}");
        if (body.Status is not (ResultStatus.Ok or ResultStatus.Failed or ResultStatus.Timeout)) throw Bad("status", "must be \"ok\", \"failed\" or \"timeout\"");
        if (body.EventsEmitted < 0) throw Bad("events_emitted", "must not be negative");
        if (body.Duration.Value < 0) throw Bad("duration", "must not be negative");

        // Not cancelled with the client: a result that has arrived is to be recorded.
        switch (await actors.Runs.Ask<object>(new RecordResult(body with { RunId = run }, guard.SenderOf(context)), edge.AskTimeout))
        {
            case ResultRecorded:
                await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, new ResultResponse { Recorded = edge.Stores }, ProtocolJson.Wire.ResultResponse);
                break;
            case ResultRejected rejected:
                throw Bad("status", rejected.Reason);
            case RunNotFound:
                throw new WireException(StatusCodes.Status404NotFound, $"run {run} does not exist");
            case NotTheRunner refusal:
                throw guard.RefuseRun(context, refusal);
            case RunnerNotKnownYet:
                throw new WireException(StatusCodes.Status503ServiceUnavailable, $"the orchestrator does not know yet which runner has run {run}; try again");
            case Status.Failure failure:
                throw failure.Cause;
            case var other:
                throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to a result.");
        }
    }

    private static WireException Bad(string field, string remedy) => new(StatusCodes.Status400BadRequest, new FieldError(field, remedy).ToString());
}
