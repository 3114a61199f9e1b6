using System.Buffers;
using System.IO.Pipelines;

namespace Fangs.Protocol.Events;

/// <summary>Reads batches from a stream of JSON objects that are separated by any white space or by nothing.</summary>
/// <remarks>
/// Not for concurrent use. It takes from the pipe only what belongs to the batch it returns, so whoever does not ask for the next batch
/// slows the sender down. Memory is bounded by twice <see cref="EventBatchLimits.MaxBatchBytes"/> while a batch is incomplete. A stream
/// that broke the protocol cannot be read any further.
/// </remarks>
public sealed class EventBatchReader : IDisposable
{
    private const int FirstBuffer = 16 * 1024;

    private static readonly SearchValues<byte> WhiteSpace = SearchValues.Create(" \t\r\n"u8);

    private readonly PipeReader _input;
    private readonly EventBatchLimits _limits;
    private JsonObjectScanner _scanner;
    private byte[]? _json; // what has arrived of the next batch
    private int _length;
    private int[]? _objects; // where its payloads lie
    private bool _broken;

    /// <summary>Reads from a pipe, which stays the caller's.</summary>
    public EventBatchReader(PipeReader input, EventBatchLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        (_input, _limits) = (input, limits ?? EventBatchLimits.Default);
        ArgumentOutOfRangeException.ThrowIfLessThan(_limits.MaxBatchBytes, 2, nameof(limits));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_limits.MaxDepth, 64, nameof(limits));
    }

    /// <summary>Batches returned so far.</summary>
    public int BatchesRead { get; private set; }

    /// <summary>True while part of a batch has been read, but not its end.</summary>
    public bool IsInsideBatch => _length != 0;

    /// <summary>Returns the next batch, which the caller disposes, or null at the end of the stream.</summary>
    /// <param name="cancellationToken">Ends the wait. What has arrived is kept; a later call goes on.</param>
    /// <exception cref="EventBatchFormatException">The stream breaks the protocol.</exception>
    public async ValueTask<EventBatch?> ReadAsync(CancellationToken cancellationToken)
    {
        if (_broken) throw new InvalidOperationException("The stream broke the protocol; there is nothing to read behind the mistake.");
        while (true)
        {
            var read = await _input.ReadAsync(cancellationToken);
            if (read.IsCanceled) throw new OperationCanceledException("The read was cancelled.");
            var consumed = read.Buffer.Start;
            var isComplete = false;
            try
            {
                isComplete = TakePieces(read.Buffer, ref consumed);
                if (isComplete) return Finish();
            }
            finally
            {
                // Also after a mistake: the server can only answer on a connection whose body is not being read.
                _input.AdvanceTo(consumed, isComplete ? consumed : read.Buffer.End);
            }

            if (!read.IsCompleted) continue;
            return IsInsideBatch ? throw Broken("the stream ends inside the object; send the batch again as a whole") : null;
        }
    }

    /// <summary>Gives back the memory of an incomplete batch.</summary>
    public void Dispose()
    {
        Forget();
        if (_objects is not null) ArrayPool<int>.Shared.Return(_objects);
        _objects = null;
        _broken = true;
    }

    private bool TakePieces(in ReadOnlySequence<byte> buffer, ref SequencePosition consumed)
    {
        var taken = 0L;
        try
        {
            foreach (var memory in buffer)
            {
                var piece = memory.Span;
                if (_length == 0)
                {
                    var start = piece.IndexOfAnyExcept(WhiteSpace);
                    taken += start < 0 ? piece.Length : start;
                    if (start < 0) continue;
                    piece = piece[start..];
                    if (piece[0] != '{') throw Broken("expected a JSON object with run_id, seq and events");
                    _scanner = new JsonObjectScanner(_limits.MaxDepth);
                }

                taken += TakePiece(piece);
                if (_scanner.IsComplete) return true;
            }

            return false;
        }
        finally
        {
            consumed = buffer.GetPosition(taken);
        }
    }

    private int TakePiece(ReadOnlySpan<byte> piece)
    {
        var room = _limits.MaxBatchBytes - _length;
        var within = piece.Length > room ? piece[..room] : piece;
        _objects ??= ArrayPool<int>.Shared.Rent(2 * Math.Max(1, _limits.MaxEvents));
        var taken = _scanner.Scan(within, _objects, out var error);
        if (error is not null) throw Broken(error);
        if (!_scanner.IsComplete && piece.Length > room)
            throw Broken($"larger than {_limits.MaxBatchBytes} bytes; send fewer events in a batch");
        Append(within[..taken]);
        return taken;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_json is null || _json.Length - _length < bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + bytes.Length, Math.Max(FirstBuffer, (int)Math.Min(2L * _length, _limits.MaxBatchBytes))));
            _json.AsSpan(0, _length).CopyTo(larger);
            if (_json is not null) ArrayPool<byte>.Shared.Return(_json);
            _json = larger;
        }

        bytes.CopyTo(_json.AsSpan(_length));
        _length += bytes.Length;
    }

    private EventBatch Finish()
    {
        EnvelopeFields fields;
        try
        {
            fields = EnvelopeParser.Parse(_json.AsSpan(0, _length), _objects.AsSpan(0, 2 * _scanner.NotedCount), _limits, BatchesRead + 1);
        }
        catch (EventBatchFormatException)
        {
            _broken = true;
            Forget();
            throw;
        }

        var batch = new EventBatch(++BatchesRead, _json!, _length, fields);
        (_json, _length) = (null, 0);
        return batch;
    }

    private EventBatchFormatException Broken(string what)
    {
        _broken = true;
        Forget();
        return new EventBatchFormatException($"batch {BatchesRead + 1}: {what}");
    }

    private void Forget()
    {
        if (_json is not null) ArrayPool<byte>.Shared.Return(_json);
        (_json, _length) = (null, 0);
    }
}
