namespace Fangs.Cli;

/// <summary>Exit codes. Scripts that test for zero keep working with those that only know 0 and 1.</summary>
public static class ExitCode
{
    /// <summary>It worked.</summary>
    public const int Success = 0;

    /// <summary>It did not.</summary>
    public const int Error = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>What was asked for does not exist.</summary>
    public const int NotFound = 3;

    /// <summary>An id prefix fits several.</summary>
    public const int Ambiguous = 4;
}

/// <summary>A command cannot go on. The message is shown behind <c>fangs: </c>.</summary>
public sealed class CliException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">For operators; what comes from elsewhere in it is already escaped.</param>
    /// <param name="exitCode">A value of <see cref="Cli.ExitCode"/>.</param>
    public CliException(string message, int exitCode = Cli.ExitCode.Error) : base(message) => ExitCode = exitCode;

    /// <summary>The exit code that it leads to.</summary>
    public int ExitCode { get; }
}
