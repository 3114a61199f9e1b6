using CsCheck;
using Fangs.Actors.Storage;
using Fangs.Actors.Watching;
using Fangs.Protocol;
using Fangs.Tests.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Watching;

/// <summary>Polls against a real registry and a real database.</summary>
public abstract class PackagePollSpecs(Backend backend) : IAsyncLifetime, IDisposable
{
    private const string Package = "left-thing";
    private const string Fates = "SELECT version, state, skip_reason FROM releases WHERE package_name = @p0 ORDER BY version";
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(Start);
    private readonly ScanQueueBook _queue = new();
    private WatchRegistry _registry = null!;
    private WatchBench _bench = null!;
    private RegistryClient _client = null!;
    private WatchSettings _settings = null!;

    public async Task InitializeAsync()
    {
        _registry = await WatchRegistry.StartAsync();
        _bench = new WatchBench(_clock, backend);
        _settings = new WatchSettings { Jitter = 0, Registry = _ => Task.FromResult(_registry.Address) };
        _client = new RegistryClient(_settings, TimeProvider.System);
    }

    public void Dispose()
    {
        _client.Dispose();
        GC.SuppressFinalize(this);
    }

    public async Task DisposeAsync()
    {
        await _bench.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [Fact]
    public async Task A_first_poll_scans_the_latest_and_records_the_older_ones_as_skipped()
    {
        _bench.Add(Package, Start);
        _registry.Publish(Package, Start.AddDays(-9), "1.0.0", "1.1.0").Publish(Package, "2.0.0-rc.1", Start.AddDays(-1), isLatest: false);
        var outcome = await PollAsync();
        Assert.Equal(("1.1.0", 3, 2, 0), (outcome.Result!.Latest, outcome.Result.Found, outcome.Result.Skipped, outcome.Result.Waiting));
        Assert.Equal([$"1.0.0|skipped|{ReleasePlan.BeforeTheWatch}", "1.1.0|queued|", $"2.0.0-rc.1|skipped|{ReleasePlan.BeforeTheWatch}"], _bench.Rows(Fates, Package));
        var job = Assert.Single(_queue.Jobs);
        Assert.Equal((Package, "1.1.0", JobKind.SandboxScan, "node:20-slim"), (job.PackageName, job.Version, job.Kind, job.Sandbox!.Image));
        Assert.Equal((WatchRegistry.IntegrityOf(Package, "1.1.0"), WatchRegistry.Sha1Of(Package, "1.1.0")), (job.Integrity, job.TarballSha1));
        Assert.Equal(DefaultWatchedPaths.All, job.WatchedPaths);
        Assert.Equal([$"1.1.0|1.1.0|{StorageText.Time(Start)}|{StorageText.Time(Start + _settings.Interval)}|0|"],
            _bench.Rows("SELECT last_seen_version, latest_version, last_checked_at, next_check_at, failure_count, last_error FROM packages"));
        Assert.Equal([$"{WatchRegistry.Sha1Of(Package, "1.1.0")}|{WatchRegistry.Sha1Of(Package, "1.1.0")}|{WatchRegistry.IntegrityOf(Package, "1.1.0")}|{job.RunId}"],
            _bench.Rows("SELECT tarball_sha256, tarball_sha1, npm_integrity, run_id FROM releases WHERE version = '1.1.0'"));
    }

    [Fact]
    public async Task Every_version_since_the_last_poll_is_scanned_ten_a_poll_even_when_the_registry_has_nothing_new()
    {
        await WatchAsync();
        var all = Enumerable.Range(1, 25).Select(i => $"1.{i}.0").ToArray();
        _registry.Publish(Package, Start.AddHours(1), all);
        var queued = new List<int>();
        for (var poll = 0; poll < 4; poll++) queued.Add((await PollAsync()).Result!.Queued.Count);
        Assert.Equal([10, 10, 5, 0], queued);
        Assert.Equal(all, _queue.VersionsOf(Package).Skip(1));
        // Abbreviated and full for the news; after that nothing has changed.
        Assert.Equal([200, 200, 304, 304, 304], _registry.Requests.TakeLast(5).Select(r => r.Status));
    }

    [Fact]
    public async Task The_last_seen_version_moves_when_the_scan_of_the_latest_is_queued_and_not_before()
    {
        await WatchAsync();
        _registry.Publish(Package, Start.AddHours(1), [.. Enumerable.Range(1, 12).Select(i => $"1.{i}.0")]);
        await PollAsync();
        Assert.Equal(["1.0.0|1.12.0"], _bench.Rows("SELECT last_seen_version, latest_version FROM packages"));
        await PollAsync();
        Assert.Equal(["1.12.0|1.12.0"], _bench.Rows("SELECT last_seen_version, latest_version FROM packages"));
    }

    [Fact]
    public async Task A_tag_that_moves_back_queues_nothing()
    {
        await WatchAsync();
        _registry.Publish(Package, "2.0.0", Start.AddHours(1));
        await PollAsync();
        _registry.Tag(Package, "1.0.0");
        Assert.Equal(("1.0.0", 0), await PollAsync() is { Result: { } result } ? (result.Latest, result.Queued.Count) : default);
        Assert.Equal(["1.0.0", "2.0.0"], _queue.VersionsOf(Package));
    }

    [Fact]
    public async Task Versions_under_other_tags_and_prereleases_are_scanned_too()
    {
        await WatchAsync();
        _registry.Publish(Package, "0.9.9", Start.AddHours(2), isLatest: false).Publish(Package, "2.0.0-rc.1", Start.AddHours(1), isLatest: false);
        await PollAsync();
        Assert.Equal(["1.0.0", "2.0.0-rc.1", "0.9.9"], _queue.VersionsOf(Package));
    }

    [Fact]
    public async Task A_release_that_has_a_run_is_not_scanned_again_unless_that_failed()
    {
        await WatchAsync();
        _bench.Execute("INSERT INTO runs (id, package_name, version, state, started_at) VALUES ('000000000000000000000000000000aa', @p0, '1.1.0', 'done', '2026-01-01T00:00:00.000000000Z'), ('000000000000000000000000000000bb', @p0, '1.2.0', 'failed', '2026-01-01T00:00:00.000000000Z')", Package);
        _registry.Publish(Package, Start.AddHours(1), "1.1.0", "1.2.0");
        await PollAsync();
        Assert.Equal(["1.0.0", "1.2.0"], _queue.VersionsOf(Package));
        Assert.Equal(["queued|000000000000000000000000000000aa"], _bench.Rows("SELECT state, run_id FROM releases WHERE version = '1.1.0'"));
    }

    [Fact]
    public async Task A_release_that_somebody_else_recorded_is_left_a_minute_to_get_its_scan()
    {
        _bench.Add(Package, Start);
        Record("1.0.0");
        _registry.Publish(Package, Start.AddDays(-1), "1.0.0");
        await PollAsync();
        Assert.Equal(["1.0.0||"], _bench.Rows(Fates, Package));
        _clock.Advance(TimeSpan.FromSeconds(61));
        await PollAsync();
        Assert.Equal(["1.0.0|queued|"], _bench.Rows(Fates, Package));
        Assert.Single(_queue.Jobs);
    }

    [Fact]
    public async Task A_release_that_was_recorded_as_seen_without_a_scan_is_skipped()
    {
        _bench.Add(Package, Start, lastSeen: "1.0.0");
        Record("1.0.0");
        _clock.Advance(TimeSpan.FromSeconds(61));
        _registry.Publish(Package, Start.AddDays(-1), "1.0.0");
        await PollAsync();
        Assert.Equal([$"1.0.0|skipped|{ReleasePlan.MarkedAsSeen}"], _bench.Rows(Fates, Package));
        Assert.Empty(_queue.Jobs);
    }

    [Fact]
    public async Task A_failed_poll_changes_nothing_but_the_wait_and_says_why()
    {
        await WatchAsync();
        _registry.Publish(Package, "2.0.0", Start.AddHours(1));
        _registry.Instead = Failing(500);
        var outcome = await PollAsync();
        Assert.Equal(("the registry answered 500", Start + TimeSpan.FromMinutes(5)), (outcome.Error, outcome.NextCheckAt));
        await PollAsync();
        Assert.Equal([$"1.0.0|2|the registry answered 500|{StorageText.Time(Start + TimeSpan.FromMinutes(10))}"],
            _bench.Rows("SELECT last_seen_version, failure_count, last_error, next_check_at FROM packages"));
        _registry.Instead = null;
        await PollAsync();
        Assert.Equal(["2.0.0|0|"], _bench.Rows("SELECT last_seen_version, failure_count, last_error FROM packages"));
    }

    [Fact]
    public async Task Publish_times_are_tried_for_once_more_and_then_done_without()
    {
        await WatchAsync();
        _registry.Publish(Package, Start.AddHours(1), "1.2.0").Publish(Package, "1.1.0", Start.AddHours(2));
        _registry.Instead = FullDocuments(500);
        Assert.NotEqual("", (await PollAsync()).Error);
        Assert.Single(_queue.Jobs);
        Assert.Equal("", (await PollAsync()).Error);
        Assert.Equal(["1.0.0", "1.1.0", "1.2.0"], _queue.VersionsOf(Package)); // by version, for want of times
        Assert.Equal(["", ""], _bench.Rows("SELECT published_at FROM releases WHERE version <> '1.0.0'"));
    }

    [Fact]
    public async Task A_registry_without_full_documents_is_done_without_times_at_once()
    {
        await WatchAsync();
        _registry.Publish(Package, Start.AddHours(1), "1.1.0");
        _registry.Instead = FullDocuments(406);
        Assert.Equal("1.1.0", Assert.Single((await PollAsync()).Result!.Queued).Version);
    }

    [Fact]
    public async Task A_queue_that_fails_leaves_the_release_for_the_next_poll_which_queues_it_under_the_same_run()
    {
        await WatchAsync();
        _registry.Publish(Package, Start.AddHours(1), "1.1.0", "1.2.0");
        _queue.Before = _ => throw new ScanQueueException("down");
        Assert.Equal(("down", Start + TimeSpan.FromSeconds(30)), await PollAsync() is var outcome ? (outcome.Error, outcome.NextCheckAt) : default);
        Assert.Equal(["1.0.0"], _bench.Rows("SELECT last_seen_version FROM packages"));
        var given = _bench.Rows("SELECT version, run_id FROM releases WHERE state = 'queueing' ORDER BY version");
        Assert.Equal(2, given.Count);
        _queue.Before = null;
        await PollAsync();
        Assert.Equal(given, _queue.Jobs.Skip(1).Select(j => $"{j.Version}|{j.RunId}"));
        Assert.Equal(["1.2.0"], _bench.Rows("SELECT last_seen_version FROM packages"));
    }

    [Fact]
    public async Task A_job_that_was_queued_without_an_answer_is_found_and_not_queued_again()
    {
        await WatchAsync();
        _registry.Publish(Package, "1.1.0", Start.AddHours(1));
        _queue.After = _ => throw new ScanQueueException("no answer");
        Assert.Equal("no answer", (await PollAsync()).Error);
        _queue.After = null;
        Assert.Empty((await PollAsync()).Result!.Queued);
        Assert.Equal(["1.0.0", "1.1.0"], _queue.VersionsOf(Package));
        Assert.Equal(["1.1.0"], _bench.Rows("SELECT last_seen_version FROM packages"));
    }

    [Fact]
    public async Task Wherever_a_poll_breaks_off_each_release_is_queued_once()
    {
        await WatchAsync();
        var published = new List<string> { "1.0.0" };
        await Gen.Select(Gen.Int[0, 12], Gen.Int[0, 12], Gen.Int[0, 4]).Array[1, 3].SampleAsync(async steps =>
        {
            foreach (var (breakBefore, breakAfter, count) in steps)
            {
                for (var i = 0; i < count; i++)
                {
                    published.Add($"1.{published.Count}.0");
                    _registry.Publish(Package, published[^1], Start.AddMinutes(published.Count));
                }

                var (before, after) = (breakBefore, breakAfter);
                _queue.Before = _ => before-- == 0 ? throw new ScanQueueException("before") : Task.CompletedTask;
                _queue.After = _ => after-- == 0 ? throw new ScanQueueException("after") : Task.CompletedTask;
                await PollAsync();
            }
        }, iter: 25, threads: 1);
        (_queue.Before, _queue.After) = (null, null);
        while ((await PollAsync()).Result is { } result && (result.Queued.Count > 0 || result.Waiting > 0)) { }
        Assert.Equal(published, _queue.VersionsOf(Package));
        Assert.Equal([published[^1]], _bench.Rows("SELECT last_seen_version FROM packages"));
    }

    [Fact]
    public async Task A_package_that_is_removed_during_the_poll_gets_nothing_recorded()
    {
        _bench.Add(Package, Start);
        _registry.Publish(Package, Start.AddDays(-1), "1.0.0");
        _registry.Instead = (_, _) =>
        {
            _bench.Remove(Package);
            return Task.FromResult(false);
        };
        Assert.False((await PollAsync()).IsWatched);
        Assert.Empty(_queue.Jobs);
        Assert.Equal(["0"], _bench.Rows("SELECT count(*) FROM releases"));
    }

    [Fact]
    public async Task A_name_that_npm_does_not_know_is_not_asked_for()
    {
        _bench.Add("../etc/passwd", Start);
        Assert.Contains("not the name", (await PollAsync("../etc/passwd")).Error, StringComparison.Ordinal);
        Assert.Empty(_registry.Requests);
    }

    [Fact]
    public async Task Thousands_of_versions_are_recorded_by_a_first_poll()
    {
        _bench.Add(Package, Start);
        _registry.Publish(Package, Start.AddYears(-1), [.. Enumerable.Range(0, 3000).Select(i => $"1.0.{i}")]);
        var result = (await PollAsync()).Result!;
        Assert.Equal((3000, 2999, 1), (result.Found, result.Skipped, result.Queued.Count));
        Assert.Equal(["2999|1"], _bench.Rows("SELECT count(*) FILTER (WHERE state = 'skipped'), count(*) FILTER (WHERE state = 'queued') FROM releases"));
    }

    private async Task WatchAsync()
    {
        _bench.Add(Package, Start);
        _registry.Publish(Package, "1.0.0", Start.AddDays(-1));
        Assert.Single((await PollAsync()).Result!.Queued);
    }

    private void Record(string version) => _bench.Execute(
        "INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at) VALUES (@p0, @p1, '', '', NULL, @p2)", Package, version, StorageText.Time(_clock.GetUtcNow()));

    private Task<PollOutcome> PollAsync(string package = Package) =>
        new PackagePoll(_bench.Store, _client, _queue, _settings, _clock).RunAsync(package, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));

    private static Func<HttpContext, string, Task<bool>> Failing(int status) => (context, _) =>
    {
        context.Response.StatusCode = status;
        return Task.FromResult(true);
    };

    private static Func<HttpContext, string, Task<bool>> FullDocuments(int status) => (context, name) =>
        context.Request.Headers.Accept.ToString().Contains("install-v1", StringComparison.Ordinal) ? Task.FromResult(false) : Failing(status)(context, name);
}

public sealed class SqlitePackagePollSpecs() : PackagePollSpecs(Backend.Sqlite);

public sealed class PostgresPackagePollSpecs() : PackagePollSpecs(Backend.Postgres);
