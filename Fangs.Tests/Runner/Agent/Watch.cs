namespace Fangs.Tests.Runner.Agent;

/// <summary>Lets a test wait for a condition on shared state without sleeping: whoever changes the state says so.</summary>
internal sealed class Watch
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private TaskCompletionSource _changed = NewSource();

    public void Notify() => Interlocked.Exchange(ref _changed, NewSource()).TrySetResult();

    public async Task UntilAsync(Func<bool> condition)
    {
        // One limit for the whole wait: a state that changes for ever without becoming the wanted one must fail the test too.
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            var change = Volatile.Read(ref _changed).Task;
            if (condition()) return;
            try
            {
                await change.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"What was waited for did not come within {Patience.TotalSeconds:0} s.");
            }
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
