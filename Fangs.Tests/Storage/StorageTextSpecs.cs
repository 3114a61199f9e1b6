using CsCheck;
using Fangs.Actors.Storage;

namespace Fangs.Tests.Storage;

public sealed class StorageTextSpecs
{
    // Both databases keep microseconds.
    private static readonly Gen<DateTimeOffset> Instant = Gen.Long[TimeSpan.TicksPerDay, DateTime.MaxValue.Ticks - TimeSpan.TicksPerDay]
        .Select(ticks => new DateTimeOffset(ticks - (ticks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero));

    [Fact]
    public void An_instant_is_read_back() => Gen.Select(Instant, Gen.Int[-14, 14]).Sample((at, hours) =>
    {
        var text = StorageText.Time(at.ToOffset(TimeSpan.FromHours(hours)));
        Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{9}Z$", text);
        Assert.Equal(at, StorageText.ParseTime(text));
    });

    [Fact]
    public void The_order_of_the_text_is_the_order_of_time() => Gen.Select(Instant, Gen.Long[-5, 5]).Sample((a, ticks) =>
    {
        var b = a.AddMicroseconds(ticks);
        Assert.Equal(Math.Sign(a.CompareTo(b)), Math.Sign(string.CompareOrdinal(StorageText.Time(a), StorageText.Time(b))));
    });

    [Theory]
    [InlineData("2026-01-02T03:04:05Z", 0)]
    [InlineData("2026-01-02T03:04:05.5Z", 5_000_000)]
    [InlineData("2026-01-02T03:04:05.123456789Z", 1_234_567)]
    [InlineData("2026-01-02T03:04:05.1234567891234Z", 1_234_567)]
    [InlineData("2026-01-02T05:04:05.25+02:00", 2_500_000)]
    public void The_originals_forms_are_read_too(string text, long ticks) =>
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(ticks), StorageText.ParseTime(text));

    [Theory]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("2026-13-02T03:04:05Z")]
    public void Anything_else_is_refused(string text) => Assert.Throws<FormatException>(() => StorageText.ParseTime(text));
}
