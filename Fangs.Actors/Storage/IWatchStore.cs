using Fangs.Actors.Watching;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>A watched package as the schedule needs it.</summary>
/// <param name="Name">npm package name.</param>
/// <param name="AddedAt">When it was added.</param>
/// <param name="NextCheckAt">When it is due; null when it was never polled.</param>
/// <param name="FailureCount">Failed polls in a row.</param>
public sealed record WatchListEntry(string Name, DateTimeOffset AddedAt, DateTimeOffset? NextCheckAt, int FailureCount);

/// <summary>A release whose scan is not known to be queued.</summary>
/// <param name="Release">The release.</param>
/// <param name="RunId">The run that it was given when the job queue was asked, whose answer is not known; null when it was not asked.</param>
/// <param name="IsOwn">False for one that somebody else recorded.</param>
/// <param name="DiscoveredAt">When it was recorded.</param>
public sealed record OpenRelease(RegistryRelease Release, RunId? RunId, bool IsOwn, DateTimeOffset DiscoveredAt);

/// <summary>What is known of a watched package before a poll.</summary>
/// <param name="Name">npm package name.</param>
/// <param name="AddedText">When it was added, as stored. Every change is made for this very row and not for a later one of the same name.</param>
/// <param name="Since">When somebody last looked, at the latest when it was added.</param>
/// <param name="LastSeen">The last <c>latest</c> whose scan was queued; empty for none.</param>
/// <param name="Latest">What the registry called latest; empty when never polled.</param>
/// <param name="ETag">The registry's tag of what is recorded; empty for none.</param>
/// <param name="IsComplete">Whether every version of the registry is recorded, so that others are new.</param>
/// <param name="FailureCount">Failed polls in a row.</param>
/// <param name="Open">Releases whose scan is not known to be queued.</param>
public sealed record PackageMemory(
    string Name, string AddedText, DateTimeOffset Since, string LastSeen, string Latest, string ETag, bool IsComplete, int FailureCount,
    IReadOnlyList<OpenRelease> Open);

/// <summary>What became of a release that was to be given a run.</summary>
public enum ClaimResult
{
    /// <summary>It has the run; the job is to be queued.</summary>
    Claimed,

    /// <summary>There was a run of this release already.</summary>
    HasRun,

    /// <summary>It is skipped, or gone.</summary>
    Dropped,
}

/// <summary>What a successful poll leaves.</summary>
/// <param name="ETag">The registry's tag.</param>
/// <param name="Latest">What the registry calls latest.</param>
/// <param name="NextCheckAt">When the package is due.</param>
public sealed record PollSuccess(string ETag, string Latest, DateTimeOffset NextCheckAt);

/// <summary>Watched packages and their releases. Every method is one transaction; all are idempotent, and none does anything for a package that is gone.</summary>
public interface IWatchStore
{
    /// <summary>All watched packages, by name.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<IReadOnlyList<WatchListEntry>> ListAsync();

    /// <summary>What is known of a package; null when it is not watched.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<PackageMemory?> LoadAsync(string package);

    /// <summary>The versions that are recorded.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<IReadOnlySet<string>> KnownVersionsAsync(string package);

    /// <summary>Records new versions: to be scanned, skipped, or, when there is a run of one already, as queued.</summary>
    /// <returns>False when the package is gone.</returns>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<bool> RecordAsync(PackageMemory package, IReadOnlyList<FoundRelease> found);

    /// <summary>Gives releases that are to be scanned their runs, before the job queue is asked.</summary>
    /// <returns>One result per claim, in order.</returns>
    /// <exception cref="StorageException">The database fails.</exception>
    Task<IReadOnlyList<ClaimResult>> ClaimAsync(PackageMemory package, IReadOnlyList<(string Version, RunId RunId)> claims);

    /// <summary>Notes that the job queue has the jobs of releases, or had them.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task MarkQueuedAsync(PackageMemory package, IReadOnlyList<string> versions);

    /// <summary>Notes a successful poll. The last seen version moves to the latest when that is queued or skipped.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task SucceedAsync(PackageMemory package, PollSuccess success);

    /// <summary>Notes a failed poll.</summary>
    /// <exception cref="StorageException">The database fails.</exception>
    Task FailAsync(PackageMemory package, string error, DateTimeOffset nextCheckAt);
}
