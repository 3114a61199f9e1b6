namespace Fangs.Actors.Storage;

/// <summary>The database did not do what it was asked; nothing of the operation is stored. The message names the cause.</summary>
public class StorageException : Exception
{
    /// <summary>Creates the exception.</summary>
    public StorageException(string message) : base(message) { }

    /// <summary>Creates the exception with the driver's.</summary>
    public StorageException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>The database file cannot be used by this version, or not now. The message says what to do.</summary>
public sealed class StorageUnusableException : StorageException
{
    /// <summary>Creates the exception.</summary>
    public StorageUnusableException(string message) : base(message) { }

    /// <summary>Creates the exception with the driver's.</summary>
    public StorageUnusableException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>Another process has the database. Waiting may help, and that process can be asked.</summary>
public sealed class StorageInUseException : StorageException
{
    /// <summary>Creates the exception.</summary>
    public StorageInUseException(string message) : base(message) { }
}
