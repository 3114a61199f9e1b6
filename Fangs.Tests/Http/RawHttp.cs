using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Fangs.Tests.Http;

public sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>HTTP/1.1 over a plain socket, so that a test says every byte that goes out.</summary>
public sealed class RawHttp(int port)
{
    public static byte[] Request(string method, string path, byte[]? body, params string[] headers)
    {
        var head = new StringBuilder($"{method} {path} HTTP/1.1\r\nHost: orchestrator\r\n");
        foreach (var header in headers) head.Append(header).Append("\r\n");
        if (body is not null) head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        return [.. Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), .. body ?? []];
    }

    public Task<RawAnswer> SendAsync(string method, string path, string? body = null) =>
        SendAsync(Request(method, path, body is null ? null : Encoding.UTF8.GetBytes(body)), method == "HEAD");

    public async Task<RawAnswer> SendAsync(byte[] request, bool isHead = false)
    {
        using var connection = await OpenAsync();
        await connection.GetStream().WriteAsync(request).Soon();
        return await ReadAsync(connection.GetStream(), isHead);
    }

    public async Task<TcpClient> OpenAsync()
    {
        var connection = new TcpClient();
        await connection.ConnectAsync("127.0.0.1", port).Soon();
        return connection;
    }

    public static async Task<RawAnswer> ReadAsync(Stream stream, bool isHead = false)
    {
        using var limit = new CancellationTokenSource(Limits.Patience); // well above the window of a poll
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, limit.Token) == 0) throw new EndOfStreamException($"The answer ends after {head.Count} bytes.");
            head.Add(one[0]);
        }

        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(l => l.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase);
        var length = headers.TryGetValue("Content-Length", out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : 0;
        var body = new byte[isHead ? 0 : length];
        await stream.ReadExactlyAsync(body, limit.Token);
        return new RawAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, Encoding.UTF8.GetString(body));
    }
}
