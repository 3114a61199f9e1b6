using System.Net;
using System.Text;
using Fangs.Actors.Notifiers;

namespace Fangs.Tests.Notifiers;

/// <summary>The pure parts: addresses, waits, signatures.</summary>
public sealed class NotifierPartsSpecs
{
    private static readonly NotifierSettings Settings = new();

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::10.0.0.1")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:a00:1::")]
    [InlineData("2001::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%2")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void An_address_inside_is_refused(string address)
    {
        Assert.False(AddressPolicy.IsPublic(IPAddress.Parse(address)));
        Assert.False(AddressPolicy.MayConnect(IPAddress.Parse(address), isThisHost: false, allowPrivate: false));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("64:ff9b::101:101")]
    public void An_address_of_the_Internet_is_allowed(string address) => Assert.True(AddressPolicy.MayConnect(IPAddress.Parse(address), isThisHost: false, allowPrivate: false));

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("169.254.169.254", true)]
    [InlineData("fd12::1", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("::", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("ff02::1", false)]
    public void An_operator_may_allow_hosts_inside(string address, bool isAllowed) =>
        Assert.Equal(isAllowed, AddressPolicy.MayConnect(IPAddress.Parse(address), isThisHost: false, allowPrivate: true));

    [Fact]
    public void A_target_that_names_this_host_reaches_no_other_whatever_the_name_resolves_to()
    {
        Assert.True(AddressPolicy.MayConnect(IPAddress.Loopback, isThisHost: true, allowPrivate: false));
        Assert.True(AddressPolicy.MayConnect(IPAddress.IPv6Loopback, isThisHost: true, allowPrivate: false));
        Assert.False(AddressPolicy.MayConnect(IPAddress.Parse("1.1.1.1"), isThisHost: true, allowPrivate: true));
    }

    [Fact]
    public void Eight_attempts_take_about_an_hour()
    {
        var waits = Enumerable.Range(1, 7).Select(n => RetrySchedule.After(Settings, n, null, 0.5)!.Value.TotalSeconds).ToArray();
        Assert.Equal([3, 9, 27, 81, 243, 729, 2187], waits);
        Assert.InRange(waits.Sum(), 3000, 3600);
        Assert.Null(RetrySchedule.After(Settings, 8, TimeSpan.FromSeconds(1), 0.5));
    }

    [Fact]
    public void A_receiver_that_is_down_for_ten_minutes_is_tried_again_afterwards_however_the_dice_fall()
    {
        foreach (var dice in new[] { 0, 0.5, 1 })
            Assert.True(Enumerable.Range(1, 7).Sum(n => RetrySchedule.After(Settings, n, null, dice)!.Value.TotalSeconds) > 600);
    }

    [Theory]
    [InlineData(0, 2.25)]
    [InlineData(1, 3.75)]
    public void Waits_are_spread_by_a_quarter(double dice, double seconds) => Assert.Equal(seconds, RetrySchedule.After(Settings, 1, null, dice)!.Value.TotalSeconds, 6);

    [Theory]
    [InlineData(60, 60)]
    [InlineData(1, 3)]
    [InlineData(-5, 3)]
    [InlineData(86_400, 3600)]
    public void What_the_receiver_asks_for_counts_when_it_is_longer_and_within_reason(double asked, double seconds) =>
        Assert.Equal(seconds, RetrySchedule.After(Settings, 1, TimeSpan.FromSeconds(asked), 0.5)!.Value.TotalSeconds);

    [Fact]
    public void A_message_is_signed_over_its_body_and_over_time_and_body()
    {
        // Computed with: printf '%s' BODY | openssl dgst -sha256 -hmac key
        Assert.Equal(
            [
                new("X-FANGS-Signature", "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"),
                new("X-FANGS-Timestamp", "1767323045"),
                new("X-FANGS-Signature-V2", "sha256=92a28592d1f7711dccef91e4b5b55304c6d588e7392592bc1e3a90d35de3df46"),
            ],
            WebhookSigner.Headers("key", Encoding.UTF8.GetBytes("The quick brown fox jumps over the lazy dog"), DateTimeOffset.FromUnixTimeSeconds(1767323045)));
    }
}
