using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fangs.Cli.Certificates;

/// <summary>A certificate with its key, not yet stored.</summary>
/// <param name="Certificate">The certificate.</param>
/// <param name="KeyPem">Its key, PKCS#8 in PEM.</param>
public sealed record IssuedCertificate(X509Certificate2 Certificate, string KeyPem);

/// <summary>The kinds of key that certificates are made with.</summary>
public static class KeyAlgorithm
{
    /// <summary>ECDSA on the curve P-256.</summary>
    public const string P256 = "p256";

    /// <summary>RSA with 4,096 bits, for what does not know elliptic curves.</summary>
    public const string Rsa4096 = "rsa4096";

    /// <summary>Makes a key.</summary>
    /// <param name="name">One of the names.</param>
    public static AsymmetricAlgorithm Create(string name) => name switch
    {
        P256 => ECDsa.Create(ECCurve.NamedCurves.nistP256),
        Rsa4096 => RSA.Create(4096),
        _ => throw new ArgumentException($"No such algorithm: {name}", nameof(name)),
    };

    /// <summary>Whether there is an algorithm of that name.</summary>
    public static bool IsKnown(string name) => name is P256 or Rsa4096;
}

/// <summary>A certificate authority of an installation: makes the certificates of its orchestrator, runners and operators.</summary>
public sealed class CertificateAuthority : IDisposable
{
    /// <summary>How long an authority lasts. Much longer than what it signs, so that certificates are renewed without touching the others.</summary>
    public const int LifetimeYears = 10;

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    // Clocks of other hosts may be behind; a certificate that is not valid yet over there is a puzzling failure.
    private static readonly TimeSpan ClockSlack = TimeSpan.FromHours(1);

    private readonly AsymmetricAlgorithm _key;

    private CertificateAuthority(X509Certificate2 certificate, AsymmetricAlgorithm key) => (Certificate, _key) = (certificate, key);

    /// <summary>Its certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Its key, PKCS#8 in PEM.</summary>
    public string KeyPem => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>Makes a new authority.</summary>
    public static CertificateAuthority Create(string algorithm, DateTimeOffset now)
    {
        var key = KeyAlgorithm.Create(algorithm);
        // The number tells authorities apart that were made one after the other.
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationName("FANGS");
        name.AddCommonName($"FANGS CA {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
        var request = RequestFor(name.Build(), key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        var identifier = new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false);
        request.CertificateExtensions.Add(identifier);
        var from = WholeSeconds(now - ClockSlack);
        return new CertificateAuthority(request.Create(request.SubjectName, SignatureOf(key), from, from.AddYears(LifetimeYears), NewSerial()), key);
    }

    /// <summary>Reads an authority.</summary>
    /// <exception cref="CryptographicException">The texts hold no certificate of an authority with its key.</exception>
    public static CertificateAuthority Read(string certificatePem, string keyPem)
    {
        using var both = X509Certificate2.CreateFromPem(certificatePem, keyPem);
        if (both.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
            throw new CryptographicException("the certificate is not that of an authority");
        AsymmetricAlgorithm key = both.GetECDsaPrivateKey() ?? (AsymmetricAlgorithm?)both.GetRSAPrivateKey()
            ?? throw new CryptographicException("the key is neither ECDSA nor RSA");
        return new CertificateAuthority(X509Certificate2.CreateFromPem(certificatePem), key);
    }

    /// <summary>Makes the certificate of an orchestrator.</summary>
    /// <param name="hosts">Names and addresses under which it is called; the first is its common name.</param>
    /// <param name="algorithm">Kind of key.</param>
    /// <param name="now">The time.</param>
    /// <param name="days">Days that it lasts.</param>
    public IssuedCertificate IssueServer(IReadOnlyList<string> hosts, string algorithm, DateTimeOffset now, int days)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address)) names.AddIpAddress(address);
            else names.AddDnsName(host);
        }

        // Common names have room for 64 characters; clients look at the alternative names only.
        return Issue(hosts[0].Length <= 64 ? hosts[0] : "fangs-orchestrator", unit: null, ServerAuthentication, names.Build(), algorithm, now, days);
    }

    /// <summary>Makes the certificate of a client.</summary>
    /// <param name="commonName">Runner id or name of the operator.</param>
    /// <param name="unit">Organizational unit, which says the role.</param>
    /// <param name="algorithm">Kind of key.</param>
    /// <param name="now">The time.</param>
    /// <param name="days">Days that it lasts.</param>
    public IssuedCertificate IssueClient(string commonName, string unit, string algorithm, DateTimeOffset now, int days) =>
        Issue(commonName, unit, ClientAuthentication, null, algorithm, now, days);

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private IssuedCertificate Issue(
        string commonName, string? unit, string purpose, X509Extension? alternativeNames, string algorithm, DateTimeOffset now, int days)
    {
        using var key = KeyAlgorithm.Create(algorithm);
        var name = new X500DistinguishedNameBuilder();
        if (unit is not null) name.AddOrganizationalUnitName(unit);
        name.AddCommonName(commonName);
        var request = RequestFor(name.Build(), key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        // RSA keys also encipher, in the oldest cipher suites of TLS 1.2.
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.DigitalSignature | (key is RSA ? X509KeyUsageFlags.KeyEncipherment : X509KeyUsageFlags.None), critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        if (alternativeNames is not null) request.CertificateExtensions.Add(alternativeNames);
        DateTimeOffset issuerFrom = Certificate.NotBefore.ToUniversalTime();
        var from = WholeSeconds(now - ClockSlack);
        var certificate = request.Create(Certificate.SubjectName, SignatureOf(_key), from > issuerFrom ? from : issuerFrom, WholeSeconds(now).AddDays(days), NewSerial());
        return new IssuedCertificate(certificate, key.ExportPkcs8PrivateKeyPem());
    }

    private static CertificateRequest RequestFor(X500DistinguishedName name, AsymmetricAlgorithm key) => key is RSA rsa
        ? new CertificateRequest(name, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        : new CertificateRequest(name, (ECDsa)key, HashAlgorithmName.SHA256);

    private static X509SignatureGenerator SignatureOf(AsymmetricAlgorithm key) => key is RSA rsa
        ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1)
        : X509SignatureGenerator.CreateForECDsa((ECDsa)key);

    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7f) | 0x40); // positive, and of one length
        return serial;
    }

    private static DateTimeOffset WholeSeconds(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
