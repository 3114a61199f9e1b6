using CsCheck;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Tests.Analysis;

public sealed class FingerprintExtractorSpecs
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char, 0, 40],
        Gen.String[Gen.Char[' ', '~'], 0, 300],
        Gen.Int[0, 7].Select(i => new[] { "", "/etc/hosts", "1.2.3.4", "::ffff:1.2.3.4", "fe80::1%eth0", "\0", "..", "a.example." }[i]));

    private static readonly Gen<Given> AnyEvent = Gen.Select(Gen.Byte[0, 20], Gen.Int[0, 3], Gen.Int[0, 4], Gen.Long, Gen.Int[-2, 3], Gen.Int[0, 70_000], Text.Array[5],
        (type, tags, role, flags, ret, port, texts) => new Given(type)
        {
            Tags = (EventTags)tags,
            Role = new[] { "", "npm", "script", "harness", "import" }[role],
            Flags = flags,
            Ret = ret,
            DestPort = port,
            Op = texts[4].Length % 3 == 0 ? "open" : texts[4],
            Path = texts[0],
            NewPath = texts[1],
            Binary = texts[0],
            DestIP = texts[2],
            Name = texts[3],
        });

    /// <summary>Fields of an event, as values.</summary>
    public sealed record Given(byte Type)
    {
        public EventTags Tags { get; init; }

        public string Role { get; init; } = "";

        public string Phase { get; init; } = "";

        public long Ret { get; init; }

        public string Op { get; init; } = "";

        public long Flags { get; init; }

        public string Path { get; init; } = "";

        public string NewPath { get; init; } = "";

        public string Binary { get; init; } = "";

        public string DestIP { get; init; } = "";

        public int DestPort { get; init; }

        public string Name { get; init; } = "";
    }

    [Theory]
    [InlineData(0, "fs_new_path_read")]
    [InlineData(0x80000, "fs_new_path_read")] // O_CLOEXEC
    [InlineData(1, "fs_new_path_write")]
    [InlineData(2, "fs_new_path_write")]
    [InlineData(64, "fs_new_path_write")]
    [InlineData(0x241, "fs_new_path_write")]
    public void Opening_a_file_is_reading_or_writing_by_its_flags(long flags, string category)
    {
        Assert.Equal((category, "/etc/hosts"), Extract(File("/etc/hosts") with { Flags = flags }));
        Assert.Equal((category, "/etc/hosts"), Extract(File("/etc/hosts") with { Flags = flags, Op = "open" }));
    }

    [Theory]
    [InlineData("unlink")]
    [InlineData("chmod")]
    [InlineData("truncate")]
    [InlineData("mkdir")]
    public void Changing_a_file_is_writing_it(string op) => Assert.Equal(("fs_new_path_write", "/etc/hosts"), Extract(File("/etc/hosts") with { Op = op }));

    [Theory]
    [InlineData("rename")]
    [InlineData("link")]
    [InlineData("symlink")]
    public void What_a_file_is_renamed_or_linked_to_is_what_was_written(string op) =>
        Assert.Equal(("fs_new_path_write", "/usr/bin/sh"), Extract(File("/tmp/evil") with { Op = op, NewPath = "/usr/bin/sh" }));

    [Fact]
    public void A_second_path_of_an_open_is_of_no_interest() => Assert.Equal(("fs_new_path_read", "/a"), Extract(File("/a") with { NewPath = "/b" }));

    [Theory]
    [InlineData("/tmp/npm-9911-q/x", "/tmp/npm-<RAND>/x")]
    [InlineData("/proc/4711/root/etc//shadow", "/etc/shadow")]
    [InlineData("lib/x", "<DFD>/lib/x")]
    [InlineData("/a\0b", "/a\u2400b")]
    [InlineData(" /a ", "<DFD>/ /a ")]
    public void Paths_are_normalised(string path, string value) => Assert.Equal(("fs_new_path_read", value), Extract(File(path)));

    [Theory]
    [InlineData("/usr/bin/node", "/usr/bin/node")]
    [InlineData(" \t/usr/bin/node\r\n", "/usr/bin/node")]
    [InlineData("/usr/bin/node\0\0\0", "/usr/bin/node")]
    [InlineData("/usr/bin/node\u2400\u2400", "/usr/bin/node")]
    [InlineData("/tmp/npm-9911-q/x", "/tmp/npm-9911-q/x")]
    [InlineData("/work//node_modules/../x", "/work//node_modules/../x")]
    [InlineData("/a\0b", "/a\u2400b")]
    public void A_program_is_trimmed_and_never_normalised(string binary, string value) =>
        Assert.Equal(("proc_new_exec", value), Extract(new Given(EventType.Exec) { Binary = binary }));

    [Theory]
    [InlineData("1.1.1.1", 443, "1.1.1.1:443")]
    [InlineData(" 1.1.1.1\0\0", 31337, "1.1.1.1:31337")]
    [InlineData("2001:db8::1", 443, "[2001:db8::1]:443")]
    [InlineData("2001:0DB8:0:0::0001", 443, "[2001:db8::1]:443")]
    [InlineData("::ffff:10.1.2.3", 80, "10.1.2.3:80")]
    [InlineData("::FFFF:0A01:0203", 80, "10.1.2.3:80")]
    [InlineData("::1", 0, "[::1]:0")]
    [InlineData("no:address", 1, "[no:address]:1")]
    [InlineData("NO:Address", 1, "[no:address]:1")]
    public void A_destination_is_address_and_port(string ip, int port, string value) =>
        Assert.Equal(("net_new_destination", value), Extract(new Given(EventType.NetConnect) { DestIP = ip, DestPort = port }));

    [Theory]
    [InlineData("Registry.Example.ORG", "registry.example.org")]
    [InlineData("registry.example.org.", "registry.example.org")]
    [InlineData(" registry.example.org.\0", "registry.example.org")]
    [InlineData("a..", "a.")]
    [InlineData("a\0b", "a\u2400b")]
    [InlineData("BÜCHER.example", "bücher.example")]
    public void A_name_that_was_looked_up_is_lower_case_without_its_final_dot(string name, string value) =>
        Assert.Equal(("net_new_dns", value), Extract(new Given(EventType.DnsQuery) { Name = name }));

    [Theory]
    [InlineData("Registry.Example.ORG", "registry.example.org")]
    [InlineData("\tregistry.example.org.\r\n", "registry.example.org.")]
    public void A_server_name_is_lower_case(string name, string value) =>
        Assert.Equal(("net_new_https_host", value), Extract(new Given(EventType.TlsSni) { Name = name }));

    [Fact]
    public void A_long_name_is_kept_whole()
    {
        var name = new string('A', 5000);
        Assert.Equal(("net_new_dns", name.ToLowerInvariant()), Extract(new Given(EventType.DnsQuery) { Name = name }));
    }

    public static TheoryData<Given> WithoutFingerprint() =>
    [
        File(""),
        new Given(EventType.Exec) { Binary = " \0\0 " },
        new Given(EventType.NetConnect) { DestIP = "", DestPort = 443 },
        new Given(EventType.NetConnect) { DestIP = "\0 ", DestPort = 443 },
        new Given(EventType.DnsQuery) { Name = "." },
        new Given(EventType.DnsQuery) { Name = " . " },
        new Given(EventType.TlsSni) { Name = "\0" },
        new Given(0) { Path = "/a", Binary = "/a", Name = "a" },
        new Given(6) { Path = "/a", Binary = "/a", Name = "a" },
        new Given(EventType.RareSyscall) { Path = "/a", Binary = "/a", Name = "a" },
        new Given(EventType.HttpRequest) { Path = "/a", Name = "a" },
        new Given(EventType.DnsAnswer) { Name = "a" },
        new Given(255) { Path = "/a" },
    ];

    [Theory]
    [MemberData(nameof(WithoutFingerprint))]
    public void What_says_nothing_has_no_fingerprint(Given given) => Assert.Null(Extract(given));

    [Fact]
    public void What_failed_did_not_happen()
    {
        Assert.Null(Extract(File("/etc/hosts") with { Ret = -2 }));
        Assert.Null(Extract(File("/etc/hosts") with { Ret = -13, Op = "unlink" }));
        Assert.Null(Extract(new Given(EventType.Exec) { Binary = "/usr/bin/nc", Ret = -2 }));
        Assert.NotNull(Extract(File("/etc/hosts") with { Ret = 3 }));
    }

    [Fact]
    public void Asking_for_credentials_counts_even_where_there_are_none() =>
        Assert.Equal(("fs_new_path_read", "/root/.npmrc"), Extract(File("/root/.npmrc") with { Ret = -2, Tags = EventTags.Interesting | EventTags.Credential }));

    [Fact]
    public void A_connection_counts_also_when_it_was_refused() =>
        Assert.NotNull(Extract(new Given(EventType.NetConnect) { DestIP = "1.1.1.1", DestPort = 443, Ret = -111 }));

    [Fact]
    public void What_the_sandbox_runs_itself_is_no_fact_about_the_package() => AnyEvent.Sample(given => Assert.Null(Extract(given with { Role = "harness" })));

    [Fact]
    public void Of_npm_itself_programs_and_network_count_and_files_do_not()
    {
        Assert.Null(Extract(File("/etc/hosts") with { Role = "npm" }));
        Assert.Null(Extract(File("/root/.npmrc") with { Role = "npm", Tags = EventTags.Credential }));
        Assert.NotNull(Extract(new Given(EventType.Exec) { Binary = "/usr/bin/git", Role = "npm" }));
        Assert.NotNull(Extract(new Given(EventType.NetConnect) { DestIP = "1.1.1.1", Role = "npm" }));
        Assert.NotNull(Extract(new Given(EventType.DnsQuery) { Name = "a.example", Role = "npm" }));
        Assert.NotNull(Extract(new Given(EventType.TlsSni) { Name = "a.example", Role = "npm" }));
    }

    [Theory]
    [InlineData("script", "install")]
    [InlineData("import", "import")]
    [InlineData("", "")]
    [InlineData("a role of later", "a phase of later")]
    public void A_fingerprint_tells_who_did_it_and_when(string role, string phase)
    {
        Assert.True(TryExtract(new FingerprintExtractor(), File("/etc/hosts") with { Role = role, Phase = phase }, out var fingerprint));
        Assert.Equal(new Fingerprint("fs_new_path_read", "/etc/hosts", role, phase), fingerprint);
    }

    [Fact]
    public void Any_event_has_at_most_one_fingerprint_that_can_be_stored()
    {
        var extractor = new FingerprintExtractor();
        AnyEvent.Sample(given =>
        {
            if (!TryExtract(extractor, given, out var fingerprint)) return;
            Assert.NotEmpty(fingerprint.Value);
            Assert.DoesNotContain('\0', fingerprint.Value);
            Assert.Contains(fingerprint.Category, FingerprintCategory.All);
        }, iter: 5000);
    }

    [Fact]
    public void What_was_seen_before_does_not_change_what_comes()
    {
        var experienced = new FingerprintExtractor();
        AnyEvent.Sample(given => Assert.Equal(Extract(given), Extract(given, experienced)), iter: 5000);
    }

    private static Given File(string path) => new(EventType.FileAccess) { Path = path };

    private static (string Category, string Value)? Extract(Given given, FingerprintExtractor? extractor = null) =>
        TryExtract(extractor ?? new FingerprintExtractor(), given, out var fingerprint) ? (fingerprint.Category, fingerprint.Value) : null;

    private static bool TryExtract(FingerprintExtractor extractor, Given given, out Fingerprint fingerprint) => extractor.TryExtract(
        new EventFacts
        {
            Type = given.Type,
            Tags = given.Tags,
            Role = given.Role,
            Phase = given.Phase,
            Ret = given.Ret,
            Op = given.Op,
            Flags = given.Flags,
            Path = given.Path,
            NewPath = given.NewPath,
            Binary = given.Binary,
            DestIP = given.DestIP,
            DestPort = given.DestPort,
            Name = given.Name,
        },
        out fingerprint);
}
