namespace Fangs.Runner.Sensor;

/// <summary>Puts the first bytes of connections together, which programs may send in any pieces.</summary>
internal sealed class ConnectionHeads
{
    /// <summary>Longest head that is put together, in bytes; what comes behind is left out.</summary>
    internal const int MaxBytes = 32 * 1024;

    /// <summary>Connections that are kept at most.</summary>
    internal const int MaxConnections = 1024;

    private readonly Dictionary<ulong, Connection> _connections = [];

    /// <summary>Connections that are kept now.</summary>
    internal int Count => _connections.Count;

    /// <summary>Adds a piece and returns what is there without a gap, from the first byte on; nothing once the head has been read.</summary>
    internal byte[] Add(ulong socket, uint sequence, ReadOnlySpan<byte> payload)
    {
        if (!_connections.TryGetValue(socket, out var connection))
        {
            if (_connections.Count >= MaxConnections) _connections.Clear(); // far more open at once than packages have; what is lost are names, not connects
            _connections[socket] = connection = new Connection(sequence);
        }

        return connection.Add(sequence, payload);
    }

    /// <summary>The head has been read: what follows on this connection is not looked at.</summary>
    internal void Finish(ulong socket)
    {
        if (_connections.TryGetValue(socket, out var connection)) connection.Finish();
    }

    /// <summary>No more pieces of this connection will come.</summary>
    internal void Forget(ulong socket) => _connections.Remove(socket);

    private sealed class Connection(uint first)
    {
        // By distance from the piece that came first: sequence numbers begin anywhere and wrap around.
        private readonly SortedDictionary<int, byte[]> _pieces = [];
        private int _stored;
        private bool _isFinished;

        internal byte[] Add(uint sequence, ReadOnlySpan<byte> payload)
        {
            if (_isFinished) return [];
            var at = (int)(sequence - first);
            var isSentAgain = _pieces.TryGetValue(at, out var known) && known.Length >= payload.Length;
            if (!isSentAgain && _stored < MaxBytes)
            {
                _pieces[at] = payload.ToArray();
                _stored += payload.Length - (known?.Length ?? 0);
            }

            return Head();
        }

        internal void Finish()
        {
            _isFinished = true;
            _pieces.Clear();
        }

        private byte[] Head()
        {
            var head = new List<byte>();
            long? end = null;
            foreach (var (at, bytes) in _pieces)
            {
                var known = (end ?? at) - at;
                if (known < 0) break; // a gap
                if (known >= bytes.Length) continue; // sent again
                var room = MaxBytes - head.Count;
                var news = bytes.AsSpan((int)known);
                head.AddRange(news.Length > room ? news[..room] : news);
                end = (long)at + bytes.Length;
                if (head.Count == MaxBytes) break;
            }

            return [.. head];
        }
    }
}
