using CsCheck;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Tests.Analysis;

public sealed class SeveritySpecs
{
    [Theory]
    [InlineData("info", 1)]
    [InlineData("low", 1)]
    [InlineData("warn", 2)]
    [InlineData("medium", 2)]
    [InlineData("high", 3)]
    [InlineData("crit", 4)]
    [InlineData("critical", 4)]
    [InlineData("CRITICAL", 4)]
    [InlineData("Info", 1)]
    public void Both_vocabularies_share_one_ranking(string word, int rank)
    {
        Assert.True(Severity.TryRank(word, out var typed));
        Assert.Equal((rank, rank), (typed, Severity.RankOf(word)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("warning")]
    [InlineData(" warn")]
    [InlineData("2")]
    public void An_unknown_word_is_refused_from_people_and_ranks_as_a_warning_in_data(string? word)
    {
        Assert.False(Severity.TryRank(word, out _));
        Assert.Equal(2, Severity.RankOf(word));
    }

    [Theory]
    [InlineData("fs_new_path_read", "info")]
    [InlineData("fs_new_path_write", "info")]
    [InlineData("proc_new_exec", "warn")]
    [InlineData("net_new_destination", "warn")]
    [InlineData("net_new_dns", "warn")]
    [InlineData("net_new_https_host", "warn")]
    [InlineData("syscall_rare_category", "warn")]
    public void Files_are_worth_knowing_programs_and_network_are_worth_looking_at_and_credentials_are_critical(string category, string severity)
    {
        Assert.Contains(category, FingerprintCategory.All);
        Assert.Equal(severity, Severity.Of(category, EventTags.None));
        Assert.Equal(severity, Severity.Of(category, EventTags.Interesting));
        Assert.Equal("crit", Severity.Of(category, EventTags.Interesting | EventTags.Credential));
    }

    [Fact]
    public void Every_category_has_a_severity_above() => Assert.Equal(7, FingerprintCategory.All.Distinct().Count());

    [Fact]
    public void The_highest_of_some_words_is_as_it_was_written()
    {
        Assert.Null(Severity.Highest([]));
        Assert.Equal("high", Severity.Highest(["low", "high", "medium"]));
        Assert.Equal("critical", Severity.Highest(["high", "critical", "info"]));
        Assert.Equal("odd", Severity.Highest(["info", "odd", "low"]));
    }

    [Fact]
    public void A_threshold_is_reached_by_its_own_rank_and_above()
    {
        var word = Gen.Int[0, 7].Select(i => new[] { "info", "low", "warn", "medium", "high", "crit", "critical", "odd" }[i]);
        Gen.Select(word, word).Sample((a, b) => Assert.Equal(Severity.RankOf(a) >= Severity.RankOf(b), Severity.IsAtLeast(a, b)));
    }
}
