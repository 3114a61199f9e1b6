using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Actors.Telemetry;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary>Requests for scans.</summary>
public static class ScanEndpoints
{
    /// <summary>Adds the route.</summary>
    public static void MapScans(this IEndpointRouteBuilder routes, EdgeSettings edge, TimeProvider clock, CoreActors actors) =>
        routes.MapPost("/v1/scans", (RequestDelegate)(context => Submit(context, edge, clock, actors)));

    private static async Task Submit(HttpContext context, EdgeSettings edge, TimeProvider clock, CoreActors actors)
    {
        var request = await WireBody.ReadAsync(context, ProtocolJson.Wire.ScanRequest);
        if (ScanRules.Check(request, edge.MaxJobDuration) is { } wrong) throw new WireException(StatusCodes.Status400BadRequest, wrong.ToString());

        var target = request.TargetRunner == RunnerId.Any.Value ? RunnerId.Any : new RunnerId(request.TargetRunner!);
        if (target != RunnerId.Any && await actors.Runners.Ask<object>(new GetRunner(target), edge.AskTimeout, context.RequestAborted) is RunnerUnknown)
            throw new WireException(StatusCodes.Status404NotFound, $"field \"target_runner\": runner {target} is not registered; start it, or use \"*\" for any");

        var job = Complete(request.Job!, edge, clock);
        if (!request.Job!.RunId.IsEmpty && await actors.Runs.Ask<object>(new GetRun(job.RunId), edge.AskTimeout, context.RequestAborted) is RunFound)
            throw new WireException(StatusCodes.Status400BadRequest, $"field \"Job.run_id\": {job.RunId} is in use; leave it out to get a new one");

        // From here on the request is not cancelled with the client: what is queued is queued, and the answer says so.
        switch (await actors.Dispatcher.Ask<object>(new QueueJob(job, target), edge.AskTimeout))
        {
            case ScanAccepted accepted:
                await WireAnswer.WriteAsync(context, StatusCodes.Status202Accepted,
                    new ScanResponse { Queued = true, RunId = accepted.RunId.ToString() }, ProtocolJson.Wire.ScanResponse);
                break;
            case ScanRejected rejected:
                throw new WireException(StatusCodes.Status400BadRequest, $"field \"Job.run_id\": {rejected.Reason}");
            case DispatcherUnavailable:
                throw new WireException(StatusCodes.Status500InternalServerError, "the job queue cannot be stored at the moment; try again");
            case Status.Failure failure:
                throw failure.Cause;
            case var other:
                throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to a scan.");
        }
    }

    /// <summary>Fills what the request left out, in the order of the protocol.</summary>
    internal static Job Complete(Job job, EdgeSettings edge, TimeProvider clock) => job with
    {
        Kind = string.IsNullOrEmpty(job.Kind) ? JobKind.SensorOnly : job.Kind,
        Duration = job.Duration.Value == 0 ? Nanoseconds.From(ScanRules.DefaultDuration) : job.Duration,
        WatchedPaths = job.WatchedPaths is { Count: > 0 } paths ? paths : edge.WatchedPaths,
        RunId = job.RunId.IsEmpty ? RunId.New(clock) : job.RunId,
        DispatchedAt = clock.GetUtcNow(),
        PackageName = string.IsNullOrEmpty(job.PackageName) ? null : job.PackageName,
        Version = string.IsNullOrEmpty(job.Version) ? null : job.Version,
        CgroupPath = string.IsNullOrEmpty(job.CgroupPath) ? null : job.CgroupPath,
        TraceParent = FangsTraces.Current ?? (TraceContext.TryParse(job.TraceParent, out _) ? job.TraceParent : null),
    };
}
