using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Watching;

/// <summary>What a poll came to.</summary>
/// <param name="Result">What it found and queued; null when it failed.</param>
/// <param name="Error">Why it failed; empty otherwise.</param>
/// <param name="IsWatched">False when the package is not watched (any more).</param>
/// <param name="NextCheckAt">When the package is due.</param>
/// <param name="RegistryPause">How long the registry asked to be left alone by everybody; null when it did not.</param>
public sealed record PollOutcome(PackageCheckResponse? Result, string Error, bool IsWatched, DateTimeOffset NextCheckAt, TimeSpan? RegistryPause)
{
    /// <summary>The package is not watched.</summary>
    public static readonly PollOutcome Gone = new(null, "", false, default, null);
}

/// <summary>One poll of one package: ask the registry, record what is new, queue the oldest of what waits. Holds no state between polls.</summary>
/// <remarks>
/// <para>
/// A release is scanned exactly once, whenever the process dies, by these steps, each durable before the next begins: it is recorded as
/// <c>waiting</c>; it is given a run id and becomes <c>queueing</c>; the job of that run is queued; it becomes <c>queued</c>; the last seen version
/// and the registry's tag move. A release found in <c>queueing</c> is one whose job may or may not have been queued: the queue and the runs are
/// asked for its run id, and only what neither knows is queued again, under the same id.
/// </para>
/// <para>
/// The run id is random and linked by a column rather than computed from package and version: ids begin with their time so that they sort, a package
/// that was removed and added again may be scanned again, and a run that is lost is repeated under a new id in any case.
/// </para>
/// </remarks>
public sealed class PackagePoll(IWatchStore store, RegistryClient registry, IScanQueue queue, WatchSettings settings, TimeProvider clock)
{
    // A first poll may find thousands of versions. The store has one writer, which others wait for.
    private const int RecordedAtOnce = 250;

    // A queue that does not answer is this process's own trouble and soon over.
    private static readonly TimeSpan QueueRetry = TimeSpan.FromSeconds(30);

    /// <summary>Polls a package. Failures of the registry and of the queue are outcomes, noted with the package.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<PollOutcome> RunAsync(string package, CancellationToken cancellationToken)
    {
        if (await store.LoadAsync(package) is not { } memory) return PollOutcome.Gone;
        try
        {
            return await RunAsync(memory, cancellationToken);
        }
        catch (RegistryException e)
        {
            var asked = e.RetryAfter > settings.MaxRetryAfter ? settings.MaxRetryAfter : e.RetryAfter;
            return await FailAsync(memory, e.Message, PollSchedule.AfterFailure(settings, memory.FailureCount + 1, asked, Random.Shared.NextDouble()), asked);
        }
        catch (ScanQueueException e)
        {
            return await FailAsync(memory, e.Message, QueueRetry < settings.Interval ? QueueRetry : settings.Interval, null);
        }
    }

    private async Task<PollOutcome> FailAsync(PackageMemory memory, string error, TimeSpan wait, TimeSpan? registryPause)
    {
        var next = clock.GetUtcNow() + wait;
        await store.FailAsync(memory, error, next);
        return new PollOutcome(null, error, true, next, registryPause);
    }

    private async Task<PollOutcome> RunAsync(PackageMemory memory, CancellationToken cancellationToken)
    {
        if (!ScanRules.IsPackageName(memory.Name)) throw new RegistryException("this is not the name of an npm package", null, isPermanent: true);
        var answer = await registry.ReadAsync(memory.Name, memory.ETag, cancellationToken);
        IReadOnlyList<FoundRelease> found = [];
        if (answer.Document is { } document)
        {
            found = await DiscoverAsync(memory, document, cancellationToken);
            foreach (var part in found.Chunk(RecordedAtOnce))
                if (!await store.RecordAsync(memory, part)) return PollOutcome.Gone;
            // What was recorded just now may wait, be skipped, or have a run: the store has decided.
            if (found.Count > 0) memory = await store.LoadAsync(memory.Name) is { } now && now.AddedText == memory.AddedText ? now : memory;
        }

        var (queued, waiting) = await QueueAsync(memory);
        var next = clock.GetUtcNow() + PollSchedule.AfterSuccess(settings, Random.Shared.NextDouble());
        var latest = answer.Document?.Latest ?? memory.Latest;
        await store.SucceedAsync(memory, new PollSuccess(answer.ETag, latest, next));
        var result = new PackageCheckResponse
        {
            Package = memory.Name,
            Changed = answer.Document is not null,
            Latest = latest,
            Found = found.Count,
            Skipped = found.Count(f => f.SkipReason.Length > 0),
            Queued = queued,
            Waiting = waiting,
            NextCheck = next,
        };
        return new PollOutcome(result, "", true, next, null);
    }

    private async Task<IReadOnlyList<FoundRelease>> DiscoverAsync(PackageMemory memory, PackageDocument document, CancellationToken cancellationToken)
    {
        var known = await store.KnownVersionsAsync(memory.Name);
        var first = memory.IsComplete ? null : new FirstPoll(memory.Since, memory.LastSeen);
        if (!document.HasTimes && document.Releases.Any(r => !known.Contains(r.Version)))
            document = document.WithTimes(await TimesAsync(memory, cancellationToken));
        return ReleasePlan.Discover(document, known, first);
    }

    // Times are worth one more try after a while, not a release: they order scans, and tell a first poll what is old.
    private async Task<IReadOnlyDictionary<string, DateTimeOffset>> TimesAsync(PackageMemory memory, CancellationToken cancellationToken)
    {
        try
        {
            return await registry.ReadTimesAsync(memory.Name, cancellationToken);
        }
        catch (RegistryException e) when (e.IsPermanent || (memory.FailureCount > 0 && e.RetryAfter is null))
        {
            return new Dictionary<string, DateTimeOffset>();
        }
    }

    private async Task<(IReadOnlyList<QueuedRelease> Queued, int Waiting)> QueueAsync(PackageMemory memory)
    {
        var queued = new List<QueuedRelease>();
        var unsure = ReleasePlan.Next(memory.Open.Where(o => o.RunId is not null), o => o.Release, int.MaxValue);
        if (unsure.Count > 0)
        {
            var known = await queue.KnownAsync([.. unsure.Select(o => o.RunId!.Value)]);
            await store.MarkQueuedAsync(memory, [.. unsure.Where(o => known.Contains(o.RunId!.Value)).Select(o => o.Release.Version)]);
            foreach (var open in unsure.Where(o => !known.Contains(o.RunId!.Value))) await QueueOneAsync(memory, open.Release, open.RunId!.Value, queued);
        }

        var ready = memory.Open.Where(o => o.RunId is null && (o.IsOwn || clock.GetUtcNow() - o.DiscoveredAt >= settings.RecordGrace)).ToList();
        var next = ReleasePlan.Next(ready, o => o.Release, settings.MaxPerPoll - queued.Count);
        var claims = next.Select(o => (o.Release.Version, RunId: RunId.New(clock))).ToList();
        var results = claims.Count > 0 ? await store.ClaimAsync(memory, claims) : [];
        for (var i = 0; i < claims.Count; i++)
            if (results[i] == ClaimResult.Claimed) await QueueOneAsync(memory, next[i].Release, claims[i].RunId, queued);
        return (queued, ready.Count - claims.Count);
    }

    private async Task QueueOneAsync(PackageMemory memory, RegistryRelease release, RunId run, List<QueuedRelease> queued)
    {
        await queue.QueueAsync(StandardScan.JobFor(memory.Name, release.Version, settings.ScanDuration) with
        {
            RunId = run,
            WatchedPaths = settings.WatchedPaths,
            DispatchedAt = clock.GetUtcNow(),
            Integrity = PackageIntegrity.Clean(release.Integrity),
            TarballSha1 = PackageIntegrity.IsSha1(release.TarballSha1) ? release.TarballSha1 : null,
        });
        // At once and not at the end of the poll: should the queue fail with the next one, this one need not be asked for again.
        await store.MarkQueuedAsync(memory, [release.Version]);
        queued.Add(new QueuedRelease(release.Version, run.ToString()));
    }
}
