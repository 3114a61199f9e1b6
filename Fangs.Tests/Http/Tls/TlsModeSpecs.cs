using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using Fangs.Http;
using Fangs.Http.Tls;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Http.Tls;

/// <summary>The three modes of the listener, and who gets a connection in each.</summary>
public sealed class TlsModeSpecs
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(TlsMode.Plain, "http", null, true)]
    [InlineData(TlsMode.Https, "https", null, true)]
    [InlineData(TlsMode.Https, "https", "runner", true)]
    [InlineData(TlsMode.Mutual, "https", null, false)]
    [InlineData(TlsMode.Mutual, "https", "runner", true)]
    [InlineData(TlsMode.Mutual, "https", "operator", true)]
    public async Task Every_mode_serves_those_it_is_meant_for(TlsMode mode, string scheme, string? role, bool isServed)
    {
        await using var orchestrator = await TlsFixture.StartAsync(mode);
        Assert.Equal(scheme, orchestrator.Host.Address.Scheme);
        Assert.Contains(orchestrator.Log.Lines, line => line.StartsWith($"Information: Listening on {scheme}://127.0.0.1:", StringComparison.Ordinal));
        using var client = orchestrator.Client(role is null ? null : await orchestrator.Pki.MakeAsync(role, "someone"));
        // Health, pages and the API alike: without a connection there is nothing to ask.
        foreach (var path in new[] { "/v1/health", "/nothing", "/v1/runners/someone/jobs/none" })
        {
            if (isServed)
            {
                using var answer = await client.GetAsync(path);
                Assert.NotEqual("", await answer.Content.ReadAsStringAsync());
            }
            else
            {
                await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(path));
            }
        }

        if (!isServed) await orchestrator.Log.UntilAsync("Warning: Refused a connection from", "shows no certificate");
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13, SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls12 | SslProtocols.Tls13, SslProtocols.Tls13)]
    public async Task TLS_1_2_is_accepted_and_1_3_preferred(SslProtocols offered, SslProtocols chosen)
    {
        await using var orchestrator = await TlsFixture.StartAsync(TlsMode.Mutual);
        var runner = await orchestrator.Pki.MakeAsync("runner", "r1");
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, orchestrator.Host.Address.Port);
        await using var stream = new SslStream(connection.GetStream());
        var options = orchestrator.Pki.ClientOptions(runner);
        (options.TargetHost, options.EnabledSslProtocols) = ("localhost", offered);
        await stream.AuthenticateAsClientAsync(options);
        Assert.Equal(chosen, stream.SslProtocol);
        await stream.WriteAsync(RawHttp.Request("GET", "/v1/health", null));
        Assert.Equal(200, (await RawHttp.ReadAsync(stream).WaitAsync(Limit)).Status);
    }

    [Fact]
    public async Task TLS_1_1_is_refused()
    {
        await using var orchestrator = await TlsFixture.StartAsync(TlsMode.Https);
        // The same greeting, but for the version: with 1.2 it is taken up, so it is the version that is refused.
        var (type, version) = await GreetAsync(orchestrator.Host.Address.Port, 3);
        Assert.Equal((0x16, 0x0303), (type, version));
        (type, _) = await GreetAsync(orchestrator.Host.Address.Port, 2);
        Assert.Contains(type, new[] { 0x15, -1 }); // an alert, or nothing at all
    }

    [Theory]
    [InlineData("foreign", "not from an authority in -tls-client-ca")]
    [InlineData("expired", "expired or not yet valid")]
    [InlineData("early", "expired or not yet valid")]
    [InlineData("server", "not meant for clients")]
    public async Task A_certificate_that_proves_nothing_gets_no_connection_and_a_line_in_the_log(string kind, string reason)
    {
        await using var orchestrator = await TlsFixture.StartAsync(TlsMode.Mutual);
        using var foreign = await Pki.CreateAsync();
        var now = TimeProvider.System.GetUtcNow();
        var certificate = kind switch
        {
            "foreign" => await foreign.MakeAsync("runner", "r1"),
            "expired" => await orchestrator.Pki.MakeAtAsync(now.AddMinutes(-1441), "runner", "r1", "-days", "1"),
            "early" => await orchestrator.Pki.MakeAtAsync(now.AddDays(2), "runner", "r1"),
            _ => orchestrator.Pki.File("server"),
        };
        using var client = orchestrator.Client(certificate);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/v1/health"));
        await orchestrator.Log.UntilAsync("Warning: Refused a connection from 127.0.0.1:", kind == "server" ? "CN=localhost" : "CN=r1", reason);
    }

    [Fact]
    public async Task HTTP_2_is_spoken_too()
    {
        await using var orchestrator = await TlsFixture.StartAsync(TlsMode.Https);
        using var client = orchestrator.Client(null);
        (client.DefaultRequestVersion, client.DefaultVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        using var scan = await client.PostAsync("/v1/scans", new StringContent("""{"target_runner":"*","Job":{"package_name":"a","version":"1.0.0"}}"""));
        var run = JsonDocument.Parse(await scan.Content.ReadAsStringAsync()).RootElement.GetProperty("run_id").GetString();
        // The endpoint that lifts limits of the connection, which HTTP/2 has others of.
        using var events = await client.PostAsync($"/v1/runs/{run}/events", new StringContent("""{"seq":1,"events":[{"type":2,"payload":{}}]}"""));
        Assert.Equal((HttpVersion.Version20, """{"received_batches":1,"received_events":1,"persisted":1}"""), (events.Version, await events.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Plain_HTTP_on_the_TLS_address_gets_no_answer()
    {
        await using var orchestrator = await TlsFixture.StartAsync(TlsMode.Https);
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, orchestrator.Host.Address.Port);
        await connection.GetStream().WriteAsync(RawHttp.Request("GET", "/v1/health", null));
        var answer = new byte[4];
        var read = await ReadSomeAsync(connection.GetStream(), answer);
        Assert.NotEqual("HTTP", Encoding.ASCII.GetString(answer, 0, read));
    }

    [Theory]
    [InlineData("GET", "/v1/health", 200, "\"status\":\"ok\"")]
    [InlineData("HEAD", "/v1/health", 200, "")]
    [InlineData("GET", "/v1/health?verbose=1", 200, "\"status\":\"ok\"")]
    [InlineData("GET", "/v1/ready", 200, "\"status\":\"ready\"")]
    [InlineData("POST", "/v1/health", 405, "method POST is not allowed")]
    [InlineData("GET", "/V1/health", 404, "only /v1/health")]
    [InlineData("GET", "/v1/health/../scans", 404, "only /v1/health")]
    [InlineData("GET", "//v1/health", 404, "only /v1/health")]
    [InlineData("GET", "/", 404, "only /v1/health")]
    [InlineData("GET", "/ui/actors", 404, "only /v1/health")]
    [InlineData("GET", "/metrics", 404, "only /v1/health")]
    [InlineData("POST", "/v1/scans", 404, "only /v1/health")]
    [InlineData("POST", "/v1/runners/register", 404, "only /v1/health")]
    [InlineData("GET", "/v1/runners/r1/jobs", 404, "only /v1/health")]
    public async Task The_health_address_needs_no_certificate_and_tells_nothing_else(string method, string path, int status, string text)
    {
        await using var orchestrator = await TlsFixture.StartAsync(TlsMode.Mutual);
        Assert.Equal("http", orchestrator.Host.HealthAddress!.Scheme);
        var answer = await new RawHttp(orchestrator.Host.HealthAddress.Port)
            .SendAsync(RawHttp.Request(method, path, method == "POST" ? "{}"u8.ToArray() : null), method == "HEAD").WaitAsync(Limit);
        Assert.Equal(status, answer.Status);
        Assert.Contains(text, answer.Body);
    }

    [Fact]
    public async Task Files_that_cannot_be_used_keep_it_from_starting_and_say_why()
    {
        using var pki = await Pki.CreateAsync();
        using var other = await Pki.CreateAsync();
        await pki.MakeAsync("runner", "r1");
        await other.MakeAtAsync(TimeProvider.System.GetUtcNow().AddDays(-2), "init", "-days", "1", "-force");
        File.WriteAllText(pki.File("empty.pem"), "");
        File.WriteAllText(pki.File("garbage.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        File.WriteAllText(pki.File("secret.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        var (crt, key, ca) = (pki.File("server.crt"), pki.File("server.key"), pki.File("ca.crt"));
        var good = new TlsSettings(crt, key, ca);
        foreach (var (settings, part) in new[]
        {
            (good with { CertificateFile = pki.File("none.crt") }, "none.crt cannot be read"),
            (good with { KeyFile = pki.File("none.key") }, "none.key cannot be read"),
            (good with { ClientCaFile = pki.File("none.crt") }, "none.crt cannot be read"),
            (good with { CertificateFile = pki.File("empty.pem") }, "holds no certificate"),
            (good with { CertificateFile = pki.File("garbage.pem") }, "garbage.pem"),
            (good with { KeyFile = pki.File("empty.pem") }, "holds no private key"),
            (good with { KeyFile = pki.File("secret.key") }, "is encrypted"),
            (good with { KeyFile = pki.File("ca.key") }, "is not the key of the certificate"),
            (good with { ClientCaFile = pki.File("empty.pem") }, "self-signed"),
            (good with { ClientCaFile = pki.File("garbage.pem") }, "garbage.pem"),
            (good with { ClientCaFile = crt }, "is not a certificate authority"),
            (good with { CertificateFile = pki.File("runner-r1.crt"), KeyFile = pki.File("runner-r1.key") }, "is not meant for servers"),
            (new TlsSettings(other.File("server.crt"), other.File("server.key"), null), "has expired"),
        })
        {
            var start = new OrchestratorSettings { Address = new IPEndPoint(IPAddress.Loopback, 0), Tls = settings };
            start = start with { Core = start.Core with { SqlitePath = pki.Database } };
            var refusal = await Assert.ThrowsAsync<TlsFileException>(
                () => OrchestratorHost.StartAsync(start, TimeProvider.System, logging => logging.ClearProviders(), CancellationToken.None));
            Assert.Contains(part, refusal.Message);
            Assert.False(File.Exists(pki.Database));
        }
    }

    /// <summary>Sends a greeting of TLS 1.x and returns the type of the answering record and the version in its ServerHello; -1 when nothing comes.</summary>
    private static async Task<(int Type, int Version)> GreetAsync(int port, byte minor)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, port);
        byte[] extensions =
        [
            0, 10, 0, 4, 0, 2, 0, 23, // groups: P-256
            0, 11, 0, 2, 1, 0, // uncompressed points
            0, 13, 0, 4, 0, 2, 4, 3, // signatures: ECDSA with SHA-256
        ];
        byte[] body =
        [
            3, minor, .. new byte[32], 0,
            0, 6, 0xc0, 0x2b, 0xc0, 0x09, 0xc0, 0x0a, // ECDHE-ECDSA with AES-GCM, and with AES-CBC for 1.1
            1, 0,
            0, (byte)extensions.Length, .. extensions,
        ];
        byte[] handshake = [1, 0, 0, (byte)body.Length, .. body];
        await connection.GetStream().WriteAsync((byte[])[0x16, 3, 1, 0, (byte)handshake.Length, .. handshake]);
        var answer = new byte[11];
        var read = await ReadSomeAsync(connection.GetStream(), answer);
        return read == 0 ? (-1, 0) : (answer[0], read == answer.Length ? (answer[9] << 8) + answer[10] : 0);
    }

    private static async Task<int> ReadSomeAsync(NetworkStream stream, byte[] answer)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            return await stream.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, limit.Token);
        }
        catch (IOException)
        {
            return 0; // reset: no answer either
        }
    }
}
