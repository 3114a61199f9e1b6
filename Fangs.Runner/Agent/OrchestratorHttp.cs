using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fangs.Runner.Agent;

/// <summary>The connections of a runner to its orchestrator: proxy, limits, trust and identity.</summary>
internal static class OrchestratorHttp
{
    /// <summary>Reads the certificates and makes the handler.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">A file does not hold what its flag promises.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SocketsHttpHandler CreateHandler(RunnerSettings settings) => new()
    {
        AllowAutoRedirect = false, // a redirected POST would become a GET
        UseCookies = false,
        UseProxy = !settings.Orchestrator.IsLoopback,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that a changed DNS entry is noticed
        SslOptions = CreateTls(settings),
        // Its own span, which nobody exports, would stand between ours and the orchestrator's: OrchestratorClient passes the trace on.
        ActivityHeadersPropagator = null,
    };

    private static SslClientAuthenticationOptions CreateTls(RunnerSettings settings)
    {
        var options = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 };
        if (settings.TlsCa is { } ca)
        {
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck, // private authorities publish no lists
                DisableCertificateDownloads = true, // whoever answers must not make the runner fetch addresses of his choice
            };
            options.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(ca);
            if (options.CertificateChainPolicy.CustomTrustStore.Count == 0) throw new CryptographicException($"{ca} holds no certificate in PEM form");
        }

        if (settings is { TlsCert: { } cert, TlsKey: { } key })
        {
            var leaf = X509Certificate2.CreateFromPemFile(cert, key);
            var rest = new X509Certificate2Collection();
            rest.ImportFromPemFile(cert);
            options.ClientCertificateContext = SslStreamCertificateContext.Create(leaf, rest, offline: true);
        }

        return options;
    }
}
