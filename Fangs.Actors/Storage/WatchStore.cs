using System.Data.Common;
using Fangs.Actors.Watching;
using Fangs.Protocol;

namespace Fangs.Actors.Storage;

/// <summary>Watched packages and their releases in a database.</summary>
public sealed class WatchStore(StoreDatabase database, StoreWriter writer, TimeProvider clock) : IWatchStore
{
    private const int MaxErrorLength = 500;

    private const string ListSql = "SELECT name, added_at, next_check_at, failure_count FROM packages ORDER BY name";

    private const string LoadSql = """
        SELECT name, added_at, last_checked_at, coalesce(last_seen_version, ''), latest_version,
               etag, complete_since, failure_count
        FROM packages WHERE name = @p0
        """;

    private const string OpenSql = """
        SELECT version, npm_integrity, tarball_sha1, published_at, discovered_at,
               run_id, state
        FROM releases WHERE package_name = @p0 AND state IN ('', 'waiting', 'queueing')
        """;

    private const string KnownSql = "SELECT version FROM releases WHERE package_name = @p0";

    private const string IsThereSql = "SELECT 1 FROM packages WHERE name = @p0 AND added_at = @p1";

    // A run that failed is no scan of the release.
    private const string RunOfSql = """
        SELECT id FROM runs WHERE package_name = @p0 AND version = @p1 AND state <> 'failed' ORDER BY started_at DESC NULLS LAST, id DESC LIMIT 1
        """;

    // The SHA-1 goes to upstream's column too: that is what its readers expect there.
    private const string InsertSql = """
        INSERT INTO releases (package_name, version, tarball_sha256, tarball_sha1, npm_integrity, published_at, discovered_at, state, run_id, skip_reason)
        VALUES (@p0, @p1, @p2, @p2, @p3, @p4, @p5, @p6, @p7, @p8)
        ON CONFLICT (package_name, version) DO NOTHING
        """;

    private const string StateSql = "SELECT state FROM releases WHERE package_name = @p0 AND version = @p1";

    private const string SettleSql = """
        UPDATE releases SET state = @p2, run_id = @p3, skip_reason = @p4 WHERE package_name = @p0 AND version = @p1 AND state IN ('', 'waiting')
        """;

    private const string MarkedAsSeenSql = "SELECT 1 FROM packages WHERE name = @p0 AND last_seen_version = @p1";

    private const string QueuedSql = "UPDATE releases SET state = 'queued' WHERE package_name = @p0 AND version = @p1 AND state = 'queueing'";

    private const string SucceedSql = """
        UPDATE packages SET last_checked_at = @p2, next_check_at = @p3, etag = @p4, latest_version = @p5, failure_count = 0, last_error = '',
          complete_since = coalesce(complete_since, @p2),
          last_seen_version = CASE WHEN EXISTS (
            SELECT 1 FROM releases WHERE package_name = @p0 AND version = @p5 AND state IN ('queued', 'skipped')) THEN @p5 ELSE last_seen_version END
        WHERE name = @p0 AND added_at = @p1
        """;

    private const string FailSql = """
        UPDATE packages SET next_check_at = @p2, failure_count = failure_count + 1, last_error = @p3 WHERE name = @p0 AND added_at = @p1
        """;

    /// <inheritdoc/>
    public Task<IReadOnlyList<WatchListEntry>> ListAsync() => ReadAsync<IReadOnlyList<WatchListEntry>>(session => session.Rows(ListSql, row =>
        new WatchListEntry(row.GetString(0), ParseOptional(row.GetString(1)) ?? default, OptionalTime(row, 2), (int)row.GetInt64(3))));

    /// <inheritdoc/>
    public Task<PackageMemory?> LoadAsync(string package) => ReadAsync(session =>
    {
        var open = session.Rows(OpenSql, row => new OpenRelease(
            new RegistryRelease(row.GetString(0), row.GetString(1), row.GetString(2), OptionalTime(row, 3)),
            row.GetString(6) == "queueing" ? RunId.Parse(row.GetString(5)) : null, row.GetString(6).Length > 0, OptionalTime(row, 4) ?? default), package);
        return session.First(LoadSql, row => new PackageMemory(
            row.GetString(0), row.GetString(1), OptionalTime(row, 2) ?? OptionalTime(row, 1) ?? default, row.GetString(3), row.GetString(4), row.GetString(5),
            !row.IsDBNull(6), (int)row.GetInt64(7), open), package);
    });

    /// <inheritdoc/>
    public Task<IReadOnlySet<string>> KnownVersionsAsync(string package) =>
        ReadAsync<IReadOnlySet<string>>(session => session.Rows(KnownSql, row => row.GetString(0), package).ToHashSet(StringComparer.Ordinal));

    /// <inheritdoc/>
    public Task<bool> RecordAsync(PackageMemory package, IReadOnlyList<FoundRelease> found)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(found);
        return writer.WriteAsync(session =>
        {
            if (!IsThere(session, package)) return false;
            var now = StorageText.Time(clock.GetUtcNow());
            foreach (var (release, reason) in found)
            {
                var run = RunOf(session, package.Name, release.Version) ?? "";
                var state = run.Length > 0 ? "queued" : reason.Length > 0 ? "skipped" : "waiting";
                session.Execute(InsertSql, package.Name, release.Version, release.TarballSha1, release.Integrity,
                    release.PublishedAt is { } at ? StorageText.Time(at) : null, now, state, run, state == "skipped" ? reason : "");
            }

            return true;
        });
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ClaimResult>> ClaimAsync(PackageMemory package, IReadOnlyList<(string Version, RunId RunId)> claims)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(claims);
        return writer.WriteAsync<IReadOnlyList<ClaimResult>>(session =>
        {
            if (!IsThere(session, package)) return [.. claims.Select(_ => ClaimResult.Dropped)];
            return [.. claims.Select(claim => Claim(session, package.Name, claim.Version, claim.RunId))];
        });
    }

    /// <inheritdoc/>
    public Task MarkQueuedAsync(PackageMemory package, IReadOnlyList<string> versions)
    {
        ArgumentNullException.ThrowIfNull(package);
        return writer.WriteAsync(session => versions.Count(version => session.Execute(QueuedSql, package.Name, version) > 0));
    }

    /// <inheritdoc/>
    public Task SucceedAsync(PackageMemory package, PollSuccess success)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(success);
        return writer.WriteAsync(session => session.Execute(SucceedSql, package.Name, package.AddedText, StorageText.Time(clock.GetUtcNow()),
            StorageText.Time(success.NextCheckAt), success.ETag, success.Latest));
    }

    /// <inheritdoc/>
    public Task FailAsync(PackageMemory package, string error, DateTimeOffset nextCheckAt)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(error);
        var text = (error.Length <= MaxErrorLength ? error : error[..MaxErrorLength]).Replace('\0', '\u2400');
        return writer.WriteAsync(session => session.Execute(FailSql, package.Name, package.AddedText, StorageText.Time(nextCheckAt), text));
    }

    private static ClaimResult Claim(StoreSession session, string package, string version, RunId runId)
    {
        var state = session.First(StateSql, row => row.GetString(0), package, version);
        if (state is not ("" or "waiting")) return ClaimResult.Dropped;
        if (RunOf(session, package, version) is { } run)
        {
            session.Execute(SettleSql, package, version, "queued", run, "");
            return ClaimResult.HasRun;
        }

        // Recorded by somebody else as handled, and without a scan: then none was wanted.
        if (state.Length == 0 && session.Number(MarkedAsSeenSql, package, version) is not null)
        {
            session.Execute(SettleSql, package, version, "skipped", "", ReleasePlan.MarkedAsSeen);
            return ClaimResult.Dropped;
        }

        session.Execute(SettleSql, package, version, "queueing", runId.ToString(), "");
        return ClaimResult.Claimed;
    }

    private static bool IsThere(StoreSession session, PackageMemory package) => session.Number(IsThereSql, package.Name, package.AddedText) is not null;

    private static string? RunOf(StoreSession session, string package, string version) => session.First(RunOfSql, row => row.GetString(0), package, version);

    // Others write these columns too: a time that makes no sense in one row must not keep all packages from being watched.
    private static DateTimeOffset? ParseOptional(string? text)
    {
        try
        {
            return text is null ? null : StorageText.ParseTime(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static DateTimeOffset? OptionalTime(StoreRow row, int column) => row.IsDBNull(column) ? null : ParseOptional(row.GetString(column));

    private Task<T> ReadAsync<T>(Func<StoreSession, T> read) => Task.Run(() =>
    {
        try
        {
            using var session = database.OpenReadSession();
            session.BeginRead();
            try
            {
                return read(session);
            }
            finally
            {
                session.Rollback();
            }
        }
        catch (Exception e) when (e is DbException or FormatException) // Format: a run id that is none
        {
            throw new StorageException($"Watched packages cannot be read: {e.Message}", e);
        }
    });
}
