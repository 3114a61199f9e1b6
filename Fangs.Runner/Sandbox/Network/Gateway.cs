using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fangs.Runner.Bpf;
using Fangs.Runner.Sensor.Http;
using Fangs.Runner.Sensor.Tls;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>The only thing a sandbox's network leads to: answers its DNS, relays what is allowed, takes the first bytes of everything else.</summary>
/// <remarks>
/// Hostile input. Bounded in every direction: connections at a time, names, records, bytes kept. The host's own network settings are never touched.
/// </remarks>
internal sealed class Gateway : IAsyncDisposable
{
    private const int MaxRecords = 10_000;
    private const int MaxConnections = 256;
    private const int FirstBytes = ClientHello.MaxBytes;
    private const int DnsPort = 53;
    private static readonly TimeSpan FirstBytesWindow = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan DialWindow = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(50);

    private readonly NetworkNamespace _namespace;
    private readonly AllowList _allowed;
    private readonly bool _answersNames;
    private readonly TimeProvider _clock;
    private readonly FakeAddresses _addresses = new();
    private readonly List<GatewayRecord> _records = [];
    private readonly CancellationTokenSource _stopped = new();
    private readonly CancellationTokenSource _isolated = new(); // ends relays, before or with _stopped
    private readonly List<Task> _loops = [];
    private BpfObject? _steering;
    private BpfLink? _link;
    private int _connections;
    private int _unrecorded;

    private Gateway(NetworkNamespace @namespace, AllowList allowed, bool answersNames, TimeProvider clock) =>
        (_namespace, _allowed, _answersNames, _clock) = (@namespace, allowed, answersNames, clock);

    /// <summary>What was seen so far, in order; the first 10,000.</summary>
    internal IReadOnlyList<GatewayRecord> Records
    {
        get
        {
            lock (_records) return [.. _records];
        }
    }

    /// <summary>How many records did not fit into <see cref="Records"/>.</summary>
    internal int Unrecorded => Volatile.Read(ref _unrecorded);

    /// <summary>The path by which the container runtime joins the namespace.</summary>
    internal string NamespacePath => _namespace.Path;

    /// <summary>Makes the namespace and starts to serve it.</summary>
    /// <param name="allowed">Where connections may go.</param>
    /// <param name="answersNames">False: every query is answered with "refused".</param>
    /// <param name="clock">Times of records and limits.</param>
    /// <exception cref="SandboxException">The kernel refuses the namespace.</exception>
    /// <exception cref="BpfException">The kernel refuses the steering program.</exception>
    internal static Gateway Start(AllowList allowed, bool answersNames, TimeProvider clock)
    {
        var gateway = new Gateway(NetworkNamespace.Create(), allowed, answersNames, clock);
        try
        {
            gateway.Listen();
            gateway.Steer();
            gateway.Serve();
            return gateway;
        }
        catch (SocketException e)
        {
            gateway.Release();
            throw new SandboxException(
                $"The gateway cannot listen in its network namespace ({e.Message}): the runner needs root with CAP_NET_BIND_SERVICE and CAP_NET_ADMIN.", e);
        }
        catch
        {
            gateway.Release();
            throw;
        }
    }

    /// <summary>From now on nothing is relayed, not even to the registry: what needs it has been installed. Open relays end.</summary>
    internal Task IsolateAsync() => _isolated.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await _isolated.CancelAsync();
        Release();
        await Task.WhenAll(_loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopped.Dispose();
        _isolated.Dispose();
    }

    private void Release()
    {
        _link?.Dispose();
        _steering?.Dispose();
        _namespace.Dispose();
    }

    private void Listen()
    {
        _namespace.Tcp4.Bind(new IPEndPoint(IPAddress.Any, 0));
        _namespace.Tcp4.Listen(512);
        _namespace.Udp4.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.PacketInformation, true);
        _namespace.Udp4.Bind(new IPEndPoint(IPAddress.Any, DnsPort));
        if (_namespace is not { Tcp6: { } tcp6, Udp6: { } udp6 }) return;
        tcp6.DualMode = false;
        tcp6.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        tcp6.Listen(512);
        udp6.DualMode = false;
        udp6.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.PacketInformation, true);
        udp6.Bind(new IPEndPoint(IPAddress.IPv6Any, DnsPort));
    }

    private unsafe void Steer()
    {
        _steering = BpfObject.Open("steer.bpf.o");
        _steering.Load();
        Put("listeners", 0, (ulong)_namespace.Tcp4.Handle);
        if (_namespace.Tcp6 is { } tcp6) Put("listeners", 1, (ulong)tcp6.Handle);
        if (_allowed.Loopback is { } loopback) Put("loopback_port", 0, (ulong)loopback.Port);
        var link = LibBpf.ProgramAttachNetns(_steering.Programs()[0].Program, _namespace.Descriptor);
        if (link == 0) throw new BpfException($"The kernel does not attach an sk_lookup program (it came with Linux 5.9). {LibBpf.TakeMessages()}");
        _link = new BpfLink(link);

        void Put(string map, uint key, ulong value)
        {
            if (LibBpf.MapUpdate(_steering.MapFd(map), &key, &value, 0) is var result and not 0)
                throw new BpfException($"Cannot fill the map '{map}' of the gateway: error {-result}.");
        }
    }

    private void Serve()
    {
        _loops.Add(Task.Run(() => AnswerNamesAsync(_namespace.Udp4, IPAddress.Any)));
        _loops.Add(Task.Run(() => AcceptAsync(_namespace.Tcp4)));
        if (_namespace.Udp6 is { } udp6) _loops.Add(Task.Run(() => AnswerNamesAsync(udp6, IPAddress.IPv6Any)));
        if (_namespace.Tcp6 is { } tcp6) _loops.Add(Task.Run(() => AcceptAsync(tcp6)));
    }

    private async Task AnswerNamesAsync(Socket socket, IPAddress any)
    {
        var buffer = new byte[4096];
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                var packet = await socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, new IPEndPoint(any, 0), _stopped.Token);
                var asked = packet.PacketInformation.Address;
                if (Resolve(buffer.AsMemory(0, packet.ReceivedBytes), asked) is { } answer)
                    PacketReply.Send(socket, answer, (IPEndPoint)packet.RemoteEndPoint, asked);
            }
            catch (Exception e) when (IsEnd(e))
            {
                return;
            }
            catch (SocketException)
            {
                // A packet's trouble is its sender's: the next one is served.
            }
        }
    }

    private byte[]? Resolve(ReadOnlyMemory<byte> query, IPAddress asked)
    {
        var question = DnsQuestion.TryRead(query);
        Record(GatewayRecordKind.Dns, question?.Name ?? "", asked, DnsPort, question is null ? $"{query.Length} bytes, no DNS question" : $"type {question.Type}");
        if (question is null) return null;
        if (!_answersNames) return question.Answer(null, DnsQuestion.Refused);
        if (question.Type != DnsQuestion.TypeA || question.Name.Length == 0) return question.Answer(null);
        return _addresses.For(question.Name) is { } address ? question.Answer(address) : question.Answer(null, DnsQuestion.ServerFailure);
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptAsync(_stopped.Token);
                if (Interlocked.Increment(ref _connections) <= MaxConnections)
                {
                    _ = Task.Run(() => HandleAsync(client));
                    continue;
                }

                Interlocked.Decrement(ref _connections);
                var destination = (IPEndPoint)client.LocalEndPoint!;
                client.Dispose();
                Record(GatewayRecordKind.Refused, NameOf(destination), destination.Address, destination.Port, "too many connections at a time");
            }
            catch (Exception e) when (IsEnd(e))
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, or a client that is gone already. Without the pause the former would spin.
                await Task.Delay(AcceptPause, _clock, _stopped.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task HandleAsync(Socket client)
    {
        try
        {
            using (client)
            {
                var destination = (IPEndPoint)client.LocalEndPoint!;
                if (Dialable(destination) is { } target) await RelayAsync(client, destination, target);
                else await TakeFirstBytesAsync(client, destination);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Either side may hang up at any time; what there was to tell has been recorded.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    private string NameOf(IPEndPoint destination) => _addresses.NameOf(destination.Address) ?? "";

    private DnsEndPoint? Dialable(IPEndPoint destination)
    {
        if (_isolated.IsCancellationRequested || !_answersNames) return null;
        if (IPAddress.IsLoopback(destination.Address)) return _allowed.Loopback; // only the registry's port comes here
        var host = _addresses.NameOf(destination.Address) ?? destination.Address.ToString();
        return _allowed.Contains(host, destination.Port) ? new DnsEndPoint(host, destination.Port) : null;
    }

    private async Task RelayAsync(Socket client, IPEndPoint destination, DnsEndPoint target)
    {
        using var upstream = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        using (var window = new CancellationTokenSource(DialWindow, _clock))
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(_isolated.Token, window.Token))
        {
            try
            {
                await upstream.ConnectAsync(target, limit.Token);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                Record(GatewayRecordKind.Refused, target.Host, destination.Address, destination.Port, $"allowed, but the runner cannot connect: {e.Message}");
                return;
            }
        }

        Record(GatewayRecordKind.Allowed, target.Host, destination.Address, destination.Port, "relayed");
        await Task.WhenAll(CopyAsync(client, upstream), CopyAsync(upstream, client));
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[65_536];
        try
        {
            while (await from.ReceiveAsync(buffer, SocketFlags.None, _isolated.Token) is var read and > 0)
            {
                for (var sent = 0; sent < read;) sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), SocketFlags.None, _isolated.Token);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            from.Dispose(); // ends the opposite direction too
            to.Dispose();
        }
    }

    private async Task TakeFirstBytesAsync(Socket client, IPEndPoint destination)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
        try
        {
            var read = await ReadStartAsync(client, buffer.AsMemory(0, FirstBytes), destination.Port);
            Record(GatewayRecordKind.Refused, NameOf(destination), destination.Address, destination.Port, Describe(buffer.AsSpan(0, read)));
            if (destination.Port == DnsPort) await AnswerOverTcpAsync(client, buffer.AsMemory(0, read), destination.Address);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Hanging up after the first piece would keep the sensor from seeing the rest of what a program sends in pieces.
    private async Task<int> ReadStartAsync(Socket client, Memory<byte> buffer, int port)
    {
        var read = 0;
        using var window = new CancellationTokenSource(FirstBytesWindow, _clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopped.Token, window.Token);
        try
        {
            while (read < buffer.Length && await client.ReceiveAsync(buffer[read..], SocketFlags.None, limit.Token) is var more and > 0)
            {
                read += more;
                if (IsWhole(buffer.Span[..read], port)) break;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // What came until then is what there is.
        }

        return read;
    }

    /// <summary>Whether the first bytes of a connection say all that they can about where it was to go.</summary>
    internal static bool IsWhole(ReadOnlySpan<byte> first, int port)
    {
        if (port == DnsPort) return BinaryPrimitives.TryReadUInt16BigEndian(first, out var length) && first.Length - sizeof(ushort) >= length;
        if (ClientHello.Parse(first, out _) == ClientHelloState.Incomplete) return false;
        return !RequestHead.CanBegin(first) || (RequestHead.TryParse(first, out var head) ? head.IsComplete : first.Contains((byte)'\n'));
    }

    private async Task AnswerOverTcpAsync(Socket client, ReadOnlyMemory<byte> first, IPAddress asked)
    {
        if (!IsWhole(first.Span, DnsPort)) return;
        var length = BinaryPrimitives.ReadUInt16BigEndian(first.Span);
        if (Resolve(first.Slice(sizeof(ushort), length), asked) is not { } answer) return;
        byte[] framed = [(byte)(answer.Length >> 8), (byte)answer.Length, .. answer];
        await client.SendAsync(framed, SocketFlags.None, _stopped.Token);
        client.Shutdown(SocketShutdown.Send);
    }

    /// <summary>What the first bytes of a connection are, in printable ASCII.</summary>
    internal static string Describe(ReadOnlySpan<byte> first)
    {
        if (first.IsEmpty) return "no data";
        if (first.Length > 5 && first[0] == 0x16 && first[1] == 3 && first[5] == 1) return "tls client hello";
        var end = first.IndexOfAny((byte)'\r', (byte)'\n');
        var line = first[..Math.Min(end < 0 ? first.Length : end, 200)];
        if (!line.ContainsAnyExceptInRange((byte)' ', (byte)'~') && (line.IndexOf(" HTTP/"u8) > 0 || line.StartsWith("PRI "u8)))
            return "http " + Encoding.ASCII.GetString(line);
        return $"{first.Length} bytes";
    }

    private void Record(GatewayRecordKind kind, string name, IPAddress address, int port, string note)
    {
        lock (_records)
        {
            if (_records.Count < MaxRecords) _records.Add(new GatewayRecord(_clock.GetUtcNow(), kind, name, address.ToString(), port, note));
            else _unrecorded++;
        }
    }

    private bool IsEnd(Exception e) => _stopped.IsCancellationRequested || e is OperationCanceledException or ObjectDisposedException;
}
