using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Tls;

/// <summary>Puts TLS on a listener: 1.2 at least, and the identity of the moment for each new connection.</summary>
internal static partial class TlsListener
{
    private const SslProtocols Allowed = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>Puts it on.</summary>
    /// <param name="listen">The listener.</param>
    /// <param name="identity">Whose certificate.</param>
    /// <param name="asksClients">Whether clients must have certificates, where the files say so.</param>
    /// <param name="log">Where refusals go.</param>
    public static void UseTls(this ListenOptions listen, TlsIdentity identity, bool asksClients, ILogger log) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = connection => ValueTask.FromResult(OptionsFor(identity.Current, asksClients, connection.Connection.RemoteEndPoint, log)),
    });

    private static SslServerAuthenticationOptions OptionsFor(TlsMaterial material, bool asksClients, EndPoint? remote, ILogger log)
    {
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = material.Context,
            EnabledSslProtocols = Allowed,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        if (!asksClients || !material.AsksForCertificates) return options;
        options.ClientCertificateRequired = true;
        options.AllowTlsResume = false; // a resumed session rests on a certificate that was checked against older files
        options.CertificateChainPolicy = material.ClientPolicy();
        options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsAccepted(certificate, chain, errors, remote, log);
        return options;
    }

    private static bool IsAccepted(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, EndPoint? remote, ILogger log)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (certificate is null) NoCertificate(log, remote);
        else BadCertificate(log, remote, OneLine(certificate.Subject), OneLine(certificate.Issuer), Reasons(chain, errors));
        return false;
    }

    private static string Reasons(X509Chain? chain, SslPolicyErrors errors)
    {
        var reasons = chain?.ChainElements.SelectMany(element => element.ChainElementStatus)
            .Concat(chain.ChainStatus)
            .Where(status => status.Status != X509ChainStatusFlags.NoError)
            .Select(status => status.Status switch
            {
                X509ChainStatusFlags.NotTimeValid => "expired or not yet valid",
                X509ChainStatusFlags.UntrustedRoot or X509ChainStatusFlags.PartialChain => "not from an authority in -tls-client-ca",
                X509ChainStatusFlags.NotSignatureValid => "its signature is wrong",
                X509ChainStatusFlags.NotValidForUsage => "not meant for clients",
                var other => other.ToString(),
            })
            .Distinct()
            .ToList();
        return reasons is { Count: > 0 } ? string.Join(", ", reasons) : errors.ToString();
    }

    // The subject is whatever a stranger has put into a certificate of his own making.
    private static string OneLine(string text)
    {
        var safe = new string([.. text.Take(200).Select(c => char.IsControl(c) ? '?' : c)]);
        return text.Length > 200 ? safe + "…" : safe;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a connection from {Remote}: the client shows no certificate")]
    private static partial void NoCertificate(ILogger logger, EndPoint? remote);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a connection from {Remote}: client certificate {Subject}, issued by {Issuer}: {Reasons}")]
    private static partial void BadCertificate(ILogger logger, EndPoint? remote, string subject, string issuer, string reasons);
}
