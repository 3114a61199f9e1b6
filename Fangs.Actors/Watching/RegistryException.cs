namespace Fangs.Actors.Watching;

/// <summary>The registry did not give what was asked for. The message is for operators and stays with the package.</summary>
public sealed class RegistryException : Exception
{
    /// <summary>Creates the exception.</summary>
    public RegistryException(string message, TimeSpan? retryAfter, bool isPermanent) : base(message) => (RetryAfter, IsPermanent) = (retryAfter, isPermanent);

    /// <summary>Creates the exception with its cause.</summary>
    public RegistryException(string message, Exception inner) : base(message, inner) { }

    /// <summary>How long the registry wants to be left alone; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>Whether the same request will not do better later.</summary>
    public bool IsPermanent { get; }
}
