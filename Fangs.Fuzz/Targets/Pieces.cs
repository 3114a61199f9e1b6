using System.Buffers;

namespace Fangs.Fuzz.Targets;

/// <summary>Cuts an input into pieces as a network would, at places that depend on nothing but the input.</summary>
internal static class Pieces
{
    private const int Longest = 48;

    /// <summary>A stream that gives one piece per read.</summary>
    internal static Stream Stream(ReadOnlyMemory<byte> input) => new PieceStream(input);

    /// <summary>The input as a sequence of pieces that are there at once.</summary>
    internal static ReadOnlySequence<byte> Sequence(ReadOnlyMemory<byte> input)
    {
        var sizes = new Sizes(input.Span);
        Segment? first = null, last = null;
        for (var at = 0; at < input.Length;)
        {
            var size = Math.Min(sizes.Next(), input.Length - at);
            last = new Segment(input.Slice(at, size), last);
            first ??= last;
            at += size;
        }

        return first is null ? default : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    // Long inputs get longer pieces, or the pieces would be what takes the time.
    private struct Sizes(ReadOnlySpan<byte> input)
    {
        private readonly int _longest = Math.Max(Longest, input.Length / 64);
        private uint _state = Hash(input);

        internal int Next()
        {
            _state = (_state * 1664525) + 1013904223;
            return 1 + (int)((_state >> 8) % (uint)_longest);
        }

        private static uint Hash(ReadOnlySpan<byte> input)
        {
            var hash = 2166136261;
            foreach (var b in input) hash = (hash ^ b) * 16777619;
            return hash;
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        internal Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is null) return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }

    private sealed class PieceStream(ReadOnlyMemory<byte> input) : Stream
    {
        private Sizes _sizes = new(input.Span);
        private int _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _at; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var size = Math.Min(Math.Min(_sizes.Next(), buffer.Length), input.Length - _at);
            input.Span.Slice(_at, size).CopyTo(buffer);
            _at += size;
            return size;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer.AsSpan(offset, count)));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
