using System.Text;
using Fangs.Http.Dashboard.Live;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Dashboard;

/// <summary>What many pages share.</summary>
public sealed class LiveHubSpecs
{
    [Fact]
    public async Task A_region_is_made_once_for_all_pages_and_not_at_all_when_none_is_open()
    {
        var clock = new FakeTimeProvider();
        var (loads, renders, value) = (0, 0, 1);
        await using var hub = new LiveHub(
            name => name == "a" ? new LiveRegion(name, typeof(object), () => Task.FromResult<object?>(Interlocked.Increment(ref loads) > 0 ? value : 0)) : null,
            (_, model) =>
            {
                Interlocked.Increment(ref renders);
                return Task.FromResult(Encoding.UTF8.GetBytes($"v{model}"));
            },
            TimeSpan.FromSeconds(1), clock, NullLogger.Instance);
        Assert.Equal(0, loads);
        using var pages = new Several([.. Enumerable.Range(0, 100).Select(_ => hub.Subscribe(["a", "unknown"]))]);
        await Limits.UntilAsync(() => pages.All[0].Since(0).Count == 1);
        Assert.All(pages.All, page => Assert.Equal("v1", Assert.Single(page.Since(0)).Content.Html));
        Assert.Equal(1, renders);
        var changed = pages.All[99].Changed;
        value = 2;
        await Limits.UntilAsync(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return changed.IsCompleted;
        });
        Assert.Equal((2, "v2"), (renders, Assert.Single(pages.All[0].Since(1)).Content.Html));
        Assert.Empty(pages.All[0].Since(2));
        pages.Dispose();
        Assert.Equal(0, hub.Open);
    }

    private sealed class Several(IReadOnlyList<LiveHub.Subscription> all) : IDisposable
    {
        public IReadOnlyList<LiveHub.Subscription> All => all;

        public void Dispose()
        {
            foreach (var one in all) one.Dispose();
        }
    }
}
