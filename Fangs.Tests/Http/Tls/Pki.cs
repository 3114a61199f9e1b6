using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fangs.Tests.Cli;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Http.Tls;

/// <summary>Certificates in a temporary directory, made by the program itself.</summary>
internal sealed class Pki : IDisposable
{
    private readonly CliFixture _cli = new();

    public string Folder => Path.Combine(_cli.Folder, "certs");

    public string Database => _cli.Database;

    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>An authority with an orchestrator's certificate.</summary>
    public static async Task<Pki> CreateAsync()
    {
        var pki = new Pki();
        await pki.MakeAsync("init");
        return pki;
    }

    /// <summary>Runs <c>fangs certs</c> and returns the certificate's path without its extension.</summary>
    public Task<string> MakeAsync(params string[] args) => MakeAtAsync(TimeProvider.System.GetUtcNow(), args);

    /// <summary>The same on a host whose clock shows another time.</summary>
    public async Task<string> MakeAtAsync(DateTimeOffset now, params string[] args)
    {
        _cli.Clock = new FakeTimeProvider(now);
        var result = await _cli.RunPlainAsync(["certs", .. args, "-out", Folder]);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        return File(args[0] is "runner" or "operator" ? $"{args[0]}-{args[1]}" : "server");
    }

    /// <summary>Runs any command of the program.</summary>
    public Task<CliResult> RunAsync(params string[] args) => _cli.RunPlainAsync(args);

    /// <summary>Stores a client certificate made by other means, as older installations have them: a common name and nothing else.</summary>
    public string MakeBare(string subject, Action<CertificateRequest>? change = null)
    {
        using var authority = X509Certificate2.CreateFromPemFile(File("ca.crt"), File("ca.key"));
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        change?.Invoke(request);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(
            authority.SubjectName, X509SignatureGenerator.CreateForECDsa(authority.GetECDsaPrivateKey()!), now.AddMinutes(-30), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        var path = File("bare-" + Guid.NewGuid().ToString("n"));
        System.IO.File.WriteAllText(path + ".crt", certificate.ExportCertificatePem());
        System.IO.File.WriteAllText(path + ".key", key.ExportPkcs8PrivateKeyPem());
        return path;
    }

    /// <summary>A client of an orchestrator. Every request of it uses one connection, unless that ends.</summary>
    /// <param name="address">Of the orchestrator.</param>
    /// <param name="certificate">Path of its certificate without the extension, or null for none.</param>
    /// <param name="trust">File of the authority that the orchestrator's certificate must come from.</param>
    /// <param name="seen">Told the server's certificate at each handshake.</param>
    public HttpClient Client(Uri address, string? certificate, string? trust = null, Action<X509Certificate>? seen = null) =>
        new(new SocketsHttpHandler { SslOptions = ClientOptions(certificate, trust, seen), UseProxy = false, MaxConnectionsPerServer = 1 })
        {
            BaseAddress = address,
            Timeout = TimeSpan.FromSeconds(40),
        };

    /// <summary>The TLS side of a client, see <see cref="Client"/>.</summary>
    public SslClientAuthenticationOptions ClientOptions(string? certificate, string? trust = null, Action<X509Certificate>? seen = null)
    {
        var tls = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck },
            RemoteCertificateValidationCallback = (_, shown, _, errors) =>
            {
                if (shown is not null) seen?.Invoke(shown);
                return errors == SslPolicyErrors.None;
            },
        };
        tls.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(trust ?? File("ca.crt"));
        if (certificate is not null)
        {
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPemFile(certificate + ".crt", certificate + ".key"), additionalCertificates: null, offline: true);
        }

        return tls;
    }

    public void Dispose() => _cli.Dispose();
}
