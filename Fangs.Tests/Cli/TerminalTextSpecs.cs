using System.Globalization;
using System.Text;
using System.Text.Json;
using CsCheck;

namespace Fangs.Tests.Cli;

public sealed class TerminalTextSpecs
{
    [Theory]
    [InlineData("/etc/passwd", "/etc/passwd")]
    [InlineData("größe 漢字 é", "größe 漢字 é")]
    [InlineData("\u001b[2J\u001b]0;title\u0007", "\\u001b[2J\\u001b]0;title\\u0007")]
    [InlineData("a\nb\r\tc\0", "a\\nb\\r\\tc\\u0000")]
    [InlineData("\u009b31m", "\\u009b31m")]
    [InlineData("x\u202egnp.exe", "x\\u202egnp.exe")]
    [InlineData("\u2066a\u2069", "\\u2066a\\u2069")]
    [InlineData("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff")]
    [InlineData("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029")]
    [InlineData("no\u00a0break", "no\\u00a0break")]
    [InlineData("back\\slash", "back\\\\slash")]
    [InlineData("\U000e0041tag", "\\U000e0041tag")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void Nothing_that_acts_on_a_terminal_is_left(string? hostile, string safe) => Assert.Equal(safe, TerminalText.Escape(hostile));

    [Fact]
    public void Half_of_a_surrogate_pair_is_shown_by_number() => Assert.Equal("\\ud800x", TerminalText.Escape(new string(['\ud800', 'x'])));

    [Fact]
    public void Any_text_becomes_harmless_and_stays_distinguishable()
    {
        var text = Gen.OneOf(Gen.String, Gen.Int[0, 0x10ffff].Where(Rune.IsValid).Select(code => new Rune(code).ToString()).Array[0, 12].Select(string.Concat));
        Gen.Select(text, text).Sample((a, b) =>
        {
            var (safeA, safeB) = (TerminalText.Escape(a), TerminalText.Escape(b));
            Assert.All(safeA.EnumerateRunes(), AssertHarmless);
            Assert.Equal(a == b, safeA == safeB);
        });
    }

    [Theory]
    [InlineData("abcdef", 6, "abcdef")]
    [InlineData("abcdefg", 6, "abcde…")]
    [InlineData("e\u0301e\u0301e\u0301e\u0301", 4, "e\u0301e\u0301e\u0301e\u0301")]
    [InlineData("e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301…")]
    [InlineData("👍👍👍", 2, "👍…")]
    public void Cutting_counts_text_elements(string text, int length, string cut) => Assert.Equal(cut, TerminalText.Cut(text, length));

    [Fact]
    public void A_short_id_is_twelve_characters_without_an_ellipsis() =>
        Assert.Equal(("019ac0aa0000", "abc"), (TerminalText.ShortId("019ac0aa000000000000000000000001"), TerminalText.ShortId("abc")));

    [Fact]
    public void A_cut_text_is_never_too_long() => Gen.Select(Gen.String, Gen.Int[1, 30]).Sample(
        (text, length) => new StringInfo(TerminalText.Cut(text, length)).LengthInTextElements <= length);

    [Fact]
    public void Arguments_read_as_a_shell_would_take_them() =>
        Assert.Equal("sh -c 'echo '\\''hi'\\'' > /tmp/x' '' '\\u001b'", TerminalText.Arguments(["sh", "-c", "echo 'hi' > /tmp/x", "", "\u001b"]));

    [Fact]
    public void JSON_output_keeps_its_values_and_is_harmless_too()
    {
        var options = new JsonSerializerOptions { Encoder = TerminalText.Json };
        Gen.String.Where(text => text.EnumerateRunes().All(rune => rune != Rune.ReplacementChar)).Sample(text =>
        {
            var json = JsonSerializer.Serialize(text, options);
            Assert.All(json.EnumerateRunes(), AssertHarmless);
            Assert.Equal(text, JsonSerializer.Deserialize<string>(json));
        });
        Assert.Equal("\"\\u202Eevil\\u001B 漢字\"", JsonSerializer.Serialize("\u202eevil\u001b 漢字", options));
    }

    private static void AssertHarmless(Rune rune) => Assert.False(
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse,
        $"U+{rune.Value:x}");
}
