using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fangs.Http.Tls;

/// <summary>What the TLS files held at one moment, checked and ready for handshakes.</summary>
public sealed class TlsMaterial
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2Collection _clientRoots = [];
    private readonly X509Certificate2Collection _clientIntermediates = [];

    private TlsMaterial(X509Certificate2 certificate, X509Certificate2Collection chain, X509Certificate2Collection? clientAuthorities)
    {
        Certificate = certificate;
        AsksForCertificates = clientAuthorities is not null;
        foreach (var authority in clientAuthorities ?? []) (IsSelfIssued(authority) ? _clientRoots : _clientIntermediates).Add(authority);
        // Naming the authorities in the handshake lets browsers offer the certificates that fit.
        Context = SslStreamCertificateContext.Create(
            certificate, chain, offline: true, AsksForCertificates ? SslCertificateTrust.CreateForX509Collection(_clientRoots, sendTrustInHandshake: true) : null);
    }

    /// <summary>The orchestrator's certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The certificate with its chain, for handshakes.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Whether clients must show a certificate.</summary>
    public bool AsksForCertificates { get; }

    /// <summary>How a client's certificate is checked: it must chain to the client authorities, be in force, and be meant for clients.</summary>
    public X509ChainPolicy ClientPolicy()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // private authorities publish no lists
            DisableCertificateDownloads = true, // or whoever connects could make the orchestrator fetch addresses of his choice
        };
        policy.CustomTrustStore.AddRange(_clientRoots);
        policy.ExtraStore.AddRange(_clientIntermediates);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return policy;
    }

    /// <summary>Makes the material from the contents of the files.</summary>
    /// <param name="settings">Names of the files, for messages.</param>
    /// <param name="contents">What they hold.</param>
    /// <param name="now">When it is to be used.</param>
    /// <exception cref="TlsFileException">One of them cannot be used.</exception>
    public static TlsMaterial Create(TlsSettings settings, TlsFileContents contents, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(contents);
        var certificate = ReadCertificate(settings, contents);
        try
        {
            CheckUse(settings.CertificateFile, certificate, now);
            var chain = ReadAll(settings.CertificateFile, contents.Certificate);
            var authorities = contents.ClientCa is { } ca ? ReadAuthorities(settings.ClientCaFile!, ca) : null;
            return new TlsMaterial(certificate, chain, authorities);
        }
        catch (CryptographicException e)
        {
            throw new TlsFileException($"{settings.CertificateFile} cannot be used for TLS: {e.Message}", e);
        }
    }

    private static X509Certificate2 ReadCertificate(TlsSettings settings, TlsFileContents contents)
    {
        var key = Encoding.UTF8.GetString(contents.Key);
        if (key.Contains("-----BEGIN ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal) || key.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
            throw new TlsFileException($"{settings.KeyFile} is encrypted, and nobody is there to type a passphrase: store the key unencrypted with mode 0600");
        if (ReadAll(settings.CertificateFile, contents.Certificate).Count == 0)
            throw new TlsFileException($"{settings.CertificateFile} holds no certificate in PEM form");
        if (!key.Contains("PRIVATE KEY-----", StringComparison.Ordinal)) throw new TlsFileException($"{settings.KeyFile} holds no private key in PEM form");
        try
        {
            return X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(contents.Certificate), key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new TlsFileException($"{settings.KeyFile} is not the key of the certificate in {settings.CertificateFile}: {e.Message}", e);
        }
    }

    private static void CheckUse(string file, X509Certificate2 certificate, DateTimeOffset now)
    {
        if (now < certificate.NotBefore.ToUniversalTime())
            throw new TlsFileException($"the certificate in {file} is valid from {certificate.NotBefore.ToUniversalTime():u}, which is in the future: check the clock");
        if (now > certificate.NotAfter.ToUniversalTime())
            throw new TlsFileException($"the certificate in {file} has expired at {certificate.NotAfter.ToUniversalTime():u}: make a new one, for instance with fangs certs server");
        var uses = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().FirstOrDefault()?.EnhancedKeyUsages;
        if (uses is { Count: > 0 } && !uses.Cast<Oid>().Any(use => use.Value is ServerAuthentication or "2.5.29.37.0"))
            throw new TlsFileException($"the certificate in {file} is not meant for servers: -tls-cert takes the server's, not a client's");
    }

    private static X509Certificate2Collection ReadAuthorities(string file, byte[] pem)
    {
        var authorities = ReadAll(file, pem);
        foreach (var authority in authorities)
        {
            if (authority.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is { CertificateAuthority: false })
                throw new TlsFileException($"{file}: {authority.Subject} is not a certificate authority; -tls-client-ca takes the authority that has signed the clients' certificates");
        }

        return authorities.Any(IsSelfIssued)
            ? authorities
            : throw new TlsFileException($"{file} holds no self-signed certificate of an authority in PEM form; add the root to it");
    }

    private static X509Certificate2Collection ReadAll(string file, byte[] pem)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(Encoding.UTF8.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw new TlsFileException($"{file} holds something that is no certificate: {e.Message}", e);
        }

        return all;
    }

    private static bool IsSelfIssued(X509Certificate2 certificate) =>
        certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}

/// <summary>The bytes of the TLS files.</summary>
/// <param name="Certificate">Of the certificate file.</param>
/// <param name="Key">Of the key file.</param>
/// <param name="ClientCa">Of the file of client authorities; null when there is none.</param>
public sealed record TlsFileContents(byte[] Certificate, byte[] Key, byte[]? ClientCa)
{
    /// <summary>Tells these contents from others.</summary>
    public string Digest { get; } = Convert.ToHexStringLower(SHA256.HashData(
        [.. SHA256.HashData(Certificate), .. SHA256.HashData(Key), .. ClientCa is null ? [] : SHA256.HashData(ClientCa)]));

    /// <summary>Reads the files.</summary>
    /// <exception cref="TlsFileException">One cannot be read.</exception>
    public static TlsFileContents Read(TlsSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new(ReadFile(settings.CertificateFile), ReadFile(settings.KeyFile), settings.ClientCaFile is { } ca ? ReadFile(ca) : null);
    }

    private static byte[] ReadFile(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TlsFileException($"{file} cannot be read: {e.Message}", e);
        }
    }
}
