namespace Fangs.Runner.Sensor.Http;

/// <summary>The parts of an HTTP/1 request head that say where it goes.</summary>
internal readonly ref struct RequestHead
{
    private const int LongestMethod = 20;

    private RequestHead(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, ReadOnlySpan<byte> host, bool isComplete)
    {
        Method = method;
        Target = target;
        Host = host;
        IsComplete = isComplete;
    }

    /// <summary>For instance <c>GET</c>.</summary>
    internal ReadOnlySpan<byte> Method { get; }

    /// <summary>The path, or what the method has in its place.</summary>
    internal ReadOnlySpan<byte> Target { get; }

    /// <summary>The Host header; empty when there is none (yet).</summary>
    internal ReadOnlySpan<byte> Host { get; }

    /// <summary>True when more bytes would change nothing.</summary>
    internal bool IsComplete { get; }

    /// <summary>Whether the bytes can be the beginning of a request.</summary>
    internal static bool CanBegin(ReadOnlySpan<byte> stream)
    {
        var space = stream.IndexOf((byte)' ');
        var method = space < 0 ? stream : stream[..space];
        return method.Length is > 0 and <= LongestMethod && !method.ContainsAnyExceptInRange((byte)'A', (byte)'Z');
    }

    /// <summary>Reads the bytes that a client sent first. False while the request line is not whole, or when it is none.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> stream, out RequestHead head)
    {
        head = default;
        if (!CanBegin(stream) || !TryTakeLine(ref stream, out var line)) return false;
        var first = line.IndexOf((byte)' ');
        var last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last <= first || !line[(last + 1)..].StartsWith("HTTP/"u8)) return false;
        var method = line[..first];
        var target = line[(first + 1)..last];
        while (TryTakeLine(ref stream, out line))
        {
            if (line.IsEmpty)
            {
                head = new RequestHead(method, target, default, isComplete: true);
                return true;
            }

            if (line.Length >= 5 && System.Text.Ascii.EqualsIgnoreCase(line[..5], "host:"u8))
            {
                head = new RequestHead(method, target, line[5..].Trim(" \t"u8), isComplete: true);
                return true;
            }
        }

        head = new RequestHead(method, target, default, isComplete: false);
        return true;
    }

    private static bool TryTakeLine(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> line)
    {
        var end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            line = default;
            return false;
        }

        line = rest[..end].TrimEnd((byte)'\r');
        rest = rest[(end + 1)..];
        return true;
    }
}
