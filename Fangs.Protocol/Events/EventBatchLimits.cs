namespace Fangs.Protocol.Events;

/// <summary>How large the batches of a stream may be.</summary>
public sealed record EventBatchLimits
{
    /// <summary>The limits of the protocol.</summary>
    public static EventBatchLimits Default { get; } = new();

    /// <summary>Most bytes of one batch object, from its opening to its closing brace. At least 2.</summary>
    public int MaxBatchBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Most events of one batch.</summary>
    public int MaxEvents { get; init; } = 1024;

    /// <summary>Deepest nesting of objects and arrays, the batch object being 1. At most 64.</summary>
    public int MaxDepth { get; init; } = 64;
}
