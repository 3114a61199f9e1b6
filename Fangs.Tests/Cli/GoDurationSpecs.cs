using CsCheck;
using Fangs.Protocol;

namespace Fangs.Tests.Cli;

public sealed class GoDurationSpecs
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("-0", 0)]
    [InlineData("90s", 90_000_000_000)]
    [InlineData("1h30m", 5_400_000_000_000)]
    [InlineData("250ms", 250_000_000)]
    [InlineData("1.5h", 5_400_000_000_000)]
    [InlineData(".5s", 500_000_000)]
    [InlineData("5.s", 5_000_000_000)]
    [InlineData("-1m1s", -61_000_000_000)]
    [InlineData("+7ns", 7)]
    [InlineData("3us", 3_000)]
    [InlineData("3\u00b5s", 3_000)]
    [InlineData("3\u03bcs", 3_000)]
    [InlineData("0.3333333333333333333h", 1_199_999_999_999)]
    [InlineData("00000000000000000000000001s", 1_000_000_000)]
    [InlineData("9223372036854775807ns", long.MaxValue)]
    [InlineData("-9223372036854775808ns", long.MinValue)]
    public void Go_notation_is_read(string text, long nanoseconds)
    {
        Assert.True(GoDuration.TryParse(text, out var read));
        Assert.Equal(nanoseconds, read);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData(".s")]
    [InlineData("5 s")]
    [InlineData("5d")]
    [InlineData("5S")]
    [InlineData("1e3s")]
    [InlineData("--5s")]
    [InlineData("5s ")]
    [InlineData("5s-1s")]
    [InlineData("\u0665s")]
    [InlineData("9223372036854775808ns")]
    [InlineData("2562048h")]
    [InlineData("99999999999999999999999999h")]
    public void Anything_else_is_refused(string? text) => Assert.False(GoDuration.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(1, "1ns")]
    [InlineData(1_500, "1.5µs")]
    [InlineData(250_000_000, "250ms")]
    [InlineData(1_000_000_001, "1.000000001s")]
    [InlineData(5_400_000_000_000, "1h30m0s")]
    [InlineData(-61_000_000_000, "-1m1s")]
    public void Durations_are_written_as_Go_writes_them(long nanoseconds, string text) => Assert.Equal(text, GoDuration.Format(nanoseconds));

    [Fact]
    public void What_is_written_is_read_back() => Gen.Long.Sample(
        nanoseconds => GoDuration.TryParse(GoDuration.Format(nanoseconds), out var read) && read == nanoseconds);

    [Fact]
    public void No_text_makes_the_parser_throw() => Gen.String[Gen.Char["0123456789.hmnsuµμ+- "], 0, 40].Sample(
        text => GoDuration.TryParse(text, out var read) || read == 0);
}
