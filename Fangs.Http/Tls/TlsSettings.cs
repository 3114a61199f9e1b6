namespace Fangs.Http.Tls;

/// <summary>Files of an orchestrator that serves HTTPS. They are read again when they change.</summary>
/// <param name="CertificateFile">PEM: the orchestrator's certificate, followed by intermediate ones.</param>
/// <param name="KeyFile">PEM: its private key, not encrypted.</param>
/// <param name="ClientCaFile">PEM: the authorities that client certificates must come from; null asks clients for none.</param>
public sealed record TlsSettings(string CertificateFile, string KeyFile, string? ClientCaFile)
{
    /// <summary>How often the files are looked at. A change counts when two looks in a row agree on it.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>A certificate or key file cannot be used. The message names the file, the reason and the remedy.</summary>
public sealed class TlsFileException : Exception
{
    /// <summary>Creates the exception.</summary>
    public TlsFileException(string message, Exception? inner = null) : base(message, inner) { }
}
