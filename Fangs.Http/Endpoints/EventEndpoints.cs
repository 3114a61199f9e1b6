using Akka.Actor;
using Fangs.Actors.Ingest;
using Fangs.Actors.Runs;
using Fangs.Actors.Telemetry;
using Fangs.Http.Access;
using Fangs.Protocol;
using Fangs.Protocol.Events;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Hosting;

namespace Fangs.Http.Endpoints;

/// <summary>Streams of events.</summary>
public sealed class EventEndpoints(
    EdgeSettings edge, BatchPreparer preparer, FangsMetrics metrics, TimeProvider clock, IHostApplicationLifetime lifetime, CoreActors actors, AccessGuard guard)
{
    /// <summary>Adds the route.</summary>
    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1/runs/{run_id}/events", (RequestDelegate)Stream).For(Audience.Runners);

    private async Task Stream(HttpContext context)
    {
        var run = RouteIds.Run(context);
        // A stream may last as long as its run and be as slow as its events are.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = null;

        var stream = Guid.NewGuid();
        try
        {
            await OpenAsync(run, stream, context);
            var received = await new EventStream(this, run, context).RunAsync();
            await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, received, ProtocolJson.Wire.EventsResponse);
        }
        finally
        {
            // Also when opening failed: the run may have heard of it and only its answer got lost.
            actors.Runs.Tell(new EventStreamClosed(run, stream), ActorRefs.NoSender);
        }
    }

    private async Task OpenAsync(RunId run, Guid stream, HttpContext context)
    {
        switch (await actors.Runs.Ask<object>(new OpenEventStream(run, stream, guard.SenderOf(context)), edge.AskTimeout, context.RequestAborted))
        {
            case EventStreamOpened:
                break;
            case RunNotFound:
                throw new WireException(StatusCodes.Status404NotFound, $"run {run} does not exist");
            case NotTheRunner refusal:
                throw guard.RefuseRun(context, refusal);
            case RunnerNotKnownYet:
                throw new WireException(StatusCodes.Status503ServiceUnavailable, $"the orchestrator does not know yet which runner has run {run}; try again");
            case Status.Failure failure:
                throw failure.Cause;
            case var other:
                throw new InvalidOperationException($"Unexpected answer {other.GetType().Name} to an event stream.");
        }
    }

    /// <summary>One request: reads batches, keeps a few of them in flight to the writer, and counts what is committed.</summary>
    private sealed class EventStream(EventEndpoints endpoints, RunId run, HttpContext context)
    {
        private readonly Queue<Task<BatchAppended>> _inFlight = new();
        private int _batches;
        private int _events;
        private int _persisted;

        public async Task<EventsResponse> RunAsync()
        {
            using var reader = new EventBatchReader(context.Request.BodyReader);
            try
            {
                while (await ReadAsync(reader) is { } batch)
                {
                    using (batch) Send(batch);
                    if (_inFlight.Count >= endpoints.Settings.BatchesInFlight) await CommitOldestAsync();
                }
            }
            catch (EventBatchFormatException e)
            {
                await CommitAllAsync();
                endpoints.Runs.Tell(new BatchUnreadable(run, e.Message), ActorRefs.NoSender);
                throw new WireException(StatusCodes.Status400BadRequest, $"{e.Message}; the {_batches} batches before it are stored");
            }
            catch (WireException)
            {
                await CommitAllAsync();
                throw;
            }
            finally
            {
                // When the client has gone or the store has failed: nobody waits for the rest, but their failures are not unobserved.
                foreach (var task in _inFlight) _ = task.ContinueWith(static t => t.Exception, TaskScheduler.Default);
            }

            await CommitAllAsync();
            return new EventsResponse { ReceivedBatches = _batches, ReceivedEvents = _events, Persisted = _persisted };
        }

        private async ValueTask<EventBatch?> ReadAsync(EventBatchReader reader)
        {
            using var idle = new CancellationTokenSource(endpoints.Settings.StreamIdleTimeout, endpoints.Clock);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, context.RequestAborted, endpoints.Lifetime.ApplicationStopping);
            try
            {
                return await reader.ReadAsync(stop.Token);
            }
            catch (OperationCanceledException) when (idle.IsCancellationRequested)
            {
                throw new WireException(StatusCodes.Status400BadRequest, $"stream: no bytes for {endpoints.Settings.StreamIdleTimeout.TotalSeconds:0} s; the {_batches} complete batches are stored");
            }
            catch (OperationCanceledException) when (endpoints.Lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw new WireException(StatusCodes.Status503ServiceUnavailable, $"the orchestrator is stopping; the {_batches} complete batches are stored, send the rest again");
            }
        }

        private void Send(EventBatch batch)
        {
            if (!batch.RunId.IsEmpty && batch.RunId != run)
                throw new WireException(StatusCodes.Status400BadRequest, $"batch {batch.Number}: field \"run_id\": is {batch.RunId}, the path says {run}");
            if (batch.Seq is 0 or > long.MaxValue)
                throw new WireException(StatusCodes.Status400BadRequest, $"batch {batch.Number}: field \"seq\": required, from 1 to {long.MaxValue}, rising by 1 with each batch");
            var prepared = endpoints.Preparer.Prepare(batch, run);
            endpoints.Metrics.BatchReceived(batch.Events.Length, prepared.PayloadBytes);
            foreach (var (type, count) in prepared.TypeCounts) endpoints.Metrics.EventsReceived(type, count);
            _batches++;
            _events += batch.Events.Length;
            _inFlight.Enqueue(endpoints.Writer.Ask<BatchAppended>(new AppendBatch(prepared, FangsTraces.Current), endpoints.Settings.AskTimeout));
        }

        private async Task CommitOldestAsync() => _persisted += (await _inFlight.Dequeue()).Persisted;

        private async Task CommitAllAsync()
        {
            while (_inFlight.Count > 0) await CommitOldestAsync();
        }
    }

    private EdgeSettings Settings => edge;

    private BatchPreparer Preparer => preparer;

    private FangsMetrics Metrics => metrics;

    private TimeProvider Clock => clock;

    private IHostApplicationLifetime Lifetime => lifetime;

    private IActorRef Runs => actors.Runs;

    private IActorRef Writer => actors.Writer;
}
