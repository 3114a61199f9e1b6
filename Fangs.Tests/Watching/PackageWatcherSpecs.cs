using System.Collections.Concurrent;
using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Runners;
using Fangs.Actors.Watching;

namespace Fangs.Tests.Watching;

/// <summary>The watcher in virtual time, against a real registry and a real database.</summary>
public sealed class PackageWatcherSpecs : TestKit, IAsyncLifetime
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(2), Patience = TimeSpan.FromSeconds(30);

    private readonly ScanQueueBook _queue = new();
    private readonly List<RegistryClient> _clients = [];
    private readonly SchedulerClock _clock;
    private readonly WatchBench _bench;
    private WatchRegistry _registry = null!;

    public PackageWatcherSpecs() : base("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"")
    {
        _clock = new SchedulerClock(Time);
        _bench = new WatchBench(_clock);
    }

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    private DateTimeOffset VirtualNow => _clock.GetUtcNow();

    public async Task InitializeAsync() => _registry = await WatchRegistry.StartAsync();

    public async Task DisposeAsync()
    {
        await Sys.Terminate();
        _clients.ForEach(c => c.Dispose());
        await _bench.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [Fact]
    public async Task Each_package_is_polled_at_the_start_and_then_every_interval()
    {
        Publish("a");
        Publish("b");
        var watcher = await StartAsync();
        Assert.Equal((2, 2), (_registry.CountOf("a"), _registry.CountOf("b"))); // abbreviated, and full because everything was new
        await AdvanceAsync(watcher, TimeSpan.FromMinutes(4.9));
        Assert.Equal(2, _registry.CountOf("a"));
        await AdvanceAsync(watcher, TimeSpan.FromMinutes(0.1));
        Assert.Equal((3, 3), (_registry.CountOf("a"), _registry.CountOf("b")));
        Assert.Equal([304, 304], _registry.Requests.TakeLast(2).Select(r => r.Status));
    }

    [Fact]
    public async Task A_package_that_is_added_is_polled_within_a_few_seconds_and_one_that_is_removed_not_any_more()
    {
        var watcher = await StartAsync();
        Publish("a", VirtualNow);
        await AdvanceAsync(watcher, Tick);
        await AdvanceAsync(watcher, Tick);
        Assert.Equal(["1.0.0"], _queue.VersionsOf("a"));
        _bench.Remove("a");
        await AdvanceAsync(watcher, Tick);
        var before = _registry.CountOf("a");
        await AdvanceAsync(watcher, TimeSpan.FromHours(1));
        Assert.Equal(before, _registry.CountOf("a"));
        _bench.Add("a", VirtualNow - TimeSpan.FromMinutes(1)); // and once more
        await AdvanceAsync(watcher, Tick);
        Assert.True(_registry.CountOf("a") > before);
    }

    [Fact]
    public async Task A_package_that_was_just_added_is_left_to_the_command_that_adds_it_for_a_moment()
    {
        var watcher = await StartAsync();
        Publish("a", VirtualNow + Tick);
        await AdvanceAsync(watcher, Tick);
        Assert.Equal(0, _registry.CountOf("a"));
        await AdvanceAsync(watcher, Tick);
        Assert.Equal(2, _registry.CountOf("a"));
    }

    [Fact]
    public async Task A_package_whose_polls_fail_waits_longer_each_time_and_a_restart_does_not_shorten_that()
    {
        Publish("a");
        _registry.Instead = (context, _) =>
        {
            context.Response.StatusCode = 500;
            return Task.FromResult(true);
        };
        var watcher = await StartAsync();
        await AdvanceAsync(watcher, TimeSpan.FromMinutes(5)); // second failure, so the next wait is ten minutes
        Assert.Equal(2, _registry.CountOf("a"));
        Watch(watcher);
        Sys.Stop(watcher);
        await ExpectTerminatedAsync(watcher, Patience);
        watcher = await StartAsync();
        await AdvanceAsync(watcher, TimeSpan.FromMinutes(9.9));
        Assert.Equal(2, _registry.CountOf("a"));
        await AdvanceAsync(watcher, TimeSpan.FromMinutes(0.1));
        Assert.Equal(3, _registry.CountOf("a"));
    }

    [Fact]
    public async Task A_registry_that_asks_to_be_left_alone_is_left_alone_by_all_packages()
    {
        foreach (var name in new[] { "a", "b", "c", "d", "e", "f" }) Publish(name);
        _registry.Instead = (context, _) =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "600";
            return Task.FromResult(true);
        };
        var watcher = await StartAsync(settings => settings with { Concurrency = 1 }, untilIdle: false);
        await AwaitConditionAsync(async () => (await StateAsync(watcher)).Contains("0 polls running, 5 due", StringComparison.Ordinal), Patience);
        _registry.Instead = null;
        Assert.Single(_registry.Requests);
        await LookAsync(watcher);
        Time.Advance(TimeSpan.FromSeconds(595));
        await LookAsync(watcher);
        Assert.Contains("0 polls running, 5 due", await StateAsync(watcher), StringComparison.Ordinal);
        Assert.Single(_registry.Requests);
        await AdvanceAsync(watcher, TimeSpan.FromSeconds(6));
        Assert.Equal(6, _queue.Jobs.Count);
    }

    [Fact]
    public async Task No_more_than_four_polls_run_at_a_time_and_a_slow_package_holds_up_no_other()
    {
        foreach (var i in Enumerable.Range(0, 12)) Publish($"p{i}");
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = new ConcurrentDictionary<string, bool>();
        _registry.Instead = async (_, name) =>
        {
            if (name is not ("p0" or "p1" or "p2")) return false;
            waiting[name] = true;
            await release.Task.WaitAsync(Patience);
            return false;
        };
        var watcher = await StartAsync(untilIdle: false);
        await AwaitConditionAsync(() => Task.FromResult(_queue.Jobs.Count == 9), Patience);
        Assert.Equal(3, waiting.Count);
        release.SetResult();
        await UntilIdleAsync(watcher);
        Assert.Equal(12, _queue.Jobs.Count);
        Assert.InRange(_registry.MostAtOnce, 4, 4);
    }

    [Fact]
    public async Task A_check_polls_at_once_also_a_package_that_waits_after_failures_and_answers_what_it_found()
    {
        Publish("@scope/a");
        _registry.Instead = (context, _) =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "3600";
            return Task.FromResult(true);
        };
        var watcher = await StartAsync();
        var failed = await watcher.Ask<CheckFailed>(new CheckPackage("@scope/a"), Patience);
        Assert.Contains("429", failed.Error, StringComparison.Ordinal);
        _registry.Instead = null;
        var found = await watcher.Ask<PackageChecked>(new CheckPackage("@scope/a"), Patience);
        Assert.Equal("1.0.0", Assert.Single(found.Result.Queued).Version);
        Assert.False((await watcher.Ask<PackageChecked>(new CheckPackage("@scope/a"), Patience)).Result.Changed);
    }

    [Fact]
    public async Task A_check_of_a_package_that_was_added_a_moment_ago_finds_it_and_of_another_says_that_it_is_not_watched()
    {
        var watcher = await StartAsync();
        Publish("a", VirtualNow);
        Assert.Single((await watcher.Ask<PackageChecked>(new CheckPackage("a"), Patience)).Result.Queued);
        Assert.Equal("b", (await watcher.Ask<PackageNotWatched>(new CheckPackage("b"), Patience)).Package);
    }

    [Fact]
    public async Task A_check_during_a_poll_gets_a_poll_of_its_own()
    {
        Publish("a");
        var (arrived, release) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _registry.Instead = async (_, _) =>
        {
            arrived.TrySetResult();
            await release.Task.WaitAsync(Patience);
            return false;
        };
        var watcher = await StartAsync(untilIdle: false);
        await arrived.Task.WaitAsync(Patience);
        var check = watcher.Ask<PackageChecked>(new CheckPackage("a"), Patience);
        await StateAsync(watcher);
        _registry.Publish("a", "1.1.0", VirtualNow);
        release.SetResult();
        Assert.False((await check).Result.Changed); // the running poll has brought the news, its own confirms that there are no others
        Assert.Equal(["1.1.0"], _queue.VersionsOf("a"));
        Assert.Equal([200, 200, 304], _registry.Requests.Select(r => r.Status));
    }

    [Fact]
    public async Task A_database_that_fails_costs_a_poll_and_not_the_watcher()
    {
        Publish("a");
        Publish("b");
        _bench.Execute("CREATE TRIGGER refuse BEFORE INSERT ON releases WHEN new.package_name = 'a' BEGIN SELECT raise(ABORT, 'no room'); END");
        var watcher = await StartAsync();
        Assert.Equal(["1.0.0"], _queue.VersionsOf("b"));
        Assert.Empty(_queue.VersionsOf("a"));
        _bench.Execute("DROP TRIGGER refuse");
        await AdvanceAsync(watcher, TimeSpan.FromMinutes(5));
        Assert.Equal(["1.0.0"], _queue.VersionsOf("a"));
    }

    private void Publish(string name, DateTimeOffset? added = null)
    {
        _registry.Publish(name, "1.0.0", VirtualNow - TimeSpan.FromDays(1));
        _bench.Add(name, added ?? (VirtualNow - TimeSpan.FromHours(1)));
    }

    private async Task<IActorRef> StartAsync(Func<WatchSettings, WatchSettings>? change = null, bool untilIdle = true)
    {
        var settings = new WatchSettings { Jitter = 0, TableInterval = Tick, Registry = _ => Task.FromResult(_registry.Address) };
        settings = change?.Invoke(settings) ?? settings;
        var client = new RegistryClient(settings, TimeProvider.System);
        _clients.Add(client);
        var watcher = Sys.ActorOf(PackageWatcher.Props(settings, _bench.Store, new PackagePoll(_bench.Store, client, _queue, settings, _clock), _clock));
        if (untilIdle) await UntilIdleAsync(watcher);
        return watcher;
    }

    // A periodic timer fires once per advance, which is enough to notice all that has fallen due.
    private async Task AdvanceAsync(IActorRef watcher, TimeSpan span)
    {
        Time.Advance(span);
        await UntilIdleAsync(watcher);
    }

    private async Task UntilIdleAsync(IActorRef watcher)
    {
        await LookAsync(watcher);
        await AwaitConditionAsync(async () => (await StateAsync(watcher)).Contains("0 polls running, 0 due", StringComparison.Ordinal), Patience);
    }

    // The answer for an unknown package comes from a reading of the table that began after the question; by the next answer what it brought is done.
    private static async Task LookAsync(IActorRef watcher)
    {
        await watcher.Ask<PackageNotWatched>(new CheckPackage("nobody-has-this"), Patience);
        await StateAsync(watcher);
    }

    private static async Task<string> StateAsync(IActorRef watcher) => (await watcher.Ask<StateLine>(GetStateLine.Instance, Patience)).Text;
}
