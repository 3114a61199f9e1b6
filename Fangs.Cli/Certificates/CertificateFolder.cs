using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fangs.Cli.Certificates;

/// <summary>One pair of files that a command is about to make.</summary>
/// <param name="Name">File name without <c>.crt</c> and <c>.key</c>.</param>
/// <param name="What">What it is, in words.</param>
/// <param name="Certificate">The certificate.</param>
/// <param name="KeyPem">Its key.</param>
public sealed record CertificatePair(string Name, string What, X509Certificate2 Certificate, string KeyPem);

/// <summary>The directory that <c>fangs certs</c> works in: an authority in <c>ca.crt</c> and <c>ca.key</c>, and what it has signed beside it.</summary>
public sealed class CertificateFolder(string path)
{
    /// <summary>Name of the authority's files.</summary>
    public const string Authority = "ca";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode ReadableByAll = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>The certificate file of a name.</summary>
    public string CertificateFile(string name) => Path.Combine(path, name + ".crt");

    /// <summary>The key file of a name.</summary>
    public string KeyFile(string name) => Path.Combine(path, name + ".key");

    /// <summary>Refuses to go on where files exist.</summary>
    /// <param name="names">Names that are about to be made.</param>
    /// <exception cref="CliException">One exists.</exception>
    public void RefuseExisting(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            foreach (var file in new[] { CertificateFile(name), KeyFile(name) })
                if (File.Exists(file)) throw new CliException($"{TerminalText.Escape(file)} exists: add -force to replace it, or choose another directory with -out");
        }
    }

    /// <summary>Opens the authority.</summary>
    /// <exception cref="CliException">It is not there or cannot be used.</exception>
    public CertificateAuthority OpenAuthority(DateTimeOffset now, int days)
    {
        var (certificate, key) = (CertificateFile(Authority), KeyFile(Authority));
        foreach (var file in new[] { certificate, key })
            if (!File.Exists(file)) throw new CliException($"{TerminalText.Escape(file)} is missing: make the authority with fangs certs init, or name its directory with -out", ExitCode.NotFound);
        CertificateAuthority authority;
        try
        {
            authority = CertificateAuthority.Read(File.ReadAllText(certificate), File.ReadAllText(key));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new CliException($"{TerminalText.Escape(certificate)} and {TerminalText.Escape(key)} cannot be used: {TerminalText.Cut(e.Message, 200)}");
        }

        var end = authority.Certificate.NotAfter.ToUniversalTime();
        if (now.AddDays(days) <= end) return authority;
        authority.Dispose();
        throw new CliException(now > end
            ? $"the authority in {TerminalText.Escape(certificate)} has expired at {end:u}: make a new one with fangs certs init -force, and then new certificates for everybody"
            : $"the authority in {TerminalText.Escape(certificate)} ends at {end:u}, before a certificate of {days} days would: give fewer -days, or make a new one with fangs certs init -force");
    }

    /// <summary>Stores pairs. A key file has mode 0600 from its first byte on; each file appears complete or not at all.</summary>
    public void Store(IReadOnlyList<CertificatePair> pairs, bool overwrite)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        if (OperatingSystem.IsWindows()) throw new CliException("keys cannot be protected by a file mode on Windows: make the certificates on Linux");
        if (!Directory.Exists(path)) Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        foreach (var pair in pairs)
        {
            Write(KeyFile(pair.Name), pair.KeyPem + "\n", OwnerOnly, overwrite);
            Write(CertificateFile(pair.Name), pair.Certificate.ExportCertificatePem() + "\n", ReadableByAll, overwrite);
        }
    }

    [UnsupportedOSPlatform("windows")]
    private static void Write(string file, string text, UnixFileMode mode, bool overwrite)
    {
        var temporary = $"{file}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = mode,
            }))
            {
                stream.Write(Encoding.ASCII.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, file, overwrite);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
