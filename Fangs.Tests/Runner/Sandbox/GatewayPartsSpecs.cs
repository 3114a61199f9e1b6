using System.Net;
using System.Text;
using CsCheck;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sandbox.Network;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>The parts of the gateway that read hostile input, and the lists it decides by.</summary>
public sealed class GatewayPartsSpecs
{
    private static readonly Gen<string> Label = Gen.String[Gen.Char['a', 'z'], 1, 20];

    [Fact]
    public void Any_bytes_are_read_as_a_question_or_not_at_all() =>
        Gen.Byte.Array[0, 600].Sample(bytes =>
        {
            var question = DnsQuestion.TryRead(bytes);
            if (question is null) return;
            Assert.All(question.Name, c => Assert.InRange(c, '!', '~'));
            Assert.Equal(12 + question.Raw.Length + 16, question.Answer(IPAddress.Loopback).Length);
        });

    [Theory]
    [InlineData("hello", true)] // a protocol that says nothing to us
    [InlineData("GET / HTTP/1.1\r\nAccept: a\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nAccept: a\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n", true)]
    [InlineData("G", false)]
    [InlineData("EHLO me\r\n", true)]
    [InlineData("\u0016\u0003", false)] // the beginning of a ClientHello
    [InlineData("\u0016\u0003\u0001\u0000\u0004\u0002\u0000\u0000\u0000", true)] // another handshake message
    public void A_client_is_heard_out_until_it_has_said_where_it_was_going(string said, bool isWhole) =>
        Assert.Equal(isWhole, Gateway.IsWhole(Encoding.Latin1.GetBytes(said), 443));

    [Fact]
    public void A_question_over_tcp_is_whole_when_as_much_has_come_as_its_length_says() =>
        Gen.Select(Label.List[1, 6], Gen.Double[0, 0.999]).Sample((labels, part) =>
        {
            var query = Query(1, labels);
            byte[] framed = [(byte)(query.Length >> 8), (byte)query.Length, .. query];
            Assert.False(Gateway.IsWhole(framed.AsSpan(0, (int)(framed.Length * part)), 53));
            Assert.True(Gateway.IsWhole(framed, 53));
        });

    [Fact]
    public void A_question_is_read_back_as_it_was_asked() =>
        Gen.Select(Gen.UShort, Label.List[1, 6]).Sample((id, labels) =>
        {
            var question = DnsQuestion.TryRead(Query(id, labels));
            Assert.NotNull(question);
            Assert.Equal((id, string.Join('.', labels), DnsQuestion.TypeA), (question.Id, question.Name, question.Type));
        });

    [Fact]
    public void A_query_that_is_cut_short_is_no_question() =>
        Gen.Select(Label.List[1, 6], Gen.Double[0, 0.999]).Sample((labels, part) =>
        {
            var query = Query(1, labels);
            Assert.Null(DnsQuestion.TryRead(query.AsMemory(0, (int)(query.Length * part))));
        });

    [Fact]
    public void Each_name_has_one_address_of_the_benchmark_network_and_leads_back() =>
        Label.HashSet[1, 300].Sample(names =>
        {
            var addresses = new FakeAddresses();
            var given = names.ToDictionary(n => n, n => addresses.For(n)!);
            Assert.Equal(names.Count, given.Values.Distinct().Count());
            Assert.All(given, g => Assert.Equal((g.Key, g.Value), (addresses.NameOf(g.Value), addresses.For(g.Key))));
            Assert.All(given.Values, a => Assert.Equal((198, 18), (a.GetAddressBytes()[0], a.GetAddressBytes()[1])));
        }, iter: 50);

    [Theory]
    [InlineData("https://registry.example.org/npm/", "registry.example.org", 443, true)]
    [InlineData("http://Registry.Example.org:4873/", "registry.example.org", 4873, true)]
    [InlineData("https://registry.example.org/", "registry.example.org", 80, false)]
    [InlineData("https://registry.example.org/", "evil.registry.example.org", 443, false)]
    [InlineData("http://10.1.2.3:8080/", "10.1.2.3", 8080, true)]
    public void The_registry_is_allowed_by_name_and_port(string registry, string host, int port, bool allowed) =>
        Assert.Equal(allowed, new AllowList(new Uri(registry), []).Contains(host, port));

    [Fact]
    public async Task The_flag_names_the_registry_before_anything_else()
    {
        Assert.Equal(new Uri("http://registry.example.org:81/x"), await NpmRegistry.ResolveAsync("http://registry.example.org:81/x", CancellationToken.None).Soon());
        await Assert.ThrowsAsync<SandboxException>(() => NpmRegistry.ResolveAsync("ftp://registry.example.org", CancellationToken.None)).Soon();
    }

    [Fact]
    public void The_hierarchies_of_hybrid_and_of_pure_hosts_are_found()
    {
        const string Hybrid = "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 25 0:27 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n";
        var hybrid = CgroupHost.Parse(Hybrid)!;
        Assert.Equal(("/sys/fs/cgroup/uni fied", "/sys/fs/cgroup/memory"), (hybrid.V2Root, hybrid.V1Roots["memory"]));
        Assert.Empty(CgroupHost.Parse("31 25 0:27 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n")!.V1Roots);
        Assert.Null(CgroupHost.Parse("1 1 0:1 / / rw - ext4 /dev/x rw\n"));
    }

    private static byte[] Query(ushort id, List<string> labels) =>
    [
        (byte)(id >> 8), (byte)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        .. labels.SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.ASCII.GetBytes(l)]), 0, 0, 1, 0, 1,
    ];
}
