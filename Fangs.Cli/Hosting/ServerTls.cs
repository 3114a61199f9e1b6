using System.Net;
using Fangs.Cli.Arguments;
using Fangs.Cli.Scans;

namespace Fangs.Cli.Hosting;

/// <summary>The TLS files of the orchestrator, as the command line names them.</summary>
/// <param name="Certificate">PEM file of its certificate.</param>
/// <param name="Key">PEM file of the key.</param>
/// <param name="ClientCa">PEM file of the authorities of client certificates; null: clients need none.</param>
public sealed record ServerTls(string Certificate, string Key, string? ClientCa)
{
    /// <summary>The flags of the orchestrator that have to do with TLS.</summary>
    public static IReadOnlyList<FlagSpec> Specs { get; } = CommandSpec.Unbound(
        new("tls-cert", FlagKind.Text, "", "PEM file of the orchestrator's certificate; serves HTTPS"),
        new("tls-key", FlagKind.Text, "", "PEM file of its key"),
        new("tls-client-ca", FlagKind.Text, "", "PEM file of the CA that every client must have a certificate from"),
        new("health-addr", FlagKind.Text, "", "loopback address and port for /v1/health without TLS"));

    /// <summary>Reads the flags.</summary>
    /// <returns>Null when plain HTTP is wanted.</returns>
    /// <exception cref="UsageException">Only a part is given, or they contradict others. Serving less than was asked for would be worse than not serving.</exception>
    public static ServerTls? From(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var (certificate, key, ca) = (TlsFlags.FileOf(line, "tls-cert"), TlsFlags.FileOf(line, "tls-key"), TlsFlags.FileOf(line, "tls-client-ca"));
        if (certificate is null && key is null && ca is null) return null;
        if (certificate is null && key is null) throw new UsageException("-tls-client-ca needs -tls-cert and -tls-key: without them there is no TLS to ask for client certificates in");
        if (certificate is null) throw new UsageException("-tls-key needs -tls-cert");
        if (key is null) throw new UsageException("-tls-cert needs -tls-key");
        return line.IsSet("insecure")
            ? throw new UsageException("-insecure is for plain HTTP and contradicts -tls-cert: leave one of them out")
            : new ServerTls(certificate, key, ca);
    }

    /// <summary>Reads <c>-health-addr</c>.</summary>
    /// <returns>Null when it was not given.</returns>
    /// <exception cref="UsageException">Others could reach it, or it is the main address.</exception>
    public static IPEndPoint? HealthAddress(CommandLine line, IPEndPoint main)
    {
        ArgumentNullException.ThrowIfNull(line);
        var text = line.Text("health-addr");
        if (text.Length == 0) return null;
        var address = ListenAddress.Parse(text, "health-addr");
        if (!ListenAddress.IsLoopback(address)) throw new UsageException($"-health-addr {text} can be reached from other hosts: use a loopback address such as 127.0.0.1:8444");
        return address.Port != 0 && address.Equals(main) ? throw new UsageException($"-health-addr {text} is the same as -addr: choose another port") : address;
    }
}
