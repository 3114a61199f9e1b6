using Akka.TestKit;

namespace Fangs.Tests;

/// <summary>A clock whose time is that of a test scheduler, so that timers and clock go together.</summary>
internal sealed class SchedulerClock(TestScheduler scheduler) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => scheduler.Now.ToUniversalTime();
}
