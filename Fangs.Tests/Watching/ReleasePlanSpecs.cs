using CsCheck;
using Fangs.Actors.Watching;

namespace Fangs.Tests.Watching;

public sealed class ReleasePlanSpecs
{
    private const int PerPoll = 10;
    private static readonly DateTimeOffset Added = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_first_poll_scans_the_latest_and_what_was_published_since_the_package_was_added()
    {
        var document = new PackageDocument("1.2.0", [At("1.1.0", -60), At("1.2.0", -30), At("2.0.0-beta", -20), At("1.2.1", 5), new("0.9.0", "", "", null), At("v1", -5)], true);
        var found = ReleasePlan.Discover(document, new HashSet<string>(), new FirstPoll(Added, ""));
        Assert.Equal(
        [
            ("1.1.0", ReleasePlan.BeforeTheWatch), ("1.2.0", ""), ("2.0.0-beta", ReleasePlan.BeforeTheWatch), ("1.2.1", ""), ("0.9.0", ReleasePlan.UnknownTime),
            ("v1", ReleasePlan.NotAVersion),
        ], found.Select(f => (f.Release.Version, f.SkipReason)));
    }

    [Fact]
    public void A_latest_that_was_marked_as_seen_is_not_scanned_by_the_first_poll() =>
        Assert.Equal(ReleasePlan.MarkedAsSeen, Assert.Single(
            ReleasePlan.Discover(new PackageDocument("1.0.0", [At("1.0.0", -5)], true), new HashSet<string>(), new FirstPoll(Added, "1.0.0"))).SkipReason);

    [Fact]
    public void Later_polls_scan_whatever_is_not_known_under_any_tag_and_whenever_it_was_published()
    {
        var document = new PackageDocument("1.0.0", [At("1.0.0", -9), At("0.9.9", -99), At("2.0.0-alpha.1", 3), new("1.5.0", "", "", null)], true);
        Assert.Equal(["0.9.9", "2.0.0-alpha.1", "1.5.0"],
            ReleasePlan.Discover(document, new HashSet<string> { "1.0.0" }, null).Where(f => f.SkipReason.Length == 0).Select(f => f.Release.Version));
        Assert.Empty(ReleasePlan.Discover(document with { Latest = "0.9.9" }, document.Releases.Select(r => r.Version).ToHashSet(), null));
    }

    [Fact]
    public void Versions_are_ordered_as_semver_orders_them()
    {
        string[] ordered =
        [
            "0.9.9", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999999", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "1.0.0+a", "1.0.0+b", "1.0.1-x", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
        ];
        Gen.Shuffle(ordered).Sample(shuffled => Assert.Equal(ordered, shuffled.Order(SemanticVersion.Order)), iter: 100);
    }

    /// <summary>A package is published to, re-tagged and polled at random; the store is a dictionary.</summary>
    [Fact]
    public void Whatever_is_published_each_version_is_queued_once_oldest_first_and_ten_at_a_time()
    {
        var step = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 12], Gen.Int[0, 5]);
        step.Array[1, 40].Sample(steps =>
        {
            var published = new List<RegistryRelease>();
            var latest = "";
            var state = new Dictionary<string, (RegistryRelease Release, string Fate)>();
            var order = new List<RegistryRelease>();
            var polled = false;
            var clock = 0;

            void Poll()
            {
                var known = state.Keys.ToHashSet();
                foreach (var found in ReleasePlan.Discover(new PackageDocument(latest, [.. published], true), known, polled ? null : new FirstPoll(Added, "")))
                    Assert.True(state.TryAdd(found.Release.Version, (found.Release, found.SkipReason.Length > 0 ? "skipped" : "waiting")), "found twice");
                polled = true;
                var waiting = state.Values.Where(s => s.Fate == "waiting").Select(s => s.Release).ToList();
                var next = ReleasePlan.Next(waiting, r => r, PerPoll);
                Assert.Equal(Math.Min(PerPoll, waiting.Count), next.Count);
                var oldestLeft = waiting.Except(next).Select(r => r.PublishedAt).Min();
                Assert.True(oldestLeft is null || next.All(r => r.PublishedAt is null || r.PublishedAt <= oldestLeft), "a newer one went first");
                foreach (var release in next)
                {
                    Assert.Equal("waiting", state[release.Version].Fate); // never a version twice
                    state[release.Version] = (release, "queued");
                    order.Add(release);
                }
            }

            foreach (var (kind, count, tag) in steps)
            {
                switch (kind)
                {
                    case 0 when published.Count > 0:
                        latest = published[tag % published.Count].Version; // the tag moves, also back
                        break;
                    case 1:
                        Poll();
                        break;
                    default:
                        for (var i = 0; i < count; i++)
                        {
                            clock++;
                            // A prerelease and an older line now and then; the first five were there before the package was added.
                            var version = $"{clock % 3}.{clock}.0{(clock % 4 == 0 ? "-beta" : "")}";
                            published.Add(new RegistryRelease(version, "", "", clock % 7 == 0 ? null : Added + TimeSpan.FromMinutes(clock - 5)));
                            if (tag > 2) latest = version;
                        }

                        break;
                }
            }

            for (var i = 0; i <= published.Count / PerPoll; i++) Poll();
            Poll();
            Assert.Equal(published.Select(r => r.Version).Order(), state.Keys.Order());
            Assert.DoesNotContain(state.Values, s => s.Fate == "waiting");
            Assert.Equal(order.Count, order.Select(r => r.Version).Distinct().Count());
            Assert.All(published.Where(r => r.PublishedAt > Added), r => Assert.Equal("queued", state[r.Version].Fate));
        }, iter: 500);
    }

    [Fact]
    public void The_wait_doubles_with_each_failure_up_to_six_hours_and_what_the_registry_asks_for_counts_when_it_is_longer()
    {
        var settings = new WatchSettings { Jitter = 0 };
        Assert.Equal(TimeSpan.FromMinutes(5), PollSchedule.AfterSuccess(settings, 1));
        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 360, 360], Enumerable.Range(1, 9).Select(n => PollSchedule.AfterFailure(settings, n, null, 0.5).TotalMinutes));
        Assert.Equal(TimeSpan.FromHours(6), PollSchedule.AfterFailure(settings, int.MaxValue, null, 1));
        Assert.Equal(TimeSpan.FromMinutes(7), PollSchedule.AfterFailure(settings, 1, TimeSpan.FromMinutes(7), 0.5));
        Assert.Equal(TimeSpan.FromMinutes(5), PollSchedule.AfterFailure(settings, 1, TimeSpan.FromMinutes(1), 0.5));
        Assert.Equal(TimeSpan.FromHours(24), PollSchedule.AfterFailure(settings, 1, TimeSpan.FromDays(9999), 0.5));
    }

    [Fact]
    public void Waits_are_spread_by_a_tenth_and_never_beyond_six_hours() =>
        Gen.Select(Gen.Double[0, 1], Gen.Int[1, 20]).Sample((dice, failures) =>
        {
            var settings = new WatchSettings();
            Assert.InRange(PollSchedule.AfterSuccess(settings, dice), TimeSpan.FromMinutes(4.5), TimeSpan.FromMinutes(5.5));
            Assert.InRange(PollSchedule.AfterFailure(settings, failures, null, dice), TimeSpan.FromMinutes(4.5), TimeSpan.FromHours(6));
        });

    private static RegistryRelease At(string version, int minutes) => new(version, "", "", Added + TimeSpan.FromMinutes(minutes));
}
