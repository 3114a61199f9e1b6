using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>What a read of a run for judging includes.</summary>
/// <param name="MinRuns">How many runs must agree to become a baseline; the others are read while there is none.</param>
/// <param name="WithContributions">Whether the run's part in the baseline is read in any case.</param>
public readonly record struct BasisScope(int MinRuns, bool WithContributions = false);

/// <summary>A run and its package.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Package">The package; empty for none.</param>
public readonly record struct PackageRun(RunId RunId, string Package);

/// <summary>A run that a change of the allow list concerns.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Package">Its package.</param>
/// <param name="Deviations">How many of its deviations become hidden, or are shown again.</param>
public readonly record struct AffectedRun(RunId RunId, string Package, int Deviations);

/// <summary>An entry of the allow list to be stored.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Entry">What it allows.</param>
/// <param name="Note">Why.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="CreatedBy">By whom.</param>
/// <param name="ExpiresAt">When it stops to count; null for never.</param>
public sealed record NewAllowEntry(string Id, AllowEntry Entry, string Note, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? ExpiresAt);

/// <summary>An event as it is stored.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">Type number; 0 for one that is not known.</param>
/// <param name="Payload">JSON in UTF-8.</param>
public readonly record struct StoredEvent(long Id, byte Type, ReadOnlyMemory<byte> Payload);

/// <summary>What a run's stored events say, computed again.</summary>
/// <param name="Fingerprints">What it did; <see cref="FingerprintTally.FirstEvent"/> is an id.</param>
/// <param name="SawExec">Whether a program other than the sandbox's own was executed.</param>
/// <param name="Batches">Batches at the time; when more have come, nothing is stored.</param>
public sealed record Recomputed(IReadOnlyDictionary<Fingerprint, FingerprintTally> Fingerprints, bool SawExec, long Batches);

/// <summary>Baselines, deviations, allow list and audit log. Reading never waits for writing; every method that writes is one transaction.</summary>
public interface IAnalysisStore
{
    /// <summary>Reads all that judging a run needs, as it is at one moment; null when there is no such run.</summary>
    /// <exception cref="StorageException">The database fails, or a part of it cannot be read: the allow list included.</exception>
    Task<PackageBasis?> LoadAsync(RunId run, BasisScope scope);

    /// <summary>Stores what an analysis or a decision changes.</summary>
    /// <param name="change">The change.</param>
    /// <param name="due">Runs that have to be judged again because of it.</param>
    /// <returns>False when its basis has changed meanwhile; nothing is stored then.</returns>
    /// <exception cref="StorageException">Nothing was stored.</exception>
    Task<bool> SaveAsync(PackageChange change, IReadOnlyList<RunId> due);

    /// <summary>Brings the values of a package's baseline that were stored under older rules into today's form; those that become equal become one.</summary>
    /// <exception cref="StorageException">Nothing was stored.</exception>
    Task UpgradeBaselineAsync(string package);

    /// <summary>Package of a run; null when there is no such run.</summary>
    Task<PackageRun?> FindRunAsync(RunId run);

    /// <summary>Run and package of a deviation; null when there is no such deviation.</summary>
    Task<PackageRun?> FindDeviationAsync(string deviationId);

    /// <summary>Runs that have ended and wait to be judged, oldest first.</summary>
    /// <param name="package">Only of this package; null for all.</param>
    /// <param name="after">Only runs with a greater id.</param>
    /// <param name="limit">At most this many.</param>
    Task<IReadOnlyList<PackageRun>> DueAsync(string? package, RunId after, int limit);

    /// <summary>Runs with an open deviation or a note, oldest first.</summary>
    /// <param name="package">Only of this package; null for all.</param>
    Task<IReadOnlyList<PackageRun>> WaitingAsync(string? package);

    /// <summary>Runs from which an entry of the allow list has hidden deviations.</summary>
    Task<IReadOnlyList<PackageRun>> HiddenByAsync(string allowId);

    /// <summary>An entry of the allow list; null when there is none.</summary>
    Task<StoredAllowEntry?> FindAllowAsync(string id);

    /// <summary>The entry that says the same for the same package; null when there is none.</summary>
    Task<StoredAllowEntry?> FindAllowAsync(AllowEntry entry);

    /// <summary>Adds an entry, with its line in the audit log, and marks runs to be judged again.</summary>
    /// <returns>False when there is an equal one.</returns>
    Task<bool> AddAllowAsync(NewAllowEntry entry, AuditEntry audit, IReadOnlyList<AffectedRun> affected);

    /// <summary>Removes an entry, with its line in the audit log, and marks runs to be judged again.</summary>
    /// <returns>False when there is none.</returns>
    Task<bool> RemoveAllowAsync(string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected);

    /// <summary>Entries that have expired by a moment and of which the runs that they concern do not know yet.</summary>
    Task<IReadOnlyList<StoredAllowEntry>> ExpiredAllowAsync(DateTimeOffset now);

    /// <summary>Notes that an entry has expired, with its line in the audit log, and marks runs to be judged again.</summary>
    /// <returns>False when it is gone, or that was noted before.</returns>
    Task<bool> ExpireAllowAsync(string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected);

    /// <summary>Reads the stored events of a run in order, some at a time.</summary>
    /// <param name="run">The run.</param>
    /// <param name="visit">Gets them; the memory is only valid during the call.</param>
    /// <returns>Batches that were read, or null when some of their events are not stored any more.</returns>
    Task<long?> ReadEventsAsync(RunId run, Action<IReadOnlyList<StoredEvent>> visit);

    /// <summary>Replaces a run's fingerprints; it has to be judged again then.</summary>
    /// <returns>False when batches have come in meanwhile; nothing is stored then.</returns>
    Task<bool> ReplaceFingerprintsAsync(RunId run, Recomputed recomputed, AuditEntry audit);

    /// <summary>Adds a line to the audit log for something that changes nothing in these tables.</summary>
    /// <exception cref="StorageException">It was not stored.</exception>
    Task AddAuditAsync(AuditEntry audit);
}
