using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Cli;

[UnsupportedOSPlatform("windows")]
public sealed class CertsSpecs : IDisposable
{
    private const UnixFileMode KeyMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly DateTimeOffset Now = new(2026, 5, 6, 7, 8, 9, TimeSpan.Zero);
    private readonly CliFixture _cli = new() { Clock = new FakeTimeProvider(Now) };

    public void Dispose() => _cli.Dispose();

    private string Out => Path.Combine(_cli.Folder, "certs");

    [Fact]
    public async Task Init_makes_an_authority_and_a_server_certificate()
    {
        var result = await CertsAsync("init", "-hosts", "fangs.example, 10.0.0.5,LOCALHOST");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal(
            $"""
            Made      {Out}/ca.crt  (certificate authority)
                      {Out}/ca.key  (its key, mode 0600)
            Valid     until 2036-05-06 06:08:09 UTC
            Made      {Out}/server.crt  (orchestrator, called fangs.example, 10.0.0.5, LOCALHOST, 127.0.0.1, ::1)
                      {Out}/server.key  (its key, mode 0600)
            Valid     until 2027-05-06 07:08:09 UTC
            Use       fangs orchestrator -addr 0.0.0.0:8443 -tls-cert {Out}/server.crt -tls-key {Out}/server.key -tls-client-ca {Out}/ca.crt

            """, result.Out);
        Assert.Equal(["ca.crt", "ca.key", "server.crt", "server.key"], Directory.GetFiles(Out).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));

        using var ca = Load("ca");
        using var server = Load("server");
        Assert.True(ca.Extensions.OfType<X509BasicConstraintsExtension>().Single() is { CertificateAuthority: true, Critical: true, PathLengthConstraint: 0 });
        Assert.Equal("1.2.840.10045.2.1", server.PublicKey.Oid.Value);
        Assert.Equal(256, server.GetECDsaPublicKey()!.KeySize);
        var names = server.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal(["LOCALHOST", "fangs.example"], names.EnumerateDnsNames().Order(StringComparer.Ordinal));
        Assert.Equal([IPAddress.Parse("10.0.0.5"), IPAddress.Loopback, IPAddress.IPv6Loopback], names.EnumerateIPAddresses());
        AssertChains(server, ca, "1.3.6.1.5.5.7.3.1");
    }

    [Fact]
    public async Task Clients_come_from_the_same_authority_whenever_they_are_needed()
    {
        await CertsAsync("init");
        foreach (var id in new[] { "lab-1", "lab-2" }) Assert.Equal(0, (await CertsAsync("runner", id)).ExitCode);
        _cli.Clock = new FakeTimeProvider(Now.AddYears(2));
        var late = await CertsAsync("runner", "lab-3", "-days", "30");
        Assert.Equal(0, late.ExitCode);
        Assert.Contains("until 2028-06-05 07:08:09 UTC", late.Out);
        Assert.Contains($"Use       fangs runner -orchestrator https://HOST:8443 -runner-id lab-3 -tls-ca {Out}/ca.crt -tls-cert {Out}/runner-lab-3.crt -tls-key {Out}/runner-lab-3.key\n", late.Out);
        Assert.Equal(0, (await CertsAsync("operator", "alice")).ExitCode);

        using var ca = Load("ca");
        foreach (var (name, subject) in new[] { ("runner-lab-1", "OU=fangs-runner, CN=lab-1"), ("runner-lab-3", "OU=fangs-runner, CN=lab-3"), ("operator-alice", "OU=fangs-operator, CN=alice") })
        {
            using var certificate = Load(name);
            Assert.Equal(subject, certificate.Subject);
            AssertChains(certificate, ca, "1.3.6.1.5.5.7.3.2");
            Assert.True(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single() is { CertificateAuthority: false });
        }

        using var one = Load("runner-lab-1");
        using var two = Load("runner-lab-2");
        Assert.NotEqual(one.SerialNumber, two.SerialNumber);
        Assert.NotEqual(one.GetPublicKeyString(), two.GetPublicKeyString());
    }

    [Fact]
    public async Task Keys_belong_to_the_owner_alone()
    {
        await CertsAsync("init");
        await CertsAsync("runner", "lab-1");
        await CertsAsync("operator", "alice");
        // Also where something wider stood before.
        File.SetUnixFileMode(Path.Combine(Out, "runner-lab-1.key"), KeyMode | UnixFileMode.OtherRead);
        await CertsAsync("runner", "lab-1", "-force");
        var keys = Directory.GetFiles(Out, "*.key");
        Assert.Equal(4, keys.Length);
        Assert.All(keys, key => Assert.Equal(KeyMode, File.GetUnixFileMode(key)));
        Assert.All(keys, key => Assert.StartsWith("-----BEGIN PRIVATE KEY-----\n", File.ReadAllText(key)));
        Assert.Equal(KeyMode | UnixFileMode.UserExecute, File.GetUnixFileMode(Out));
    }

    [Theory]
    [InlineData("init")]
    [InlineData("server")]
    [InlineData("runner lab-1")]
    [InlineData("operator alice")]
    public async Task Nothing_is_replaced_without_a_word(string command)
    {
        await CertsAsync("init");
        await CertsAsync("runner", "lab-1");
        await CertsAsync("operator", "alice");
        var before = Contents();
        var refused = await CertsAsync(command.Split(' '));
        Assert.Equal((1, ""), (refused.ExitCode, refused.Out));
        Assert.Contains("-force", refused.Error);
        Assert.Equal(before, Contents());

        Assert.Equal(0, (await CertsAsync([.. command.Split(' '), "-force"])).ExitCode);
        var after = Contents();
        Assert.Equal(before.Keys, after.Keys);
        var name = command.Replace(' ', '-');
        Assert.NotEqual(before[(name == "init" ? "ca" : name) + ".key"], after[(name == "init" ? "ca" : name) + ".key"]);
        Assert.Equal(name == "init", before["ca.key"] != after["ca.key"]);
    }

    [Fact]
    public async Task Half_of_a_pair_is_not_replaced_either()
    {
        await CertsAsync("init");
        File.Delete(Path.Combine(Out, "server.crt"));
        var before = Contents();
        Assert.Equal(1, (await CertsAsync("server")).ExitCode);
        File.Delete(Path.Combine(Out, "ca.crt"));
        before.Remove("ca.crt");
        Assert.Equal(1, (await CertsAsync("init")).ExitCode);
        Assert.Equal(before, Contents());
    }

    [Fact]
    public async Task RSA_is_there_for_what_needs_it()
    {
        await CertsAsync("init");
        Assert.Equal(0, (await CertsAsync("runner", "lab-1", "-algorithm", "rsa4096")).ExitCode);
        using var ca = Load("ca");
        using var runner = Load("runner-lab-1");
        Assert.Equal(4096, runner.GetRSAPublicKey()!.KeySize);
        AssertChains(runner, ca, "1.3.6.1.5.5.7.3.2");
        using var withKey = X509Certificate2.CreateFromPemFile(Path.Combine(Out, "runner-lab-1.crt"), Path.Combine(Out, "runner-lab-1.key"));
        Assert.True(withKey.HasPrivateKey);
    }

    [Fact]
    public async Task What_was_made_is_available_as_JSON()
    {
        await CertsAsync("init");
        var result = await CertsAsync("runner", "lab 1", "-json");
        var made = Assert.Single(JsonDocument.Parse(result.Out).RootElement.GetProperty("made").EnumerateArray());
        using var certificate = Load("runner-lab%201");
        Assert.Equal(
            ("runner lab 1", $"{Out}/runner-lab%201.crt", $"{Out}/runner-lab%201.key", "OU=fangs-runner, CN=lab 1", "2026-05-06T06:08:09Z", "2027-05-06T07:08:09Z", certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant()),
            (Text("what"), Text("certificate"), Text("key"), Text("subject"), Text("not_before"), Text("not_after"), Text("sha256")));
        Assert.Equal("runner", JsonDocument.Parse(result.Out).RootElement.GetProperty("use")[0].GetString());

        string Text(string name) => made.GetProperty(name).GetString()!;
    }

    [Theory]
    [InlineData("../../escape")]
    [InlineData("a/b")]
    [InlineData("/etc/x")]
    [InlineData("spiffe://fangs.example/lab,OU=fangs-operator")]
    [InlineData("läb+OU=x")]
    public async Task Any_runner_id_stays_in_its_file_and_in_its_name(string id)
    {
        await CertsAsync("init");
        Assert.Equal(0, (await CertsAsync("runner", id)).ExitCode);
        var file = Assert.Single(Directory.GetFiles(_cli.Folder, "runner-*.crt", SearchOption.AllDirectories));
        Assert.Equal(Out, Path.GetDirectoryName(file));
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(file);
        var identity = Fangs.Http.Access.ClientIdentity.Of(certificate);
        Assert.Equal([id], identity.Names);
        Assert.Equal(Fangs.Http.Access.ClientRole.Runner, identity.Role);
    }

    [Theory]
    [InlineData("init -days 0", "-days must be")]
    [InlineData("init -days 3651", "-days must be")]
    [InlineData("init -days x", "whole number")]
    [InlineData("init -algorithm dsa", "expected p256 or rsa4096")]
    [InlineData("init -out=", "-out must not be empty")]
    [InlineData("init -hosts https://fangs.example", "neither a host name nor an IP address")]
    [InlineData("init -hosts fangs.example:8443", "neither a host name nor an IP address")]
    [InlineData("init -hosts a..b", "neither a host name nor an IP address")]
    [InlineData("runner *", "no runner id")]
    [InlineData("runner ..", "no runner id")]
    [InlineData("runner", "needs <id>")]
    [InlineData("operator a b", "unexpected argument")]
    [InlineData("runner -hosts x a", "no flag -hosts")]
    [InlineData("", "needs a subcommand")]
    public async Task Orders_that_make_no_sense_make_nothing(string line, string reason)
    {
        var result = await _cli.RunPlainAsync(["certs", .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Contains(reason, result.Error);
        Assert.Equal((2, ""), (result.ExitCode, result.Out));
        Assert.False(Directory.Exists("certs"));
    }

    [Fact]
    public async Task An_id_that_a_certificate_has_no_room_for_is_refused()
    {
        await CertsAsync("init");
        Assert.Equal(0, (await CertsAsync("runner", new string('x', 64))).ExitCode);
        var result = await CertsAsync("runner", new string('x', 65));
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("room for 64", result.Error);
    }

    [Fact]
    public async Task An_authority_that_is_missing_broken_or_at_its_end_is_named()
    {
        var missing = await CertsAsync("runner", "lab-1");
        Assert.Equal(3, missing.ExitCode);
        Assert.Contains("ca.crt is missing: make the authority with fangs certs init", missing.Error);

        await CertsAsync("init");
        _cli.Clock = new FakeTimeProvider(Now.AddYears(10).AddDays(-30));
        Assert.Contains("give fewer -days", (await CertsAsync("runner", "lab-1")).Error);
        Assert.Equal(0, (await CertsAsync("runner", "lab-1", "-days", "20")).ExitCode);
        _cli.Clock = new FakeTimeProvider(Now.AddYears(10));
        Assert.Contains("has expired", (await CertsAsync("runner", "lab-2", "-days", "1")).Error);

        _cli.Clock = new FakeTimeProvider(Now);
        File.Copy(Path.Combine(Out, "server.key"), Path.Combine(Out, "ca.key"), overwrite: true);
        var broken = await CertsAsync("runner", "lab-3");
        Assert.Equal(1, broken.ExitCode);
        Assert.Contains("cannot be used", broken.Error);
        File.Copy(Path.Combine(Out, "server.crt"), Path.Combine(Out, "ca.crt"), overwrite: true);
        Assert.Contains("not that of an authority", (await CertsAsync("runner", "lab-3")).Error);
    }

    private Task<CliResult> CertsAsync(params string[] args) => _cli.RunPlainAsync(["certs", .. args, "-out", Out]);

    private X509Certificate2 Load(string name) => X509CertificateLoader.LoadCertificateFromFile(Path.Combine(Out, name + ".crt"));

    private SortedDictionary<string, string> Contents() =>
        new(Directory.GetFiles(Out).ToDictionary(f => Path.GetFileName(f)!, File.ReadAllText), StringComparer.Ordinal);

    private static void AssertChains(X509Certificate2 certificate, X509Certificate2 authority, string purpose)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(purpose));
        chain.ChainPolicy.VerificationTime = certificate.NotBefore.AddMinutes(70);
        Assert.True(chain.Build(certificate), string.Join(", ", chain.ChainStatus.Select(s => s.StatusInformation)));
    }
}
