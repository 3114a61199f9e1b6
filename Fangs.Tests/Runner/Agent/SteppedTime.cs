using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Runner.Agent;

/// <summary>A clock that stands still until told, and that tells which timers wait for it. So a test never advances before the timer is set.</summary>
internal sealed class SteppedTime : FakeTimeProvider
{
    private readonly ConcurrentDictionary<Timer, TimeSpan> _live = new();
    private readonly Watch _watch = new();

    public IEnumerable<TimeSpan> Waiting => _live.Values.Where(due => due != Timeout.InfiniteTimeSpan);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this);
        timer.Inner = base.CreateTimer(
            s =>
            {
                _live.TryRemove(timer, out _);
                callback(s);
            },
            state,
            dueTime,
            period);
        timer.Note(dueTime);
        return timer;
    }

    /// <summary>Waits until a timer is set whose span the condition accepts, and returns that span.</summary>
    public async Task<TimeSpan> UntilTimerAsync(Func<TimeSpan, bool> condition)
    {
        await _watch.UntilAsync(() => Waiting.Any(condition));
        return Waiting.First(condition);
    }

    public Task UntilTimerAsync(TimeSpan due) => UntilTimerAsync(other => other == due);

    /// <summary>Waits for such a timer and lets its time pass.</summary>
    public async Task PassAsync(TimeSpan due)
    {
        await UntilTimerAsync(due);
        Advance(due);
    }

    public Task UntilNoTimerAsync(TimeSpan due) => _watch.UntilAsync(() => !Waiting.Contains(due));

    private sealed class Timer(SteppedTime owner) : ITimer
    {
        public ITimer Inner { get; set; } = null!;

        public void Note(TimeSpan due)
        {
            owner._live[this] = due;
            owner._watch.Notify();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Note(dueTime);
            return Inner.Change(dueTime, period);
        }

        public void Dispose()
        {
            owner._live.TryRemove(this, out _);
            owner._watch.Notify();
            Inner.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
