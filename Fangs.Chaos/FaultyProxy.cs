using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Fangs.Chaos;

/// <summary>The network between one party and the orchestrator: passes TCP connections on, and breaks them when told to.</summary>
internal sealed class FaultyProxy : IAsyncDisposable
{
    private const int PieceBytes = 16 << 10;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Link, bool> _links = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly Task _accepting;
    private int _refusing, _swallowing, _delayMs, _bytesPerTick;

    /// <summary>Opens a port of its own in front of one of this host.</summary>
    public FaultyProxy(int target)
    {
        _target = target;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where the party connects to.</summary>
    public int Port { get; }

    /// <summary>Connections that have been broken so far.</summary>
    public int Broken { get; private set; }

    /// <summary>Resets every connection, on both sides.</summary>
    public void Reset()
    {
        foreach (var link in _links.Keys)
        {
            Broken++;
            link.Reset();
        }
    }

    /// <summary>Begins or ends to reset new connections. They nest, as faults overlap.</summary>
    public void Refuse(bool begin) => Interlocked.Add(ref _refusing, begin ? 1 : -1);

    /// <summary>Begins or ends to let what is sent vanish. A connection that was open meanwhile never works again, and neither side is told.</summary>
    public void Swallow(bool begin)
    {
        Interlocked.Add(ref _swallowing, begin ? 1 : -1);
        if (!begin) return;
        foreach (var link in _links.Keys)
        {
            Broken++;
            link.IsDead = true;
        }
    }

    /// <summary>Delays each piece that passes; zero: no more.</summary>
    public void Delay(TimeSpan time) => Volatile.Write(ref _delayMs, (int)time.TotalMilliseconds);

    /// <summary>Limits the rate in bytes a second, in each direction of each connection; zero: no more.</summary>
    public void Throttle(double bytesPerSecond) => Volatile.Write(ref _bytesPerTick, bytesPerSecond > 0 ? Math.Max(1, (int)(bytesPerSecond * Tick.TotalSeconds)) : 0);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        foreach (var link in _links.Keys) link.Reset();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var client = await _listener.AcceptAsync(_stop.Token);
            client.NoDelay = true;
            var link = new Link(client, new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }) { IsDead = Volatile.Read(ref _swallowing) > 0 };
            _links[link] = true;
            if (Volatile.Read(ref _refusing) > 0) End(link);
            else _ = ServeAsync(link);
        }
    }

    private async Task ServeAsync(Link link)
    {
        try
        {
            if (!link.IsDead) await link.Server.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _target), _stop.Token);
            var up = PumpAsync(link, link.Client, link.Server);
            var down = link.Server.Connected ? PumpAsync(link, link.Server, link.Client) : up;
            await Task.WhenAll(up, down);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Either side is gone, or the orchestrator is down: the other side sees a reset.
        }
        finally
        {
            End(link);
        }
    }

    private async Task PumpAsync(Link link, Socket from, Socket to)
    {
        var buffer = new byte[PieceBytes];
        while (true)
        {
            var pieces = Volatile.Read(ref _bytesPerTick);
            var count = await from.ReceiveAsync(pieces > 0 ? buffer.AsMemory(0, Math.Min(pieces, PieceBytes)) : buffer, _stop.Token);
            if (count == 0 && !link.IsDead)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }

            if (count == 0) throw new SocketException((int)SocketError.ConnectionReset); // whoever hung up: now the other side may know
            if (pieces > 0) await Task.Delay(Tick, TimeProvider.System, _stop.Token);
            if (Volatile.Read(ref _delayMs) is > 0 and var late) await Task.Delay(TimeSpan.FromMilliseconds(late), TimeProvider.System, _stop.Token);
            for (var sent = 0; sent < count && !link.IsDead;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stop.Token);
        }
    }

    private void End(Link link)
    {
        _links.TryRemove(link, out _);
        link.Reset();
    }

    private sealed class Link(Socket client, Socket server)
    {
        private volatile bool _isDead;

        public Socket Client => client;

        public Socket Server => server;

        public bool IsDead
        {
            get => _isDead;
            set => _isDead = value;
        }

        public void Reset()
        {
            foreach (var socket in (Socket[])[client, server])
            {
                try
                {
                    socket.LingerState = new LingerOption(true, 0); // closing sends RST
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // Not connected, or closed already.
                }

                socket.Dispose();
            }
        }
    }
}
