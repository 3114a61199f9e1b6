using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fangs.Benchmarks.Load;

/// <summary>An answer as far as the load generator looks at it.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">The body, empty when there is none.</param>
internal readonly record struct HttpAnswer(int Status, byte[] Body)
{
    /// <summary>The body as text.</summary>
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>One HTTP/1.1 connection over a bare socket, so that the client takes as little of the shared processors as it can.</summary>
internal sealed class HttpLine : IDisposable
{
    private readonly Socket _socket;
    private byte[] _buffer = new byte[1024];
    private int _length;

    private HttpLine(Socket socket) => _socket = socket;

    public static async Task<HttpLine> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            return new HttpLine(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A request without a body.</summary>
    public static byte[] Get(string path) => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: f\r\n\r\n");

    /// <summary>A request with a body.</summary>
    public static byte[] Post(string path, string body, string headers = "")
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        return [.. Head(path, $"Content-Length: {bytes.Length}\r\n{headers}"), .. bytes];
    }

    /// <summary>Head of a request whose body follows.</summary>
    public static byte[] Head(string path, string headers) =>
        Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\n{headers}\r\n");

    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty) bytes = bytes[await _socket.SendAsync(bytes, cancellationToken)..];
    }

    public async ValueTask<HttpAnswer> AskAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        await SendAsync(request, cancellationToken);
        return await ReceiveAsync(cancellationToken);
    }

    /// <summary>Reads one answer.</summary>
    /// <exception cref="IOException">The other side has closed the connection.</exception>
    public async ValueTask<HttpAnswer> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var end = _buffer.AsSpan(0, _length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                var (status, length) = ReadHead(_buffer.AsSpan(0, end));
                var total = end + 4 + length;
                while (_length < total) await FillAsync(total, cancellationToken);
                var answer = new HttpAnswer(status, length == 0 ? [] : _buffer.AsSpan(end + 4, length).ToArray());
                _buffer.AsSpan(total, _length - total).CopyTo(_buffer);
                _length -= total;
                return answer;
            }

            await FillAsync(_length + 1, cancellationToken);
        }
    }

    /// <summary>Waits until the other side closes, so that the waiting time of the closed connection is the server's.</summary>
    public async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        while (await _socket.ReceiveAsync(_buffer, cancellationToken) > 0)
        {
        }
    }

    public void Dispose() => _socket.Dispose();

    private static (int Status, int Length) ReadHead(ReadOnlySpan<byte> head)
    {
        if (!Utf8Parser.TryParse(head[9..], out int status, out _)) throw new IOException("No HTTP status: " + Encoding.ASCII.GetString(head));
        var length = 0;
        var name = "Content-Length: "u8;
        var at = head.IndexOf(name);
        if ((at >= 0 && !Utf8Parser.TryParse(head[(at + name.Length)..], out length, out _)) || head.IndexOf("Transfer-Encoding"u8) >= 0)
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"An answer {status} without a length"));
        return (status, length);
    }

    private async ValueTask FillAsync(int atLeast, CancellationToken cancellationToken)
    {
        if (_buffer.Length < atLeast) Array.Resize(ref _buffer, Math.Max(atLeast, 2 * _buffer.Length));
        var received = await _socket.ReceiveAsync(_buffer.AsMemory(_length), cancellationToken);
        if (received == 0) throw new IOException("The orchestrator has closed the connection.");
        _length += received;
    }
}
