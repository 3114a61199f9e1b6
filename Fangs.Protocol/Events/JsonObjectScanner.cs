using System.Buffers;

namespace Fangs.Protocol.Events;

/// <summary>Finds the end of a JSON object in bytes that arrive piecemeal. Each byte is looked at once, however many pieces there are.</summary>
/// <remarks>
/// It follows strings and brackets only; everything else is left to a real parser once the object is complete. On the way it notes
/// where the objects at <see cref="NotedDepth"/> lie, so that the parser can jump over them.
/// </remarks>
internal struct JsonObjectScanner
{
    /// <summary>Depth of a payload: batch, array of events, event, payload.</summary>
    internal const int NotedDepth = 4;

    private static readonly SearchValues<byte> Structural = SearchValues.Create("\"{}[]"u8);

    private readonly int _maxDepth;
    private int _position;
    private int _depth;
    private ulong _arrays; // bit n: the bracket at depth n + 1 is square
    private bool _inString;
    private bool _escaped;

    internal JsonObjectScanner(int maxDepth) => _maxDepth = maxDepth;

    /// <summary>True when the last byte scanned closed the object.</summary>
    internal bool IsComplete { get; private set; }

    /// <summary>How many objects have been noted.</summary>
    internal int NotedCount { get; private set; }

    /// <summary>Goes on with the next piece, which for the first piece begins with the opening brace.</summary>
    /// <param name="piece">Bytes that follow those of the previous call.</param>
    /// <param name="noted">Receives start and end of each noted object, as long as there is room.</param>
    /// <param name="error">What is wrong, or null.</param>
    /// <returns>How many bytes of the piece belong to the object.</returns>
    internal int Scan(ReadOnlySpan<byte> piece, Span<int> noted, out string? error)
    {
        error = null;
        var i = 0;
        while (i < piece.Length)
        {
            if (_inString)
            {
                i = ScanString(piece, i);
                continue;
            }

            var hop = piece[i..].IndexOfAny(Structural);
            if (hop < 0) break;
            i += hop;
            error = Take(piece[i], _position + i, noted);
            i++;
            if (error is null && !IsComplete) continue;
            _position += i;
            return i;
        }

        _position += piece.Length;
        return piece.Length;
    }

    private int ScanString(ReadOnlySpan<byte> piece, int i)
    {
        if (_escaped)
        {
            _escaped = false;
            return i + 1;
        }

        var hop = piece[i..].IndexOfAny((byte)'"', (byte)'\\');
        if (hop < 0) return piece.Length;
        if (piece[i + hop] == '"') _inString = false;
        else _escaped = true;
        return i + hop + 1;
    }

    private string? Take(byte symbol, int at, Span<int> noted)
    {
        switch (symbol)
        {
            case (byte)'"':
                _inString = true;
                return null;
            case (byte)'{' or (byte)'[':
                if (_depth == _maxDepth) return $"nested deeper than {_maxDepth} levels at byte {at}; send flatter payloads";
                var bit = 1UL << _depth;
                _arrays = symbol == '[' ? _arrays | bit : _arrays & ~bit;
                if (++_depth == NotedDepth && symbol == '{' && 2 * NotedCount + 1 < noted.Length)
                    (noted[2 * NotedCount], noted[2 * NotedCount + 1]) = (at, 0);
                return null;
            default:
                var square = (_arrays >> (_depth - 1) & 1) != 0;
                if (square != (symbol == ']')) return $"not valid JSON at byte {at}: '{(char)symbol}' closes the wrong bracket";
                if (_depth-- == NotedDepth && symbol == '}' && 2 * NotedCount + 1 < noted.Length) noted[2 * NotedCount++ + 1] = at + 1;
                IsComplete = _depth == 0;
                return null;
        }
    }
}
