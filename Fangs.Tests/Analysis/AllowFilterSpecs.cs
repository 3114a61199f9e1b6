using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Tests.Analysis;

/// <summary>Vectors of the allow filter: what each kind of entry hides, and where its reach ends.</summary>
public sealed class AllowFilterSpecs
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Theory]
    // Ranges, whatever the port.
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "198.51.100.7:31337", true)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "198.51.100.0:1", true)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "198.51.100.255:65535", true)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "198.51.101.0:443", false)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "198.51.99.255:443", false)]
    [InlineData("cidr", "198.51.100.7/24", "net_new_destination", "198.51.100.200:443", true)] // host bits do not count
    [InlineData("cidr", "198.51.100.7", "net_new_destination", "198.51.100.7:443", true)]
    [InlineData("cidr", "198.51.100.7", "net_new_destination", "198.51.100.8:443", false)]
    [InlineData("cidr", "2001:db8::/32", "net_new_destination", "[2001:db8:1::9]:443", true)]
    [InlineData("cidr", "2001:db8::/32", "net_new_destination", "[2001:db9::1]:443", false)]
    [InlineData("cidr", "2001:db8::1/128", "net_new_destination", "[2001:db8::1]:22", true)]
    [InlineData("cidr", "::ffff:198.51.100.0/120", "net_new_destination", "198.51.100.9:80", true)]
    [InlineData("cidr", "0::/16", "net_new_destination", "198.51.100.9:80", false)] // spans the mapped IPv4 addresses, but nobody means those
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "198.51.100.7", false)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "not an address:443", false)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_destination", "[198.51.100.7:443", false)]
    [InlineData("cidr", "198.51.100.0/24", "net_new_dns", "198.51.100.7", false)]
    // Paths, by whole components.
    [InlineData("path", "/usr/lib", "fs_new_path_read", "/usr/lib/x.so", true)]
    [InlineData("path", "/usr/lib", "fs_new_path_write", "/usr/lib/x.so", true)]
    [InlineData("path", "/usr/lib", "fs_new_path_read", "/usr/lib", true)]
    [InlineData("path", "/usr/lib/", "fs_new_path_read", "/usr/lib/a/b", true)]
    [InlineData("path", "/usr/lib", "fs_new_path_read", "/usr/libevil", false)]
    [InlineData("path", "/usr/lib", "fs_new_path_read", "/usr", false)]
    [InlineData("path", "/usr/lib", "fs_new_path_read", "/USR/lib/x", false)]
    [InlineData("path", "/usr/lib", "fs_new_path_read", "<DFD>/usr/lib/x", false)]
    [InlineData("path", "/usr/lib/../share", "fs_new_path_read", "/usr/share/x", true)] // entries are normalised as paths of events are
    [InlineData("path", "/usr/lib", "proc_new_exec", "/usr/lib/x", false)]
    [InlineData("path", "/work/node_modules/left-thing", "fs_new_path_write", "/work/node_modules/left-thing/**", true)]
    // Server names hide the look-up as well; look-ups hide only themselves.
    [InlineData("sni", "Metrics.Example", "net_new_https_host", "metrics.example", true)]
    [InlineData("sni", "metrics.example", "net_new_dns", "metrics.example", true)]
    [InlineData("sni", "metrics.example", "net_new_https_host", "x.metrics.example", false)]
    [InlineData("sni", "metrics.example", "net_new_https_host", "metrics.example.evil.example", false)]
    [InlineData("sni", "*.metrics.example", "net_new_https_host", "a.b.metrics.example", true)]
    [InlineData("sni", "*.metrics.example", "net_new_https_host", "metrics.example", false)]
    [InlineData("sni", "*.metrics.example", "net_new_https_host", "xmetrics.example", false)]
    [InlineData("sni", "*.metrics.example", "net_new_https_host", ".metrics.example", false)]
    [InlineData("dns", "metrics.example", "net_new_dns", "metrics.example", true)]
    [InlineData("dns", "*.metrics.example", "net_new_dns", "a.metrics.example", true)]
    [InlineData("dns", "metrics.example", "net_new_https_host", "metrics.example", false)]
    public void An_entry_hides_what_it_says_and_no_more(string kind, string value, string category, string behaviour, bool isHidden)
    {
        var filter = Filter(Entry(kind, value));
        Assert.Empty(filter.Unusable);
        Assert.Equal(isHidden, filter.Hides(Did(category, behaviour), showsHost: true));
    }

    [Fact]
    public void A_path_entry_never_hides_an_access_to_credentials()
    {
        var filter = Filter(Entry("path", "/home/node"));
        Assert.True(filter.Hides(Did("fs_new_path_read", "/home/node/.ssh/id_rsa"), showsHost: true));
        Assert.False(filter.Hides(Did("fs_new_path_read", "/home/node/.ssh/id_rsa", EventTags.Credential), showsHost: true));
    }

    [Theory]
    [InlineData(-1, false)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void An_entry_counts_until_it_expires(int secondsLeft, bool isHidden)
    {
        var filter = Filter(Entry("dns", "a.example") with { ExpiresAt = Now.AddSeconds(secondsLeft) });
        Assert.Equal(isHidden, filter.Hides(Did("net_new_dns", "a.example"), showsHost: true));
    }

    [Fact]
    public void An_entry_for_another_package_does_not_count()
    {
        var filter = Filter(Entry("dns", "a.example") with { PackageName = "other" }, Entry("dns", "b.example") with { PackageName = "left-thing" });
        Assert.False(filter.Hides(Did("net_new_dns", "a.example"), showsHost: true));
        Assert.True(filter.Hides(Did("net_new_dns", "b.example"), showsHost: true));
    }

    [Theory]
    [InlineData("cidr", "0.0.0.0/0")]
    [InlineData("cidr", "::/0")]
    [InlineData("cidr", "elsewhere")]
    [InlineData("path", "/")]
    [InlineData("path", "//..//")]
    [InlineData("path", "relative")]
    [InlineData("sni", "*")]
    [InlineData("sni", "*.com")]
    [InlineData("binary", "/bin/sh")]
    [InlineData("dns", "")]
    public void What_upstream_stored_unchecked_and_would_hide_everything_is_left_out(string kind, string value)
    {
        var filter = Filter(Entry(kind, value), Entry("dns", "a.example"));
        Assert.Equal(value, Assert.Single(filter.Unusable).Value);
        Assert.True(filter.Hides(Did("net_new_dns", "a.example"), showsHost: true));
        foreach (var (category, behaviour) in new[] { ("net_new_destination", "1.1.1.1:9"), ("fs_new_path_read", "/etc/passwd"), ("net_new_https_host", "x.com") })
            Assert.False(filter.Hides(Did(category, behaviour), showsHost: true));
    }

    [Theory]
    [InlineData("104.18.0.1:443", true)]
    [InlineData("140.82.121.4:80", true)]
    [InlineData("172.217.16.1:443", true)]
    [InlineData("151.101.1.1:443", true)]
    [InlineData("104.16.0.0:443", true)]
    [InlineData("104.27.255.255:443", true)]
    [InlineData("104.28.0.0:443", false)]
    [InlineData("104.32.0.1:443", false)]
    [InlineData("104.15.255.255:443", false)]
    [InlineData("1.1.1.1:443", false)]
    [InlineData("8.8.8.8:443", false)]
    [InlineData("10.0.0.1:443", false)]
    [InlineData("104.18.0.1:8443", false)]
    [InlineData("104.18.0.1:22", false)]
    [InlineData("104.18.0.1:4430", false)]
    public void A_content_delivery_network_counts_on_web_ports_when_a_name_was_shown(string destination, bool isHidden)
    {
        var filter = Filter();
        Assert.Equal(isHidden, filter.Hides(Did("net_new_destination", destination), showsHost: true));
        Assert.False(filter.Hides(Did("net_new_destination", destination), showsHost: false));
    }

    [Theory]
    [InlineData("net_new_dns", true)]
    [InlineData("net_new_https_host", true)]
    [InlineData("proc_new_exec", false)]
    public void Whether_a_name_was_shown_is_seen_from_the_whole_run_even_where_the_name_itself_is_hidden(string category, bool isHidden)
    {
        RunFingerprint[] run = [Did(category, "cdn.example"), Did("net_new_destination", "104.18.0.1:443")];
        var shown = Filter(Entry("sni", "cdn.example")).Apply(run);
        Assert.Equal(isHidden, !shown.Any(f => f.Key.Category == "net_new_destination"));
    }

    [Fact]
    public void The_ranges_of_networks_can_be_switched_off_and_extended()
    {
        var ours = Did("net_new_destination", "[2001:db8:c0de::1]:443");
        var theirs = Did("net_new_destination", "104.18.0.1:443");
        var extended = AllowFilter.Create([], "left-thing", Now, new AnalysisSettings { CdnExtra = ["2001:db8:c0de::/48"] });
        var off = AllowFilter.Create([], "left-thing", Now, new AnalysisSettings { CdnEnabled = false, CdnExtra = ["2001:db8:c0de::/48"] });
        Assert.Equal((true, true), (extended.Hides(ours, true), extended.Hides(theirs, true)));
        Assert.False(extended.Hides(Did("net_new_destination", "[2001:db8:c0de::1]:22"), true));
        Assert.Equal((false, false), (off.Hides(ours, true), off.Hides(theirs, true)));
    }

    [Fact]
    public void Every_built_in_range_is_an_entry_that_an_operator_could_make()
    {
        Assert.Equal(34, CdnRanges.All.Count);
        foreach (var range in CdnRanges.All)
        {
            Assert.Null(AllowEntry.TryCreate("cidr", range.Range, null, out var entry));
            Assert.Equal(range.Range, entry!.Value);
        }
    }

    internal static RunFingerprint Did(string category, string value, EventTags tags = EventTags.None, long firstEvent = 1) =>
        new(new FingerprintKey(category, value), "script", "install", new FingerprintTally(1, firstEvent, firstEvent, tags));

    internal static StoredAllowEntry Entry(string kind, string value) => new("e" + kind + value.Length, kind, value, null, null);

    private static AllowFilter Filter(params StoredAllowEntry[] entries) => AllowFilter.Create(entries, "left-thing", Now, new AnalysisSettings());
}
