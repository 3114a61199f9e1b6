using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Akka.Actor;
using Akka.Hosting;
using Fangs.Actors.Jobs;
using Fangs.Actors.Packages;
using Fangs.Actors.Runners;
using Fangs.Actors.Runs;
using Fangs.Http;
using Fangs.Http.Access;
using Fangs.Http.Endpoints;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fangs.Fuzz.Targets;

/// <summary>Bodies of the JSON endpoints. The first byte says of which; the endpoints themselves run, in front of actors that agree to everything.</summary>
internal static class RequestsTarget
{
    private const string Runner = "runner-1";
    private const string Run = "0102030405060708090a0b0c0d0e0f10";

    private static readonly Lazy<IReadOnlyDictionary<string, RequestDelegate>> Endpoints = new(Map);

    internal static FuzzTarget Target { get; } = new("requests", "bodies of the JSON endpoints: registration, heartbeat, scan, result, decision", RunAsync);

    private static async Task RunAsync(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty) return;
        var path = (char)input.Span[0] switch
        {
            'r' => "/v1/runners/register",
            'h' => "/v1/runners/{id}/heartbeat",
            's' => "/v1/scans",
            'x' => "/v1/runs/{run_id}/result",
            'd' => "/v1/operator/decisions",
            _ => null,
        };
        if (path is null) return;
        var context = new DefaultHttpContext();
        context.Request.Body = Pieces.Stream(input[1..]);
        context.Request.RouteValues["id"] = Runner;
        context.Request.RouteValues["run_id"] = Run;
        using var answer = new MemoryStream();
        context.Response.Body = answer;
        try
        {
            await Endpoints.Value[path](context);
        }
        catch (WireException e)
        {
            FindingException.Unless(e.Status is >= 400 and < 500 && e.Message.Length > 0, $"answered with {e.Status}: {e.Message}");
            _ = JsonSerializer.SerializeToUtf8Bytes(new ErrorResponse(e.Message), ProtocolJson.Wire.ErrorResponse);
            return;
        }

        await context.Response.BodyWriter.FlushAsync();
        FindingException.Unless(context.Response.StatusCode is 200 or 202 && answer.Length > 0, "no answer");
        using var json = JsonDocument.Parse(answer.ToArray());
    }

    private static Dictionary<string, RequestDelegate> Map()
    {
        var system = ActorSystem.Create("fuzz");
        var registry = ActorRegistry.For(system);
        registry.Register<RunnerRegistry>(new Yes(system, OfRunners));
        registry.Register<JobDispatcher>(new Yes(system, OfDispatcher));
        registry.Register<RunSupervisor>(new Yes(system, OfRuns));
        registry.Register<PackageSupervisor>(new Yes(system, OfPackages));
        var app = WebApplication.CreateSlimBuilder().Build();
        var (edge, actors, guard) = (new EdgeSettings(), new CoreActors(registry), new AccessGuard(bindsIdentity: false, NullLogger.Instance));
        app.MapRunners(edge, actors, guard);
        app.MapScans(edge, TimeProvider.System, actors);
        app.MapResults(edge, actors, guard);
        app.MapDecisions(edge, actors, guard);
        return ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .ToDictionary(endpoint => endpoint.RoutePattern.RawText!, endpoint => endpoint.RequestDelegate!);
    }

    private static object OfRunners(object message)
    {
        switch (message)
        {
            case RegisterRunner registration:
                FindingException.Unless(RunnerId.TryParse(registration.Runner.Value, out _) && registration.Capabilities.All(c => c is not null), "a registration that breaks the rules");
                return new RunnerRegistered(registration.Runner);
            case RunnerHeartbeat heartbeat:
                FindingException.Unless(heartbeat.EventsQueued >= 0 && heartbeat.ActiveRuns.Distinct().Count() == heartbeat.ActiveRuns.Count, "a heartbeat that breaks the rules");
                return new HeartbeatAnswer(heartbeat.ActiveRuns.Count % 2 == 0);
            case GetRunner { Runner.Value: Runner }:
                return "is there";
            case GetRunner unknown:
                return new RunnerUnknown(unknown.Runner);
            default:
                throw new FindingException($"the runners were told {message}");
        }
    }

    private static ScanAccepted OfDispatcher(object message)
    {
        var queued = (QueueJob)message;
        RoundTrip(queued.Job, ProtocolJson.Wire.Job);
        FindingException.Unless(ScanRules.Check(new ScanRequest { TargetRunner = queued.Target.Value, Job = queued.Job }, TimeSpan.FromHours(1)) is null, "a completed job breaks the rules");
        return new ScanAccepted(queued.Job.RunId);
    }

    private static object OfRuns(object message)
    {
        switch (message)
        {
            case GetRun run:
                return new RunNotFound(run.RunId);
            case RecordResult { Result: var result }:
                FindingException.Unless(result is { EventsEmitted: >= 0, Duration.Value: >= 0 } && result.RunId.ToString() == Run, "a result that breaks the rules");
                RoundTrip(result, ProtocolJson.Wire.ResultRequest);
                return new ResultRecorded(result.RunId);
            default:
                throw new FindingException($"the runs were told {message}");
        }
    }

    private static DecisionOutcome OfPackages(object message)
    {
        var request = ((Decide)message).Request;
        RoundTrip(request, ProtocolJson.Wire.DecisionRequest);
        return DecisionRules.Check(request) ?? DecisionOutcome.Done(new DecisionResponse { Action = request.Action! });
    }

    // What was understood is stored and sent on as JSON.
    private static void RoundTrip<T>(T value, JsonTypeInfo<T> type)
    {
        byte[] written = JsonSerializer.SerializeToUtf8Bytes(value, type);
        FindingException.Unless(JsonSerializer.SerializeToUtf8Bytes(JsonSerializer.Deserialize(written, type)!, type).AsSpan().SequenceEqual(written), "written and read it is another request");
    }

    /// <summary>Answers at once, on the thread that asks: nothing is left over when an input has been read.</summary>
    private sealed class Yes(ActorSystem system, Func<object, object> answer) : MinimalActorRef
    {
        public override ActorPath Path { get; } = new RootActorPath(Address.AllSystems) / "yes";

        public override IActorRefProvider Provider => ((ExtendedActorSystem)system).Provider;

        protected override void TellInternal(object message, IActorRef sender)
        {
            try
            {
                sender.Tell(answer(message), this);
            }
            catch (Exception e)
            {
                sender.Tell(new Status.Failure(e), this);
            }
        }
    }
}
