using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Fangs.Protocol;
using Fangs.Runner.Sensor;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace Fangs.Runner.Agent;

/// <summary>What became of the events of a run.</summary>
/// <param name="Acknowledged">Events that the orchestrator has stored.</param>
/// <param name="Lost">Events that the sensor handed over and the orchestrator never acknowledged.</param>
/// <param name="ByPhase">The acknowledged ones by phase; the empty phase is called <c>outside</c>.</param>
/// <param name="Fault">Why the stream broke before its end; null when it did not.</param>
internal sealed record StreamTotals(long Acknowledged, long Lost, IReadOnlyDictionary<string, long> ByPhase, string? Fault);

/// <summary>Carries the events of one run to the orchestrator: collects them into numbered batches and posts these in order.</summary>
/// <remarks>
/// Two stages, so that batches are made while a request is under way. Between them lies a queue that is bounded in bytes; when it is
/// full the first stage stops reading, and the sensor's own queue counts what it cannot take.
/// </remarks>
internal sealed class EventStreamer : IAsyncDisposable
{
    // A request takes what waits, up to this; together with the time limit of a POST it also bounds how slow a network may be.
    private const int RequestBytes = 1 << 20;
    private const string OutsidePhases = "outside";

    private readonly RunId _run;
    private readonly ChannelReader<SensorEvent> _events;
    private readonly OrchestratorClient _client;
    private readonly RunnerSettings _settings;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly ResiliencePipeline _retry;
    private readonly Channel<EventBatch> _batches = Channel.CreateUnbounded<EventBatch>(new() { SingleReader = true, SingleWriter = true });
    private readonly ConcurrentBag<EventBatch> _spare = [];
    private readonly Pulse _room = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly Dictionary<string, long> _byPhase = [];
    private readonly Task _work;
    private ulong _lastSeq;
    private long _waitingBytes;
    private long _taken;
    private long _acknowledged;
    private long _lost;

    private EventStreamer(
        RunId run, ChannelReader<SensorEvent> events, OrchestratorClient client, RunnerSettings settings, ILoggerFactory logs, TimeProvider time)
    {
        (_run, _events, _client, _settings, _time) = (run, events, client, settings, time);
        _log = logs.CreateLogger<EventStreamer>();
        _retry = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<OrchestratorException>(e => e.IsTransient),
            MaxRetryAttempts = settings.Timings.EventsTries - 1,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = settings.Timings.EventsRetryDelay,
            OnRetry = retry =>
            {
                _log.EventsFailed(retry.Outcome.Exception!.Message, retry.RetryDelay);
                return default;
            },
        }).Build();
        _work = Task.WhenAll(CollectAsync(_abort.Token), SendAsync(_abort.Token));
    }

    /// <summary>Events that were handed over and are neither acknowledged nor lost.</summary>
    public int Queued =>
        (int)Math.Clamp(Interlocked.Read(ref _taken) - Interlocked.Read(ref _acknowledged) - Interlocked.Read(ref _lost), 0, int.MaxValue);

    /// <summary>Begins to carry events; they are read until the channel is completed.</summary>
    public static EventStreamer Start(
        RunId run, ChannelReader<SensorEvent> events, OrchestratorClient client, RunnerSettings settings, ILoggerFactory logs, TimeProvider time) =>
        new(run, events, client, settings, logs, time);

    /// <summary>Waits until the channel is completed and all has been sent. What is left when the budget is used up is lost, and counted.</summary>
    public async Task<StreamTotals> FinishAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        string? fault = null;
        using (var elapsed = new CancellationTokenSource(budget, _time))
        using (elapsed.Token.Register(_abort.Cancel))
        using (cancellationToken.Register(_abort.Cancel))
        {
            try
            {
                await _work;
            }
            catch (OperationCanceledException) when (_abort.IsCancellationRequested)
            {
                _log.FlushCutShort(Words.Of(budget), Queued);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                _log.StreamBroke(e);
                fault = e.Message;
            }
        }

        while (_events.TryRead(out _)) _taken++;
        _lost = _taken - _acknowledged;
        return new StreamTotals(_acknowledged, _lost, _byPhase, fault);
    }

    public async ValueTask DisposeAsync()
    {
        await _abort.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var batch in _spare) batch.Dispose();
        _abort.Dispose();
    }

    private async Task CollectAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await _events.WaitToReadAsync(cancellationToken))
            {
                while (Interlocked.Read(ref _waitingBytes) >= _settings.QueuedBytes) await _room.WaitAsync(cancellationToken);
                await FillAsync(cancellationToken);
            }
        }
        finally
        {
            _batches.Writer.TryComplete();
        }
    }

    // Makes one batch, or two where an event did not fit into the first any more.
    private async Task FillAsync(CancellationToken cancellationToken)
    {
        CancellationTokenSource? due = null; // only made when the channel runs empty, which under load it does not
        EventBatch? batch = null;
        try
        {
            while (true)
            {
                while (_events.TryRead(out var e))
                {
                    Interlocked.Increment(ref _taken);
                    if (!EventBatch.Fits(e.Payload.Length, _settings.BatchBytes))
                    {
                        Interlocked.Increment(ref _lost);
                        _log.EventTooLarge(e.Payload.Length);
                        continue;
                    }

                    if (batch is not null && !batch.HasRoom(e.Payload.Length, _settings.BatchBytes)) batch = Seal(batch);
                    batch ??= Open();
                    batch.Add(e);
                    if (batch.Count == _settings.BatchEvents) return;
                }

                if (batch is null) return;
                due ??= new CancellationTokenSource(_settings.Timings.BatchDelay, _time);
                if (!await WaitForMoreAsync(due.Token, cancellationToken)) return;
            }
        }
        finally
        {
            if (batch is not null) Seal(batch);
            due?.Dispose();
        }
    }

    private async Task<bool> WaitForMoreAsync(CancellationToken due, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(due, cancellationToken);
        try
        {
            return await _events.WaitToReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false; // the batch is due
        }
    }

    private EventBatch Open()
    {
        var batch = _spare.TryTake(out var used) ? used : new EventBatch();
        batch.Open(_run, ++_lastSeq);
        return batch;
    }

    private EventBatch? Seal(EventBatch batch)
    {
        batch.Close();
        Interlocked.Add(ref _waitingBytes, batch.Json.Length);
        _batches.Writer.TryWrite(batch);
        return null;
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        var request = new List<EventBatch>();
        while (await _batches.Reader.WaitToReadAsync(cancellationToken))
        {
            var bytes = 0;
            while (bytes < RequestBytes && _batches.Reader.TryRead(out var batch))
            {
                request.Add(batch);
                bytes += batch.Json.Length;
            }

            await DeliverAsync(request, cancellationToken);
            request.Clear();
            Interlocked.Add(ref _waitingBytes, -bytes);
            _room.Set();
        }
    }

    private async Task DeliverAsync(List<EventBatch> request, CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<ReadOnlyMemory<byte>> json = [.. request.Select(batch => batch.Json)];
            await _retry.ExecuteAsync(async ct => await _client.PostEventsAsync(_run, json, ct), cancellationToken);
            foreach (var batch in request) Acknowledge(batch);
        }
        catch (OrchestratorException e) when (request.Count > 1 && e.Status is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge)
        {
            // One of them is refused, and the answer does not say which: the others must not be lost with it. What was stored is only acknowledged again.
            foreach (var batch in request) await DeliverAsync([batch], cancellationToken);
        }
        catch (OrchestratorException e)
        {
            foreach (var batch in request)
            {
                Interlocked.Add(ref _lost, batch.Count);
                _log.BatchLost(batch.Seq, batch.Count, e.Message);
            }
        }
    }

    private void Acknowledge(EventBatch batch)
    {
        Interlocked.Add(ref _acknowledged, batch.Count);
        foreach (var (phase, count) in batch.ByPhase)
        {
            var name = phase.Length > 0 ? phase : OutsidePhases;
            _byPhase[name] = _byPhase.GetValueOrDefault(name) + count;
        }

        // Only after an acknowledgement is it certain that nothing reads the buffer any more: a request that failed may still be going out.
        if (batch.IsWorthKeeping) _spare.Add(batch);
        else batch.Dispose();
    }
}
