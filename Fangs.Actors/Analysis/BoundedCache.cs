using System.Collections.Concurrent;

namespace Fangs.Actors.Analysis;

/// <summary>Remembers the results of a pure function of texts, forgetting old ones. Safe for concurrent use; the size is bounded.</summary>
/// <remarks>Two generations: when the younger is full it becomes the older, whose entries survive only if they are asked for again.</remarks>
internal sealed class BoundedCache(int capacity, Func<string, string> compute)
{
    /// <summary>Longest text that is remembered, in characters. With the capacity it bounds the memory.</summary>
    internal const int MaxLength = 512;

    private readonly Lock _turning = new();
    private Generation _young = new();
    private Generation _old = new();

    /// <summary>The function's result for a text.</summary>
    internal string Get(ReadOnlySpan<char> text)
    {
        var young = _young;
        if (young.Find.TryGetValue(text, out var known)) return known;
        var key = text.ToString();
        if (!_old.Find.TryGetValue(text, out known))
        {
            known = compute(key);
            if (known == key) known = key; // one object for both
        }

        if (text.Length <= MaxLength) Remember(young, key, known);
        return known;
    }

    private void Remember(Generation young, string key, string value)
    {
        if (!young.Entries.TryAdd(key, value)) return;
        if (Interlocked.Increment(ref young.Count) < capacity) return;
        lock (_turning)
        {
            if (_young == young) (_old, _young) = (young, new Generation());
        }
    }

    private sealed class Generation
    {
        internal int Count;

        internal Generation() => Find = Entries.GetAlternateLookup<ReadOnlySpan<char>>();

        internal ConcurrentDictionary<string, string> Entries { get; } = new(StringComparer.Ordinal);

        internal ConcurrentDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> Find { get; }
    }
}
