using System.Text.Json;
using CsCheck;
using Fangs.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Protocol;

public sealed class RunIdSpecs
{
    private const string Hex = "019a0c0009080706050403020100ff10";
    private const string Numbers = "[1,154,12,0,9,8,7,6,5,4,3,2,1,0,255,16]";

    private static readonly Gen<RunId> AnyId = Gen.Byte.Array[RunId.Size].Select(bytes => RunId.FromBytes(bytes));

    [Fact]
    public void An_id_keeps_its_text_form() => AnyId.Sample(id =>
    {
        Assert.Matches("^[0-9a-f]{32}$", id.ToString());
        Assert.Equal(id, RunId.Parse(id.ToString()));
        Assert.True(RunId.TryParse(id.ToString(), out var parsed));
        Assert.Equal(id, parsed);
    });

    [Fact]
    public void An_id_keeps_its_bytes() => Gen.Byte.Array[RunId.Size].Sample(bytes =>
    {
        var id = RunId.FromBytes(bytes);
        var copy = new byte[RunId.Size];
        id.CopyTo(copy);
        Assert.Equal(bytes, copy);
        Assert.Equal(Convert.ToHexStringLower(bytes), id.ToString());
    });

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("019a0c0009080706050403020100ff1")]
    [InlineData("019a0c0009080706050403020100ff100")]
    [InlineData("019A0C0009080706050403020100FF10")]
    [InlineData("019a0c0009080706050403020100ff1g")]
    [InlineData(" 19a0c0009080706050403020100ff10")]
    [InlineData("019a0c00-0908-0706-0504-03020100ff10")]
    public void Only_32_lower_case_digits_are_an_id(string? text)
    {
        Assert.False(RunId.TryParse(text, out var id));
        Assert.True(id.IsEmpty);
        Assert.Contains("32 lower-case hex digits", Assert.Throws<FormatException>(() => RunId.Parse(text!)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    public void An_id_has_16_bytes(int length) => Assert.Throws<ArgumentException>(() => RunId.FromBytes(new byte[length]));

    [Fact]
    public void Zero_means_that_none_was_supplied()
    {
        Assert.True(default(RunId).IsEmpty);
        Assert.True(RunId.FromBytes(new byte[RunId.Size]).IsEmpty);
        Assert.False(RunId.Parse(Hex).IsEmpty);
    }

    [Fact]
    public void Ids_order_as_their_text_does() => Gen.Select(AnyId, AnyId).Sample((a, b) =>
    {
        var order = Math.Sign(string.CompareOrdinal(a.ToString(), b.ToString()));
        Assert.Equal(order, Math.Sign(a.CompareTo(b)));
        Assert.Equal(((order < 0), (order > 0), (order <= 0), (order >= 0)), ((a < b), (a > b), (a <= b), (a >= b)));
    });

    [Fact]
    public void New_ids_begin_with_the_time_and_never_repeat()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero));
        var ids = Enumerable.Range(0, 1000).Select(_ => RunId.New(clock)).ToList();
        Assert.Equal(1000, ids.Distinct().Count());
        Assert.All(ids, id => Assert.StartsWith($"{clock.GetUtcNow().ToUnixTimeMilliseconds():x12}", id.ToString(), StringComparison.Ordinal));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        var later = RunId.New(clock);
        Assert.All(ids, id => Assert.True(id < later));
    }

    [Fact]
    public void In_bodies_an_id_is_an_array_of_numbers()
    {
        Assert.Equal(Numbers, JsonSerializer.Serialize(RunId.Parse(Hex)));
        Assert.Equal(RunId.Parse(Hex), JsonSerializer.Deserialize<RunId>(Numbers));
        AnyId.Sample(id => Assert.Equal(id, JsonSerializer.Deserialize<RunId>(JsonSerializer.Serialize(id))));
    }

    [Fact]
    public void Null_means_that_none_was_supplied() => Assert.True(JsonSerializer.Deserialize<RunId>("null").IsEmpty);

    [Theory]
    [InlineData("[]")]
    [InlineData("[1,2,3]")]
    [InlineData("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]")]
    [InlineData("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,256]")]
    [InlineData("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,-1]")]
    [InlineData("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,1.5]")]
    [InlineData("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,\"1\"]")]
    [InlineData("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,null]")]
    [InlineData("[[1]]")]
    [InlineData("{}")]
    [InlineData("1")]
    [InlineData("\"019a0c0009080706050403020100ff10\"")]
    public void Anything_else_is_refused_in_words(string json) =>
        Assert.Contains("array of 16 numbers from 0 to 255", Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<RunId>(json)).Message, StringComparison.Ordinal);
}
