using Fangs.Protocol;

namespace Fangs.Actors.Watching;

/// <summary>Settings of the watcher.</summary>
public sealed record WatchSettings
{
    /// <summary>Whether watched packages are polled at all.</summary>
    public bool IsOn { get; init; }

    /// <summary>Finds the registry. Asked with the first poll and again until it succeeds, because npm itself may have to be asked.</summary>
    public Func<CancellationToken, Task<Uri>> Registry { get; init; } =
        _ => Task.FromException<Uri>(new RegistryException("no registry is configured", retryAfter: null, isPermanent: true));

    /// <summary>Between two polls of one package.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Between two looks at the table of watched packages, and at what is due.</summary>
    public TimeSpan TableInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Polls at a time.</summary>
    public int Concurrency { get; init; } = 4;

    /// <summary>Scans that one poll of a package queues at most; the rest waits for the next polls.</summary>
    public int MaxPerPoll { get; init; } = 10;

    /// <summary>By which part of itself each wait is made longer or shorter at random, so that packages do not stay in step.</summary>
    public double Jitter { get; init; } = 0.1;

    /// <summary>Longest wait after failures.</summary>
    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Longest wait that a registry may ask for with Retry-After.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long a package that was just added is left alone, so that <c>package add</c>, which queues the first scan itself, has done so and that
    /// scan is found.
    /// </summary>
    public TimeSpan AddGrace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a release that somebody else recorded may go without a scan before the watcher queues one.</summary>
    public TimeSpan RecordGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Limit of one request to the registry, its body included.</summary>
    public TimeSpan RequestLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Largest body of an answer, unpacked.</summary>
    public long MaxBodyBytes { get; init; } = 64L << 20;

    /// <summary>Largest single value in a body; only that much of a body is ever in memory.</summary>
    public int MaxTokenBytes { get; init; } = 8 << 20;

    /// <summary>How long the job queue may take to answer.</summary>
    public TimeSpan QueueLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Upper bound of each scan.</summary>
    public TimeSpan ScanDuration { get; init; } = StandardScan.Duration;

    /// <summary>Path prefixes that each scan watches.</summary>
    public IReadOnlyList<WatchedPath> WatchedPaths { get; init; } = DefaultWatchedPaths.All;

    /// <summary>Sent to the registry.</summary>
    public string UserAgent { get; init; } = "fangs";
}
