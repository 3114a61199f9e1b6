namespace Fangs.Tests;

/// <summary>How long a test waits for what has to happen. No promise of speed: only a broken product uses it up.</summary>
internal static class Limits
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    internal static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    internal static Task Soon(this Task task) => task.WaitAsync(Patience);

    internal static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Patience);
}
