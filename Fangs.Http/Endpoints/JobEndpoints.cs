using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Http.Access;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary>The long-poll for jobs.</summary>
public static class JobEndpoints
{
    /// <summary>Adds the route.</summary>
    public static void MapJobs(this IEndpointRouteBuilder routes, EdgeSettings edge, CoreActors actors, AccessGuard guard) =>
        routes.MapGet("/v1/runners/{id}/jobs", (RequestDelegate)(context => Poll(context, edge, actors, guard))).For(Audience.Runners);

    private static async Task Poll(HttpContext context, EdgeSettings edge, CoreActors actors, AccessGuard guard)
    {
        var poll = new PollForJob(RouteIds.Runner(context), Guid.NewGuid());
        guard.CheckRunner(context, poll.Runner);
        object answer;
        try
        {
            // The dispatcher owns the window; the Ask timeout is only the backstop behind it.
            answer = await actors.Runners.Ask<object>(poll, edge.PollWindow + edge.AskTimeout, context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            actors.Dispatcher.Tell(new PollAbandoned(poll.Runner, poll.PollId), ActorRefs.NoSender); // cancelling an Ask tells the actor nothing
            throw;
        }

        switch (answer)
        {
            case PollResult { Job: { } job }:
                await Deliver(context, job, poll, actors);
                break;
            case PollResult:
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                break;
            case RunnerUnknown:
                throw new WireException(StatusCodes.Status404NotFound, $"runner {poll.Runner} is not registered; register it again");
            case Status.Failure failure:
                throw failure.Cause;
            default:
                throw new InvalidOperationException($"Unexpected answer {answer.GetType().Name} to a poll.");
        }
    }

    private static async Task Deliver(HttpContext context, Job job, PollForJob poll, CoreActors actors)
    {
        try
        {
            await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, job, ProtocolJson.Wire.Job);
            await context.Response.CompleteAsync();
            context.RequestAborted.ThrowIfCancellationRequested();
        }
        catch
        {
            actors.Dispatcher.Tell(new PollAbandoned(poll.Runner, poll.PollId), ActorRefs.NoSender);
            throw;
        }
    }
}
