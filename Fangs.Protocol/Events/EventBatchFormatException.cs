namespace Fangs.Protocol.Events;

/// <summary>A stream of event batches breaks the protocol. The message names the batch, the field and the remedy, and may be shown to the sender.</summary>
public sealed class EventBatchFormatException : Exception
{
    /// <summary>Describes what is wrong.</summary>
    public EventBatchFormatException(string message)
        : base(message)
    {
    }

    /// <summary>Describes what is wrong, with the exception that told.</summary>
    public EventBatchFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
