using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Storage;

/// <summary>A release as the registry describes it.</summary>
/// <param name="Version">Exact version.</param>
/// <param name="Shasum">Digest of the tarball; empty when the registry names none.</param>
/// <param name="Integrity">npm's integrity string; empty when the registry names none.</param>
/// <param name="PublishedAt">When it was published; null when the registry does not tell.</param>
public sealed record ReleaseFacts(string Version, string Shasum, string Integrity, DateTimeOffset? PublishedAt);

/// <summary>Changes of the watch list and of the targets of alerts, which operators make beside a running orchestrator.</summary>
/// <remarks>
/// These two tables are only read by the orchestrator, so no actor has to agree. Each method is one transaction with its entry in the audit
/// log, and waits up to five seconds for the orchestrator's writer. Not for concurrent use.
/// </remarks>
public sealed class OperatorTables : IDisposable
{
    private const string AuditSql = "INSERT INTO audit_log (at, actor, action, subject, detail) VALUES (@p0, @p1, @p2, @p3, @p4)";
    private readonly StoreSession _session;
    private readonly string _actor;
    private readonly TimeProvider _clock;

    private OperatorTables(StoreSession session, string actor, TimeProvider clock) => (_session, _actor, _clock) = (session, actor, clock);

    /// <summary>Opens a database for writing. Never creates or migrates it.</summary>
    /// <param name="target">The database.</param>
    /// <param name="actor">Who makes the changes, for the audit log.</param>
    /// <param name="clock">The time.</param>
    /// <exception cref="StorageReadException">The database is missing, not ours, or of another schema version than this build writes.</exception>
    public static OperatorTables Open(StorageTarget target, string actor, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(target);
        using (var database = ReadOnlyDatabase.Open(target)) database.RequireCurrent();
        return new OperatorTables(target.OpenSession(), actor, clock);
    }

    /// <summary>Puts a package on the watch list.</summary>
    /// <returns>False when it was there already; nothing is changed then.</returns>
    /// <exception cref="DbException">Nothing is stored.</exception>
    public bool Watch(string package) => Write(now =>
    {
        const string Sql = "INSERT INTO packages (name, added_at) VALUES (@p0, @p1) ON CONFLICT (name) DO NOTHING";
        if (_session.Execute(Sql, package, now) == 0) return false;
        Audit(now, "package.add", package, []);
        return true;
    });

    /// <summary>Notes that a release of a watched package has been taken up, so that the watcher goes on from there.</summary>
    /// <param name="package">The package.</param>
    /// <param name="release">The release.</param>
    /// <param name="runId">The run that scans it; null when none does.</param>
    /// <exception cref="DbException">Nothing is stored.</exception>
    public void TakeUp(string package, ReleaseFacts release, string? runId)
    {
        ArgumentNullException.ThrowIfNull(release);
        const string Seen = "UPDATE packages SET last_seen_version = @p1 WHERE name = @p0";
        const string Release =
            """
            INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at)
            VALUES (@p0, @p1, @p2, @p3, @p4, @p5) ON CONFLICT (package_name, version) DO NOTHING
            """;
        Write(now =>
        {
            // Removed meanwhile by somebody else: then there is nothing to note.
            if (_session.Execute(Seen, package, release.Version) == 0) return false;
            var published = release.PublishedAt is { } at ? StorageText.Time(at) : null;
            _session.Execute(Release, package, release.Version, release.Shasum, release.Integrity, published, now);
            var detail = new JsonObject { ["version"] = release.Version };
            if (runId is not null) detail["run_id"] = runId;
            Audit(now, "release.take_up", package, detail);
            return true;
        });
    }

    /// <summary>Takes a package off the watch list, with its recorded releases. Its runs and its baseline stay.</summary>
    /// <returns>False when it was not watched.</returns>
    /// <exception cref="DbException">Nothing is stored.</exception>
    public bool Unwatch(string package) => Write(now =>
    {
        if (_session.Execute("DELETE FROM packages WHERE name = @p0", package) == 0) return false;
        Audit(now, "package.remove", package, []);
        return true;
    });

    /// <summary>Makes a target of alerts, or changes the one of that name.</summary>
    /// <returns>True when it is new.</returns>
    /// <exception cref="DbException">Nothing is stored.</exception>
    public bool SaveNotifier(NotifierTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return Write(now => NotifierTable.Save(_session, target, _actor, now));
    }

    /// <summary>Removes a target of alerts, with the log of its deliveries.</summary>
    /// <returns>False when there is none of that name.</returns>
    /// <exception cref="DbException">Nothing is stored.</exception>
    public bool RemoveNotifier(string name) => Write(now =>
    {
        if (_session.Execute("DELETE FROM notifiers WHERE name = @p0", name) == 0) return false;
        Audit(now, "notifier.remove", name, []);
        return true;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
    }

    private T Write<T>(Func<string, T> work)
    {
        _session.Begin();
        try
        {
            var result = work(StorageText.Time(_clock.GetUtcNow()));
            _session.Commit();
            return result;
        }
        catch
        {
            if (_session.IsInTransaction) _session.Rollback();
            throw;
        }
    }

    private void Audit(string at, string action, string subject, JsonObject detail) =>
        _session.Execute(AuditSql, at, _actor, action, subject, detail.ToJsonString(JsonSerializerOptions.Default));
}
