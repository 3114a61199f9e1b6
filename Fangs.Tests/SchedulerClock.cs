using Akka.TestKit;

namespace Fangs.Tests;

/// <summary>A clock whose time is that of a test scheduler, so that timers and clock go together.</summary>
internal sealed class SchedulerClock(TestScheduler scheduler) : TimeProvider
{
    /// <summary>Configuration of a test whose time stands still until it is advanced. Only broken actors use up the time for a message.</summary>
    internal const string Config = """
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.test.single-expect-default = 60s
        akka.test.default-timeout = 60s
        """;

    /// <summary>The same with the serializer of the job queue, for tests with a dispatcher.</summary>
    internal const string ConfigWithJobs = Config + """

        akka.actor.serializers.job-queue = "Fangs.Actors.Jobs.JobSerializer, Fangs.Actors"
        akka.actor.serialization-bindings {
          "Fangs.Actors.Jobs.IJobEvent, Fangs.Actors" = job-queue
          "Fangs.Actors.Jobs.JobQueueSnapshot, Fangs.Actors" = job-queue
        }
        """;

    /// <summary>How far the wall clock is set ahead of the time that passes; negative: back.</summary>
    internal TimeSpan Step { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => scheduler.Now.ToUniversalTime() + Step;

    public override long GetTimestamp() => scheduler.Now.UtcTicks;
}
