using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Fangs.Protocol;
using Fangs.Runner.Sensor;

namespace Fangs.Tests.Runner.Agent;

/// <summary>A sensor whose events the test makes.</summary>
internal sealed class FakeSensor : ISensor
{
    public ConcurrentDictionary<RunId, FakeSession> Sessions { get; } = new();

    public Exception? Refusal { get; set; }

    public ISensorSession Arm(SensorTarget target) =>
        Refusal is { } e ? throw e : Sessions[target.Run] = new FakeSession(target);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

internal sealed class FakeSession(SensorTarget target) : ISensorSession
{
    private readonly Channel<SensorEvent> _events = Channel.CreateUnbounded<SensorEvent>();
    private string _phase = "";
    private ulong _kept;

    public SensorTarget Target => target;

    public ulong Lost { get; set; }

    public ulong Stranded { get; set; }

    public bool IsDisposed { get; private set; }

    public Func<CancellationToken, Task>? OnDrain { get; set; }

    public ConcurrentQueue<(string Phase, string Nonce)> Expected { get; } = new();

    public ChannelReader<SensorEvent> Events => _events.Reader;

    public SensorCounters Counters => new(_kept + Lost, _kept + Stranded, 0, Lost, _kept);

    public void ExpectPhase(string phase, string nonce)
    {
        Expected.Enqueue((phase, nonce));
        _phase = phase;
    }

    public void Emit(string payload, byte type = EventType.Exec)
    {
        _kept++;
        _events.Writer.TryWrite(new SensorEvent(type, Encoding.UTF8.GetBytes(payload), _phase));
    }

    public void Break(Exception e) => _events.Writer.TryComplete(e);

    public async Task<SensorCounters> DrainAsync(CancellationToken cancellationToken)
    {
        if (OnDrain is { } hook) await hook(cancellationToken);
        _events.Writer.TryComplete();
        return Counters;
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }
}
