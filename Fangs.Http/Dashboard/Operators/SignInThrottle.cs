using System.Net;

namespace Fangs.Http.Dashboard.Operators;

/// <summary>Limits how often somebody may try to sign in: a few attempts at once, then one every so often, for each address and for all together.</summary>
/// <param name="clock">The time.</param>
public sealed class SignInThrottle(TimeProvider clock)
{
    private const int MaxAddresses = 10_000;
    private const int OfAddress = 5;
    private const int OfAll = 50;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, Queue<long>> _failures = [];
    private readonly Queue<long> _all = [];

    /// <summary>How long an address has to wait before its next attempt; zero when it need not.</summary>
    public TimeSpan WaitOf(IPAddress address)
    {
        lock (_gate)
        {
            var own = _failures.TryGetValue(address, out var queue) ? WaitOf(queue, OfAddress) : TimeSpan.Zero;
            var all = WaitOf(_all, OfAll);
            return own > all ? own : all;
        }
    }

    /// <summary>Notes an attempt that failed.</summary>
    public void Failed(IPAddress address)
    {
        lock (_gate)
        {
            if (!_failures.TryGetValue(address, out var queue))
            {
                if (_failures.Count >= MaxAddresses) _failures.Clear(); // the limit for all together still holds
                _failures[address] = queue = new Queue<long>();
            }

            queue.Enqueue(clock.GetTimestamp());
            _all.Enqueue(clock.GetTimestamp());
        }
    }

    private TimeSpan WaitOf(Queue<long> failures, int most)
    {
        while (failures.TryPeek(out var first) && clock.GetElapsedTime(first) > Window) failures.Dequeue();
        return failures.Count < most ? TimeSpan.Zero : Window - clock.GetElapsedTime(failures.Peek()) + TimeSpan.FromSeconds(1);
    }
}
