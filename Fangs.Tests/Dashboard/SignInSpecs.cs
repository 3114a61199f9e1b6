using System.Net;
using Fangs.Http.Dashboard.Operators;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Dashboard;

/// <summary>What signing in rests on.</summary>
public sealed class SignInSpecs
{
    [Fact]
    public void Attempts_are_allowed_again_as_time_passes()
    {
        var clock = new FakeTimeProvider();
        var throttle = new SignInThrottle(clock);
        for (var i = 0; i < 5; i++) throttle.Failed(IPAddress.Loopback);
        Assert.True(throttle.WaitOf(IPAddress.Loopback) > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, throttle.WaitOf(IPAddress.Parse("192.0.2.1")));
        clock.Advance(throttle.WaitOf(IPAddress.Loopback));
        Assert.Equal(TimeSpan.Zero, throttle.WaitOf(IPAddress.Loopback));
        for (var i = 0; i < 50; i++) throttle.Failed(new IPAddress([10, 0, 0, (byte)i]));
        Assert.True(throttle.WaitOf(IPAddress.Parse("192.0.2.1")) > TimeSpan.Zero); // all together
    }

    [Theory]
    [InlineData("/ui/runs?a=1", "/ui/runs?a=1")]
    [InlineData("//evil.example/ui/", "/ui/")]
    [InlineData("https://evil.example/ui/", "/ui/")]
    [InlineData("/ui/\\evil", "/ui/")]
    [InlineData("/ui/x\r\nSet-Cookie: a=b", "/ui/")]
    [InlineData("javascript:alert(1)", "/ui/")]
    [InlineData("", "/ui/")]
    public void Signing_in_leads_only_to_pages_of_ours(string asked, string expected) => Assert.Equal(expected, OperatorPages.SafeTarget(asked));
}
