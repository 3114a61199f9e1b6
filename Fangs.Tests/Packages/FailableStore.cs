using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Tests.Packages;

/// <summary>A store whose writes fail for a while.</summary>
internal sealed class FailableStore(IAnalysisStore store) : IAnalysisStore
{
    private int _attempts;

    public int Attempts => Volatile.Read(ref _attempts);

    public int Failures { get; set; }

    public int DueFailures { get; set; }

    public int ExpiryFailures { get; set; }

    public Task<PackageBasis?> LoadAsync(RunId run, BasisScope scope) => store.LoadAsync(run, scope);

    public Task<bool> SaveAsync(PackageChange change, IReadOnlyList<RunId> due)
    {
        var isDown = Failures > 0;
        if (isDown) Failures--;
        Interlocked.Increment(ref _attempts);
        return isDown ? Task.FromException<bool>(new StorageException("the disk is full")) : store.SaveAsync(change, due);
    }

    public Task UpgradeBaselineAsync(string package) => store.UpgradeBaselineAsync(package);

    public Task<PackageRun?> FindRunAsync(RunId run) => store.FindRunAsync(run);

    public Task<PackageRun?> FindDeviationAsync(string deviationId) => store.FindDeviationAsync(deviationId);

    public Task<IReadOnlyList<PackageRun>> DueAsync(string? package, RunId after, int limit)
    {
        if (DueFailures == 0) return store.DueAsync(package, after, limit);
        DueFailures--;
        return Task.FromException<IReadOnlyList<PackageRun>>(new StorageException("the disk is gone"));
    }

    public Task<IReadOnlyList<PackageRun>> WaitingAsync(string? package) => store.WaitingAsync(package);

    public Task<IReadOnlyList<PackageRun>> HiddenByAsync(string allowId) => store.HiddenByAsync(allowId);

    public Task<StoredAllowEntry?> FindAllowAsync(string id) => store.FindAllowAsync(id);

    public Task<StoredAllowEntry?> FindAllowAsync(AllowEntry entry) => store.FindAllowAsync(entry);

    public Task<bool> AddAllowAsync(NewAllowEntry entry, AuditEntry audit, IReadOnlyList<AffectedRun> affected) => store.AddAllowAsync(entry, audit, affected);

    public Task<bool> RemoveAllowAsync(string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected) => store.RemoveAllowAsync(id, audit, affected);

    public Task<IReadOnlyList<StoredAllowEntry>> ExpiredAllowAsync(DateTimeOffset now)
    {
        if (ExpiryFailures == 0) return store.ExpiredAllowAsync(now);
        ExpiryFailures--;
        return Task.FromException<IReadOnlyList<StoredAllowEntry>>(new StorageException("the disk is gone"));
    }

    public Task<bool> ExpireAllowAsync(string id, AuditEntry audit, IReadOnlyList<AffectedRun> affected) => store.ExpireAllowAsync(id, audit, affected);

    public Task<long?> ReadEventsAsync(RunId run, Action<IReadOnlyList<StoredEvent>> visit) => store.ReadEventsAsync(run, visit);

    public Task<bool> ReplaceFingerprintsAsync(RunId run, Recomputed recomputed, AuditEntry audit) => store.ReplaceFingerprintsAsync(run, recomputed, audit);

    public Task AddAuditAsync(AuditEntry audit) => store.AddAuditAsync(audit);
}
