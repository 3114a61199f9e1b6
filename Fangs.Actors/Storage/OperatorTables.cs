using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage.Queries;
using Fangs.Protocol;

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

    /// <summary>Puts a package on the watch list, and notes in the same transaction what is to become of its latest release, so that the watcher cannot come between.</summary>
    /// <param name="package">The package.</param>
    /// <param name="latest">Its latest release; null when that is not known.</param>
    /// <param name="run">The run that is to scan it, before the orchestrator is asked: should it never be, the watcher does. Null when it is not to be scanned.</param>
    /// <returns>False when it was there already; nothing is changed then.</returns>
    /// <exception cref="DbException">Nothing is stored.</exception>
    public bool Watch(string package, ReleaseFacts? latest, RunId? run) => Write(now =>
    {
        const string Sql = "INSERT INTO packages (name, added_at) VALUES (@p0, @p1) ON CONFLICT (name) DO NOTHING";
        const string Release =
            """
            INSERT INTO releases (package_name, version, tarball_sha256, tarball_sha1, npm_integrity, published_at, discovered_at, state, run_id)
            VALUES (@p0, @p1, @p2, @p2, @p3, @p4, @p5, @p6, @p7) ON CONFLICT (package_name, version) DO NOTHING
            """;
        if (_session.Execute(Sql, package, now) == 0) return false;
        Audit(now, "package.add", package, []);
        if (latest is null) return true;
        var published = latest.PublishedAt is { } at ? StorageText.Time(at) : null;
        _session.Execute(Release, package, latest.Version, latest.Shasum, latest.Integrity, published, now, run is null ? "" : "queueing", run?.ToString() ?? "");
        if (run is null) MarkSeen(now, package, latest.Version, run);
        return true;
    });

    /// <summary>Notes that the orchestrator has accepted the scan of the release that <see cref="Watch"/> has noted.</summary>
    /// <param name="package">The package.</param>
    /// <param name="version">The release.</param>
    /// <param name="run">The run that scans it.</param>
    /// <exception cref="DbException">Nothing is stored; the watcher finds out by itself.</exception>
    public void Queued(string package, string version, RunId run) => Write(now =>
    {
        _session.Execute("UPDATE releases SET state = 'queued', run_id = @p2 WHERE package_name = @p0 AND version = @p1 AND state = 'queueing'", package, version, run.ToString());
        return MarkSeen(now, package, version, run);
    });

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

    private bool MarkSeen(string now, string package, string version, RunId? run)
    {
        // Removed meanwhile by somebody else: then there is nothing to note.
        if (_session.Execute("UPDATE packages SET last_seen_version = @p1 WHERE name = @p0", package, version) == 0) return false;
        var detail = new JsonObject { ["version"] = version };
        if (run is { } id) detail["run_id"] = id.ToString();
        Audit(now, "release.take_up", package, detail);
        return true;
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
