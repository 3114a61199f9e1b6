namespace Fangs.Cli.Arguments;

/// <summary>The command line cannot be understood or asks for something contradictory. The message is shown and the exit code is 2.</summary>
public sealed class UsageException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong and what to do instead.</param>
    public UsageException(string message) : base(message) { }
}
