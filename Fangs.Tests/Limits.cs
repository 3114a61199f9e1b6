using System.Diagnostics;

namespace Fangs.Tests;

/// <summary>How long a test waits for what has to happen. No promise of speed: only a broken product uses it up.</summary>
internal static class Limits
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    internal static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    internal static Task Soon(this Task task) => task.WaitAsync(Patience);

    internal static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Patience);

    internal static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Patience);

    /// <summary>Waits for a condition that nobody announces.</summary>
    internal static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!condition())
        {
            if (limit.IsCancellationRequested) throw new TimeoutException($"The condition did not come true within {Patience.TotalSeconds:0} s.");
            await Task.Yield();
        }
    }

    /// <summary>Disposes something at the end of a scope without waiting for ever.</summary>
    internal static IAsyncDisposable DisposedSoon(this IAsyncDisposable inner) => new Bounded(inner);

    /// <summary>Waits for the end of a process, whose output is read elsewhere; one that does not end is killed.</summary>
    internal static async Task ExitSoonAsync(this Process process)
    {
        try
        {
            await process.WaitForExitAsync().Soon();
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private sealed class Bounded(IAsyncDisposable inner) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await inner.DisposeAsync().Soon();
    }
}
