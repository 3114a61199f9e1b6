using System.Threading.Channels;
using Fangs.Runner.Bpf;

namespace Fangs.Runner.Sensor;

/// <summary>The recording of one run. Records come in on the sensor's reader thread, events go out through a bounded channel.</summary>
internal sealed class EbpfSession : ISensorSession
{
    private const int QueuedEvents = 65_536;

    // A probe that was running when recording stopped may still write its record.
    private static readonly TimeSpan ProbesFinishWithin = TimeSpan.FromMilliseconds(20);

    private readonly EbpfSensor _sensor;
    private readonly PhaseTracker _phases = new();
    private readonly RecordDecoder _decoder;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<SensorEvent> _events = Channel.CreateBounded<SensorEvent>(
        new BoundedChannelOptions(QueuedEvents) { SingleWriter = true, SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private ulong _received;
    private ulong _overflowed;
    private volatile bool _isStopping;
    private SensorCounters? _final;

    internal EbpfSession(EbpfSensor sensor, uint id, uint slot, ulong cgroup, SensorTarget target, IReadOnlyList<BpfLink> links)
    {
        (_sensor, Id, Slot, Cgroup, Target, Links) = (sensor, id, slot, cgroup, target, links);
        _decoder = new RecordDecoder(target.Run, _phases, new CredentialPaths(target.WatchedPaths));
    }

    /// <inheritdoc/>
    public ChannelReader<SensorEvent> Events => _events.Reader;

    /// <inheritdoc/>
    public SensorCounters Counters
    {
        get
        {
            if (_final is { } final) return final;
            var (seen, kept, filtered, lost) = _sensor.ReadCounters(Slot);
            return new SensorCounters(seen, kept, filtered, lost + Volatile.Read(ref _overflowed), Volatile.Read(ref _received));
        }
    }

    internal uint Id { get; }

    internal uint Slot { get; }

    internal ulong Cgroup { get; }

    internal SensorTarget Target { get; }

    internal IReadOnlyList<BpfLink> Links { get; }

    /// <inheritdoc/>
    public void ExpectPhase(string phase, string nonce) => _phases.Expect(phase, nonce);

    /// <inheritdoc/>
    public async Task<SensorCounters> DrainAsync(CancellationToken cancellationToken)
    {
        if (_final is { } done) return done;
        _sensor.Stop(this);
        await Task.Delay(ProbesFinishWithin, TimeProvider.System, cancellationToken);
        _isStopping = true;
        await _drained.Task.WaitAsync(cancellationToken);
        Close();
        return _final!.Value;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Close();
        _decoder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Takes a record; on the reader thread.</summary>
    internal void OnRecord(ReadOnlySpan<byte> record)
    {
        _received++;
        if (_decoder.Decode(record) is { } e && !_events.Writer.TryWrite(e)) _overflowed++;
    }

    /// <summary>Finds out whether everything that was kept has come; on the reader thread, after each round.</summary>
    internal void CheckDrained()
    {
        if (_isStopping && _sensor.ReadCounters(Slot).Kept == _received) _drained.TrySetResult();
    }

    private void Close()
    {
        if (_final is not null) return;
        _final = Counters;
        _sensor.Remove(this);
        _events.Writer.TryComplete();
    }
}
