using System.Text;

namespace Fangs.Runner.Sandbox;

/// <summary>The last part of a sandbox's output. However much comes, the memory is fixed.</summary>
/// <param name="limit">How many bytes may come.</param>
/// <param name="exceeded">Called once when more have come.</param>
internal sealed class OutputTail(long limit = long.MaxValue, Action? exceeded = null)
{
    /// <summary>What <see cref="Text"/> returns at most, in characters.</summary>
    internal const int MaxCharacters = 4096;

    private const int KeptBytes = 32 << 10;
    private const int ChunkBytes = 16 << 10; // with a mark still whole in what is kept

    private readonly Lock _gate = new();
    private readonly List<string> _marks = [];
    private readonly byte[] _kept = new byte[KeptBytes];
    private int _length;
    private (byte[] Bytes, TaskCompletionSource Seen)? _awaited;
    private long _total;

    /// <summary>Whether more has come than the limit allows.</summary>
    internal bool IsExceeded => Volatile.Read(ref _total) > limit;

    /// <summary>The last characters so far, without marks. Control characters other than line ends and tabs are replaced.</summary>
    internal string Text
    {
        get
        {
            string text;
            lock (_gate)
            {
                text = Encoding.UTF8.GetString(_kept, 0, _length);
                foreach (var mark in _marks) text = text.Replace(mark + "\n", "", StringComparison.Ordinal);
            }

            text = string.Create(text.Length, text, (to, from) =>
            {
                for (var i = 0; i < to.Length; i++) to[i] = char.IsControl(from[i]) && from[i] is not ('\n' or '\t') ? '\ufffd' : from[i];
            });
            return text.Length <= MaxCharacters ? text : text[^MaxCharacters..];
        }
    }

    /// <summary>Reads to the end; never slower than the writer for lack of room.</summary>
    internal async Task ReadAsync(Stream output, CancellationToken cancellationToken)
    {
        var chunk = new byte[ChunkBytes];
        try
        {
            while (await output.ReadAsync(chunk, cancellationToken) is var read and > 0)
            {
                Append(chunk.AsSpan(0, read));
                var before = _total;
                Volatile.Write(ref _total, before + read);
                if (before <= limit && before + read > limit) exceeded?.Invoke();
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The sandbox is being removed.
        }
        finally
        {
            lock (_gate) _awaited?.Seen.TrySetResult();
        }
    }

    /// <summary>Completes when the mark has come out. One at a time.</summary>
    internal Task Expect(string mark)
    {
        lock (_gate)
        {
            _marks.Add(mark);
            var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited = (Encoding.UTF8.GetBytes(mark + "\n"), seen);
            return seen.Task;
        }
    }

    internal void Append(ReadOnlySpan<byte> chunk)
    {
        lock (_gate)
        {
            var keep = Math.Min(_length, KeptBytes - chunk.Length);
            _kept.AsSpan(_length - keep, keep).CopyTo(_kept);
            chunk.CopyTo(_kept.AsSpan(keep));
            _length = keep + chunk.Length;
            if (_awaited is not { } awaited) return;
            var fresh = Math.Min(_length, chunk.Length + awaited.Bytes.Length);
            if (_kept.AsSpan(_length - fresh, fresh).IndexOf(awaited.Bytes) < 0) return;
            _awaited = null;
            awaited.Seen.TrySetResult();
        }
    }
}
