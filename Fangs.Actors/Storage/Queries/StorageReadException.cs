namespace Fangs.Actors.Storage.Queries;

/// <summary>The database cannot be read. The message is meant for operators and names the file.</summary>
public sealed class StorageReadException : Exception
{
    /// <summary>Creates the exception.</summary>
    public StorageReadException(string message) : base(message) { }

    /// <summary>Creates the exception with its cause.</summary>
    public StorageReadException(string message, Exception inner) : base(message, inner) { }
}
