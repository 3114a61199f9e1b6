using System.Net.Sockets;
using Fangs.Benchmarks.Load;

namespace Fangs.Chaos;

/// <summary>A party's connection to the orchestrator, through its proxy; made anew whenever it breaks.</summary>
internal sealed class PartyLine(int port) : IDisposable
{
    private HttpLine? _line;

    /// <summary>Whether there is a connection, as far as is known here.</summary>
    public bool IsOpen => _line is not null;

    /// <summary>Asks once.</summary>
    /// <returns>The answer; null when there was none in time.</returns>
    public async Task<HttpAnswer?> AskAsync(ReadOnlyMemory<byte> request, TimeSpan limit, CancellationToken stop)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(stop);
        time.CancelAfter(limit);
        try
        {
            _line ??= await HttpLine.ConnectAsync(port, time.Token);
            return await _line.AskAsync(request, time.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            Drop();
            return null;
        }
    }

    /// <summary>Sends something and does not look for an answer.</summary>
    public async Task SendOnlyAsync(ReadOnlyMemory<byte> bytes, TimeSpan limit, CancellationToken stop)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(stop);
        time.CancelAfter(limit);
        try
        {
            _line ??= await HttpLine.ConnectAsync(port, time.Token);
            await _line.SendAsync(bytes, time.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            Drop();
        }
    }

    /// <summary>Hangs up.</summary>
    public void Drop()
    {
        _line?.Dispose();
        _line = null;
    }

    public void Dispose() => Drop();
}
