using System.Threading.Channels;

namespace Fangs.Runner.Agent;

/// <summary>A signal from many to one waiter. It stays set until it is waited for; setting it twice is setting it once.</summary>
internal sealed class Pulse
{
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Lets the waiter go on.</summary>
    public void Set() => _signal.Writer.TryWrite(true);

    /// <summary>Waits for the next signal.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken) => await _signal.Reader.ReadAsync(cancellationToken);

    /// <summary>Waits for the next signal, but no longer than a limit.</summary>
    public async Task WaitAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        if (limit <= TimeSpan.Zero || _signal.Reader.TryRead(out _)) return;
        using var elapsed = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, elapsed.Token);
        try
        {
            await _signal.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The limit is over, which is one of the two things waited for.
        }
    }
}
