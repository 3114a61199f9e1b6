using System.Text;

namespace Fangs.Runner.Sandbox;

/// <summary>How npm behaves inside: quiet, repeatable, scripts on, and with its own configuration apart from <c>~/.npmrc</c>.</summary>
/// <remarks>npm itself never reads <c>~/.npmrc</c> this way, so that any read of it is the package's.</remarks>
/// <param name="Registry">Without user information.</param>
/// <param name="Certificates">Further CA certificates in PEM that the host's npm trusts; or null.</param>
/// <param name="ChecksCertificates">False when the host's npm has <c>strict-ssl=false</c>.</param>
internal sealed record NpmSettings(Uri Registry, string? Certificates, bool ChecksCertificates)
{
    private const string UserConfig = RootFileSystem.HarnessDirectory + "/npmrc";
    private const string GlobalConfig = RootFileSystem.HarnessDirectory + "/npmrc-global"; // does not exist
    private const string CertificateFile = RootFileSystem.HarnessDirectory + "/ca.pem";

    /// <summary>Takes over what of the host's npm decides whether the registry can be reached.</summary>
    /// <exception cref="SandboxException">npm's <c>cafile</c> cannot be read.</exception>
    internal static async Task<NpmSettings> ReadAsync(Uri registry, CancellationToken cancellationToken)
    {
        var bare = new UriBuilder(registry) { UserName = "", Password = "" }.Uri;
        // A root file system may bring its own npm to a host that has none.
        if (CommandLine.Find("npm") is null) return new NpmSettings(bare, await ReadCertificatesAsync(null, cancellationToken), true);
        var configured = await NpmConfig.ReadAsync(["cafile", "strict-ssl"], cancellationToken);
        return new NpmSettings(
            bare, await ReadCertificatesAsync(configured.GetValueOrDefault("cafile"), cancellationToken), configured.GetValueOrDefault("strict-ssl") != "false");
    }

    /// <summary>The environment of every process inside.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Environment(Toolchain toolchain) =>
    [
        new("npm_config_userconfig", UserConfig),
        new("npm_config_globalconfig", GlobalConfig),
        new("npm_config_nodedir", toolchain.Prefix), // node-gyp takes the headers from there: its download would end in the gateway
    ];

    /// <summary>Writes npm's configuration below a root.</summary>
    /// <param name="directory">The root on the host.</param>
    /// <param name="allowsScripts">Whether this npm knows, and needs, the setting that lets install scripts run.</param>
    /// <param name="write">Writes a text to a path.</param>
    internal void Write(string directory, bool allowsScripts, Action<string, string> write)
    {
        var text = new StringBuilder($"registry={Registry.AbsoluteUri}\n");
        text.Append("ignore-scripts=false\nforeground-scripts=true\n");
        text.Append("audit=false\nfund=false\nprogress=false\nupdate-notifier=false\nlogs-max=0\ncolor=false\n");
        text.Append("fetch-retries=1\nfetch-retry-mintimeout=500\nfetch-retry-maxtimeout=2000\n");
        if (allowsScripts) text.Append("dangerously-allow-all-scripts=true\n");
        if (!ChecksCertificates) text.Append("strict-ssl=false\n");
        if (Certificates is not null)
        {
            text.Append($"cafile={CertificateFile}\n");
            write(directory + CertificateFile, Certificates);
        }

        write(directory + UserConfig, text.ToString());
    }

    private static async Task<string?> ReadCertificatesAsync(string? cafile, CancellationToken cancellationToken)
    {
        var file = cafile ?? System.Environment.GetEnvironmentVariable("NODE_EXTRA_CA_CERTS");
        if (string.IsNullOrEmpty(file)) return null; // node's built-in list is enough for the public registry
        try
        {
            return await File.ReadAllTextAsync(file, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SandboxException($"npm's certificates '{file}' (cafile or NODE_EXTRA_CA_CERTS) cannot be read: {e.Message}", e);
        }
    }
}
