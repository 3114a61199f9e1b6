namespace Fangs.Runner.Sensor;

/// <summary>Puts the first bytes of connections together, which programs may send in any pieces.</summary>
internal sealed class ConnectionHeads
{
    private const int MaxConnections = 1024;
    private const int MaxBytes = 32 * 1024;

    private readonly Dictionary<ulong, SortedDictionary<uint, byte[]>> _pieces = [];

    /// <summary>Adds a piece and returns what is there without a gap, from the first byte on.</summary>
    internal byte[] Add(ulong socket, uint sequence, ReadOnlySpan<byte> payload)
    {
        if (!_pieces.TryGetValue(socket, out var pieces))
        {
            if (_pieces.Count >= MaxConnections) _pieces.Clear(); // far more open at once than packages have; what is lost are names, not connects
            _pieces[socket] = pieces = [];
        }

        pieces[sequence] = payload.ToArray();
        var head = new List<byte>();
        uint? next = null;
        foreach (var (at, bytes) in pieces)
        {
            if (next is { } expected && at > expected) break;
            var known = next is { } end ? (int)Math.Min(end - at, (uint)bytes.Length) : 0; // sent again
            head.AddRange(bytes.AsSpan(known));
            next = at + (uint)bytes.Length;
            if (head.Count >= MaxBytes) break;
        }

        return [.. head];
    }

    /// <summary>The head has been read, or never will be.</summary>
    internal void Forget(ulong socket) => _pieces.Remove(socket);
}
