using CsCheck;
using Fangs.Protocol;

namespace Fangs.Tests.Protocol;

public sealed class RunnerIdSpecs
{
    [Theory]
    [InlineData("lab-1")]
    [InlineData("Host.Example")]
    [InlineData("a b/c%2f?")]
    [InlineData("größe")]
    [InlineData("**")]
    public void A_name_is_taken_as_it_is(string name)
    {
        Assert.True(RunnerId.TryParse(name, out var id));
        Assert.Equal((name, name), (id.Value, id.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("a\nb")]
    [InlineData("\0")]
    [InlineData("a\u007f")]
    [InlineData("\u0085")]
    public void The_wildcard_and_control_characters_are_no_names(string? name)
    {
        Assert.False(RunnerId.TryParse(name, out var id));
        Assert.Equal(default, id);
    }

    [Fact]
    public void A_name_has_at_most_253_characters()
    {
        Assert.True(RunnerId.TryParse(new string('x', RunnerId.MaxLength), out _));
        Assert.False(RunnerId.TryParse(new string('x', RunnerId.MaxLength + 1), out _));
    }

    [Fact]
    public void Names_differ_by_case() => Assert.NotEqual(new RunnerId("a"), new RunnerId("A"));

    [Fact]
    public void Any_text_is_a_name_or_not() => Gen.String.Sample(text =>
        Assert.Equal(text.Length is > 0 and <= 253 && text != "*" && !text.Any(char.IsControl), RunnerId.TryParse(text, out _)));
}
