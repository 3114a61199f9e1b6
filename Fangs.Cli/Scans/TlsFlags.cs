using Fangs.Cli.Arguments;

namespace Fangs.Cli.Scans;

/// <summary>The TLS files of a client of the orchestrator. Null where not given.</summary>
/// <param name="Ca">PEM file of the authorities that the orchestrator's certificate must come from; null: those of the system.</param>
/// <param name="Certificate">PEM file of the client's own certificate.</param>
/// <param name="Key">PEM file of its key.</param>
public sealed record TlsFlags(string? Ca, string? Certificate, string? Key)
{
    /// <summary>The flags.</summary>
    public static IReadOnlyList<FlagSpec> Specs { get; } = CommandSpec.Unbound(
        new("tls-ca", FlagKind.Text, "", "PEM file of the CA that the orchestrator's certificate must come from"),
        new("tls-cert", FlagKind.Text, "", "PEM file of the client certificate"),
        new("tls-key", FlagKind.Text, "", "PEM file of its key"));

    /// <summary>Reads the flags.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="orchestrator">The address that is to be called.</param>
    /// <exception cref="UsageException">They make no sense together or with the address.</exception>
    public static TlsFlags From(CommandLine line, Uri orchestrator)
    {
        ArgumentNullException.ThrowIfNull(orchestrator);
        var flags = new TlsFlags(FileOf(line, "tls-ca"), FileOf(line, "tls-cert"), FileOf(line, "tls-key"));
        if (orchestrator.Scheme == "http" && flags is not { Ca: null, Certificate: null, Key: null })
            throw new UsageException("TLS flags need an https:// address in -orchestrator");
        return flags.Certificate is null == flags.Key is null ? flags : throw new UsageException("-tls-cert and -tls-key go together");
    }

    /// <summary>The file that a flag names; null when it was not given.</summary>
    /// <exception cref="UsageException">It was given without a name, as an unset variable of a script does.</exception>
    public static string? FileOf(CommandLine line, string flag)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (!line.Given.Contains(flag)) return null;
        return line.Text(flag) is { Length: > 0 } file ? file : throw new UsageException($"-{flag} is empty: name a file or leave the flag out");
    }
}
