using System.Runtime.ExceptionServices;

namespace Fangs.Fuzz;

/// <summary>What one input may cost.</summary>
public static class FuzzLimits
{
    /// <summary>Most bytes that may be allocated for one input, and that the process may grow by over all inputs.</summary>
    public const long MaxBytes = 256L << 20;

    /// <summary>Longest time of one input.</summary>
    public static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(1);

    private const int InputsBetweenLooks = 256;
    private static readonly TimeSpan Net = TimeSpan.FromSeconds(10);
    private static long _first;
    private static int _inputs;

    /// <summary>Runs one input on this thread, in a process that does nothing else, and holds it to all limits.</summary>
    /// <param name="target">The target.</param>
    /// <param name="input">The input.</param>
    /// <exception cref="FindingException">A limit was exceeded, or an invariant does not hold.</exception>
    /// <remarks>Any other exception is what the parser threw. Time is the processor time of the process: the machine may be busy with other things.</remarks>
    public static void Run(FuzzTarget target, ReadOnlyMemory<byte> input)
    {
        var time = Environment.CpuUsage.TotalTime;
        RunOnce(target, input);
        time = Environment.CpuUsage.TotalTime - time;
        FindingException.Unless(time <= MaxTime, $"took {time.TotalSeconds:0.0} s of processor time");
        if (_inputs++ % InputsBetweenLooks == 0) LookAtProcess();
    }

    /// <summary>As <see cref="Run"/>, but leaves the time and what the process keeps to the caller.</summary>
    /// <param name="target">The target.</param>
    /// <param name="input">The input.</param>
    /// <exception cref="FindingException">Too much was allocated, or an invariant does not hold.</exception>
    public static void RunOnce(FuzzTarget target, ReadOnlyMemory<byte> input)
    {
        ArgumentNullException.ThrowIfNull(target);
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var run = target.RunAsync(input);
        // Nothing here waits for anything outside, so this is over by now; the net is for mistakes of the target.
        if (!run.IsCompleted && !((IAsyncResult)run).AsyncWaitHandle.WaitOne(Net)) throw new FindingException($"not done after {Net.TotalSeconds} s");
        if (run.Exception is { } failure) ExceptionDispatchInfo.Throw(failure.InnerException!);
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        FindingException.Unless(bytes <= MaxBytes, $"{bytes >> 20} MiB were allocated");
    }

    // What is kept from one input to the next shows here only.
    private static void LookAtProcess()
    {
        var now = Environment.WorkingSet;
        if (_first == 0) _first = now;
        FindingException.Unless(now - _first <= MaxBytes, $"the process has grown by {(now - _first) >> 20} MiB after {_inputs} inputs");
    }
}
