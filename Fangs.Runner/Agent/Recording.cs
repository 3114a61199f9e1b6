using System.Diagnostics;
using Fangs.Runner.Sensor;
using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Agent;

/// <summary>What a recording brought.</summary>
/// <param name="Stream">What became of the events that the sensor handed over.</param>
/// <param name="SensorLost">Events that the sensor lost before that.</param>
/// <param name="Fault">Why the recording is not what it should be; null when it is.</param>
internal sealed record RecordingTotals(StreamTotals Stream, ulong SensorLost, string? Fault);

/// <summary>The sensor session of one run and the stream that carries its events away. It outlives the sandbox.</summary>
internal sealed class Recording(ISensorSession session, EventStreamer streamer, AgentTimings timings, ILogger log, TimeProvider time)
    : IAsyncDisposable
{
    private const string BeforePhases = "before the first phase";
    private volatile string _phase = BeforePhases;
    private Activity? _phaseSpan;

    /// <summary>The phase in progress, in words for reasons.</summary>
    public string Where => _phase == BeforePhases ? BeforePhases : $"phase {_phase}";

    /// <summary>Announces a phase to the sensor.</summary>
    public void ExpectPhase(string phase, string nonce)
    {
        session.ExpectPhase(phase, nonce);
        _phase = phase;
        _phaseSpan?.Dispose();
        _phaseSpan = Traces.Open(phase);
    }

    /// <summary>Stops recording, takes over what is under way and sends it.</summary>
    /// <param name="budget">How long sending may take.</param>
    /// <param name="abort">Gives up; what is left counts as lost.</param>
    public async Task<RecordingTotals> FinishAsync(TimeSpan budget, CancellationToken abort)
    {
        _phaseSpan?.Dispose();
        var (counters, fault) = await DrainAsync(abort);
        using var upload = Traces.Step("upload");
        var stream = await streamer.FinishAsync(budget, abort);
        // Kept but never received: it stayed in the ring buffer when the drain was cut short.
        var stranded = counters.Kept > counters.Received ? counters.Kept - counters.Received : 0;
        return new RecordingTotals(stream, counters.Lost + stranded, fault ?? stream.Fault);
    }

    public async ValueTask DisposeAsync()
    {
        await streamer.DisposeAsync();
        try
        {
            await session.DisposeAsync();
        }
        catch (Exception e)
        {
            log.RecordingBroke(e); // the run's events are out already: its result is not touched by this
        }
    }

    private async Task<(SensorCounters Counters, string? Fault)> DrainAsync(CancellationToken abort)
    {
        using var span = Traces.Step("drain");
        using var elapsed = new CancellationTokenSource(timings.DrainBudget, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(abort, elapsed.Token);
        try
        {
            return (await session.DrainAsync(either.Token).WaitAsync(either.Token), null);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            log.DrainCutShort(Words.Of(timings.DrainBudget));
            return (session.Counters, null); // what is missing shows in the counts
        }
        catch (Exception e)
        {
            log.RecordingBroke(e);
            return (session.Counters, e.Message);
        }
    }
}
