using System.Threading.Channels;
using Fangs.Protocol;

namespace Fangs.Runner.Sensor;

/// <summary>Records what the processes of a cgroup do. One instance serves all jobs of a runner.</summary>
public interface ISensor : IAsyncDisposable
{
    /// <summary>Starts recording for one run.</summary>
    /// <exception cref="Bpf.BpfException">The kernel refuses.</exception>
    ISensorSession Arm(SensorTarget target);
}

/// <summary>What one run wants recorded.</summary>
/// <param name="Run">Goes into the header of each event.</param>
/// <param name="CgroupPath">Absolute path of the cgroup v2 directory.</param>
/// <param name="WatchedPaths">File events are kept when the longest matching prefix is one of these.</param>
/// <param name="FromFirstExec">True for sandboxes: the runtime's own set-up before the first exec in the cgroup is left out.</param>
public sealed record SensorTarget(RunId Run, string CgroupPath, IReadOnlyList<WatchedPath> WatchedPaths, bool FromFirstExec);

/// <summary>One event, ready for the wire.</summary>
/// <param name="Type">A number of <see cref="EventType"/>.</param>
/// <param name="Payload">The payload object as UTF-8 JSON.</param>
/// <param name="Phase">The phase in which it happened; empty outside a phase.</param>
public readonly record struct SensorEvent(byte Type, ReadOnlyMemory<byte> Payload, string Phase);

/// <summary>How a session fared. Drained means <c>Received == Kept</c>.</summary>
/// <param name="Seen">Records that the probes made.</param>
/// <param name="Kept">Records that went into the ring buffer.</param>
/// <param name="Filtered">Records outside the watched paths.</param>
/// <param name="Lost">Records for which the ring buffer, or the session's own queue, had no room.</param>
/// <param name="Received">Records that user space took out of the ring buffer.</param>
public readonly record struct SensorCounters(ulong Seen, ulong Kept, ulong Filtered, ulong Lost, ulong Received);

/// <summary>The recording of one run.</summary>
public interface ISensorSession : IAsyncDisposable
{
    /// <summary>The events in the order in which the kernel made them. Bounded; what does not fit is counted as lost. Completed by <see cref="DrainAsync"/>.</summary>
    ChannelReader<SensorEvent> Events { get; }

    /// <summary>Counts so far.</summary>
    SensorCounters Counters { get; }

    /// <summary>
    /// Expects a phase: it begins with the exec of any program whose arguments are <c>fangs-phase {nonce} {phase}</c>
    /// (argv[1], argv[2], argv[3]). A nonce counts once. Events after it, until the next mark, carry the phase.
    /// </summary>
    void ExpectPhase(string phase, string nonce);

    /// <summary>Stops recording, waits until all that was kept has been received, and completes <see cref="Events"/>.</summary>
    Task<SensorCounters> DrainAsync(CancellationToken cancellationToken);
}
