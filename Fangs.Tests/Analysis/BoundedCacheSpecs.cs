using CsCheck;
using Fangs.Actors.Analysis;

namespace Fangs.Tests.Analysis;

public sealed class BoundedCacheSpecs
{
    [Fact]
    public void It_answers_as_the_function_does_however_often_it_forgets() =>
        Gen.Select(Gen.Int[1, 5], Gen.String[Gen.Char['a', 'c'], 0, 4].Array[0, 60]).Sample((capacity, texts) =>
        {
            var cache = new BoundedCache(capacity, static text => text.ToUpperInvariant());
            foreach (var text in texts) Assert.Equal(text.ToUpperInvariant(), cache.Get(text));
        });

    [Fact]
    public void What_is_asked_for_again_and_again_is_computed_once_and_what_is_too_long_each_time()
    {
        var computed = new List<int>();
        var cache = new BoundedCache(4, text =>
        {
            computed.Add(text.Length);
            return text + "!";
        });
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("a!", cache.Get("a"));
            _ = cache.Get(new string('x', BoundedCache.MaxLength + 1));
        }

        Assert.Equal([1, BoundedCache.MaxLength + 1, BoundedCache.MaxLength + 1, BoundedCache.MaxLength + 1], computed);
    }

    [Fact]
    public void Equal_texts_are_one_object()
    {
        var cache = new BoundedCache(4, static text => text);
        Assert.Same(cache.Get("role"), cache.Get(new string(['r', 'o', 'l', 'e'])));
    }

    [Fact]
    public void It_holds_no_more_than_two_generations()
    {
        var computed = 0;
        var cache = new BoundedCache(10, text =>
        {
            computed++;
            return text;
        });
        for (var i = 0; i < 1000; i++) _ = cache.Get($"{i}");
        computed = 0;
        for (var i = 999; i >= 0; i--) _ = cache.Get($"{i}"); // each of these is computed anew unless it was kept
        Assert.InRange(computed, 980, 1000);
    }
}
