using Akka.Actor;
using Fangs.Actors.Runners;
using Fangs.Http.Access;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Endpoints;

/// <summary>Registration and heartbeats of runners.</summary>
public static class RunnerEndpoints
{
    private const int HeartbeatLimit = 8192;
    private const int MaxCapabilities = 64;
    private const int MaxActiveRuns = 256;
    private const int MaxText = 1024;

    /// <summary>Adds the routes.</summary>
    public static void MapRunners(this IEndpointRouteBuilder routes, EdgeSettings edge, CoreActors actors, AccessGuard guard)
    {
        routes.MapPost("/v1/runners/register", (RequestDelegate)(context => Register(context, edge, actors, guard))).For(Audience.Runners);
        routes.MapPost("/v1/runners/{id}/heartbeat", (RequestDelegate)(context => Heartbeat(context, edge, actors, guard))).For(Audience.Runners);
    }

    private static async Task Register(HttpContext context, EdgeSettings edge, CoreActors actors, AccessGuard guard)
    {
        var body = await WireBody.ReadAsync(context, ProtocolJson.Wire.RegisterRequest);
        if (body.ProtoVersion != RegisterRequest.CurrentProtoVersion)
            throw Bad("proto_version", $"this orchestrator speaks version {RegisterRequest.CurrentProtoVersion}, the runner version {body.ProtoVersion}; update the older one");
        if (string.IsNullOrEmpty(body.RunnerId)) throw Bad("runner_id", "required");
        if (!RunnerId.TryParse(body.RunnerId, out var id))
            throw Bad("runner_id", $"must have at most {RunnerId.MaxLength} characters, no control characters, and not be \"*\"");
        guard.CheckRunner(context, id);
        if (body.Capabilities is { } list && (list.Count > MaxCapabilities || list.Any(c => c is null || c.Length > MaxText)))
            throw Bad("capabilities", $"must be at most {MaxCapabilities} strings");
        if (body.Hostname?.Length > MaxText) throw Bad("hostname", $"must have at most {MaxText} characters");
        if (body.KernelVersion?.Length > MaxText) throw Bad("kernel_version", $"must have at most {MaxText} characters");
        if (body.Instance?.Length > MaxText) throw Bad("instance", $"must have at most {MaxText} characters");

        guard.NoteRegistered(context, id);
        await actors.Runners.Ask<RunnerRegistered>(
            new RegisterRunner(id, body.Hostname ?? "", body.KernelVersion ?? "", body.Capabilities ?? [], body.Instance ?? ""), edge.AskTimeout, context.RequestAborted);
        await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, new RegisterResponse
        {
            Ok = true,
            OrchestratorId = edge.OrchestratorId,
            JobPollInterval = Nanoseconds.From(edge.JobPollInterval),
            HeartbeatInterval = Nanoseconds.From(edge.HeartbeatInterval),
        }, ProtocolJson.Wire.RegisterResponse);
    }

    private static async Task Heartbeat(HttpContext context, EdgeSettings edge, CoreActors actors, AccessGuard guard)
    {
        var id = RouteIds.Runner(context);
        guard.CheckRunner(context, id);
        var body = await WireBody.ReadAsync(context, ProtocolJson.Wire.HeartbeatRequest, HeartbeatLimit, whenEmpty: new HeartbeatRequest());
        if (!string.IsNullOrEmpty(body.RunnerId) && body.RunnerId != id.Value) throw Bad("runner_id", "differs from the id in the path");
        if (!string.IsNullOrEmpty(body.Status) && !RunnerStatus.IsKnown(body.Status)) throw Bad("status", "must be \"idle\", \"running\" or \"draining\"");
        if (body.EventsQueued < 0) throw Bad("events_queued", "must not be negative");

        var active = new List<RunId>();
        if (!string.IsNullOrEmpty(body.ActiveRunId)) active.Add(ParseRun(body.ActiveRunId, "active_run_id"));
        if (body.ActiveRunIds?.Count > MaxActiveRuns) throw Bad("active_run_ids", $"must have at most {MaxActiveRuns} items");
        foreach (var text in body.ActiveRunIds ?? [])
        {
            var run = ParseRun(text, "active_run_ids");
            if (!active.Contains(run)) active.Add(run);
        }

        var answer = await actors.Runners.Ask<HeartbeatAnswer>(
            new RunnerHeartbeat(id, active, string.IsNullOrEmpty(body.Status) ? null : body.Status, body.EventsQueued), edge.AskTimeout, context.RequestAborted);
        await WireAnswer.WriteAsync(context, StatusCodes.Status200OK,
            new HeartbeatResponse { Ok = answer.Known, UnknownRunner = !answer.Known }, ProtocolJson.Wire.HeartbeatResponse);
    }

    private static RunId ParseRun(string? text, string field) =>
        RunId.TryParse(text, out var run) ? run : throw Bad(field, "must be 32 lower-case hex digits");

    private static WireException Bad(string field, string remedy) => new(StatusCodes.Status400BadRequest, new FieldError(field, remedy).ToString());
}
