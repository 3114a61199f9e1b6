namespace Fangs.Tests.Runner.Agent;

/// <summary>Lets a test wait for a condition on shared state without sleeping: whoever changes the state says so.</summary>
internal sealed class Watch
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private TaskCompletionSource _changed = NewSource();

    public void Notify() => Interlocked.Exchange(ref _changed, NewSource()).TrySetResult();

    public async Task UntilAsync(Func<bool> condition)
    {
        while (true)
        {
            var change = Volatile.Read(ref _changed).Task;
            if (condition()) return;
            await change.WaitAsync(Patience);
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
