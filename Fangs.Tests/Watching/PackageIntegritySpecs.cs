using System.Security.Cryptography;
using System.Text;
using Fangs.Protocol;

namespace Fangs.Tests.Watching;

public sealed class PackageIntegritySpecs
{
    private static readonly string Good512 = "sha512-" + Convert.ToBase64String(SHA512.HashData("good"u8));
    private static readonly string Bad512 = "sha512-" + Convert.ToBase64String(SHA512.HashData("bad"u8));
#pragma warning disable CA5350 // what old releases have
    private static readonly byte[] Good1 = SHA1.HashData("good"u8);
#pragma warning restore CA5350
    private static readonly string Good1Hex = Convert.ToHexStringLower(Good1), Good1Word = "sha1-" + Convert.ToBase64String(Good1);

    [Fact]
    public void Equal_digests_agree_whatever_stands_beside_them()
    {
        Assert.Null(PackageIntegrity.Mismatch(Good512, Good1Hex, Good512));
        Assert.Null(PackageIntegrity.Mismatch(Good512, null, $"{Good1Word} {Good512}?opt"));
        Assert.Null(PackageIntegrity.Mismatch($"{Bad512} {Good512}", null, Good512)); // several of one algorithm: any of them
        Assert.Null(PackageIntegrity.Mismatch(null, Good1Hex, Good1Word));
        Assert.Null(PackageIntegrity.Mismatch("", Good1Hex, $"{Good1Word} {Bad512}"));
    }

    [Fact]
    public void Nothing_announced_is_nothing_to_compare()
    {
        Assert.Null(PackageIntegrity.Mismatch(null, null, Good512));
        Assert.Null(PackageIntegrity.Mismatch("", "", null));
        Assert.Null(PackageIntegrity.Mismatch("nonsense", "nonsense", null));
    }

    [Fact]
    public void Another_digest_or_none_differs_and_the_words_name_both()
    {
        Assert.Equal($"the registry announced {Good512}, npm recorded {Bad512}", PackageIntegrity.Mismatch(Good512, null, Bad512));
        Assert.Equal($"the registry announced {Good512}, npm recorded no digest", PackageIntegrity.Mismatch(Good512, null, null));
        Assert.Contains("no digest", PackageIntegrity.Mismatch(Good512, null, "md5-AAAA"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_weaker_digest_does_not_stand_in_for_the_strongest_that_was_announced() =>
        Assert.Contains(Good1Word, PackageIntegrity.Mismatch(Good512, Good1Hex, Good1Word), StringComparison.Ordinal);

    [Theory]
    [InlineData("sha512-AAAA", false)] // too short for its algorithm
    [InlineData("md5-AAAA", false)]
    [InlineData("", false)]
    [InlineData("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", true)]
    [InlineData("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= what", false)]
    public void Only_whole_digests_are_well_formed(string text, bool expected)
    {
        Assert.Equal(expected, PackageIntegrity.IsWellFormed(text));
        Assert.Equal(text.Contains("sha1", StringComparison.Ordinal) ? "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" : null, PackageIntegrity.Clean(text));
    }

    [Fact]
    public void Endless_strings_are_not_looked_at() =>
        Assert.False(PackageIntegrity.IsWellFormed(new StringBuilder().Insert(0, Good512 + " ", 20).ToString()));
}
