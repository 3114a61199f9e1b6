using CsCheck;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Tests.Analysis;

public sealed class FingerprintTallySpecs
{
    private static readonly Gen<FingerprintTally> Tally = Gen.Select(
        Gen.Long[1, 1000], Gen.Long[0, 20], Gen.OneOf(Gen.Long[0, 5], Gen.Const(FingerprintTally.UnknownKtime)), Gen.Int[0, 3],
        (count, first, ktime, tags) => new FingerprintTally(count, first, ktime, (EventTags)tags));

    [Fact]
    public void Merging_does_not_depend_on_the_order() => Gen.Select(Tally, Tally).Sample((a, b) => Assert.Equal(a.Merge(b), b.Merge(a)));

    [Fact]
    public void Merging_does_not_depend_on_the_grouping() =>
        Gen.Select(Tally, Tally, Tally).Sample((a, b, c) => Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c))));

    [Fact]
    public void The_earliest_event_by_kernel_time_is_the_evidence() => Tally.Array[1, 20].Sample(tallies =>
    {
        var merged = tallies.Aggregate((a, b) => a.Merge(b));
        var first = tallies.MinBy(t => (t.FirstKtimeNs, t.FirstEvent));
        Assert.Equal((first.FirstKtimeNs, first.FirstEvent), (merged.FirstKtimeNs, merged.FirstEvent));
        Assert.Equal(tallies.Sum(t => t.Count), merged.Count);
        Assert.Equal(tallies.Aggregate(EventTags.None, (tags, t) => tags | t.Tags), merged.Tags);
    });

    [Fact]
    public void An_event_with_a_kernel_time_goes_before_one_without() =>
        Assert.Equal(7, new FingerprintTally(1, 2, FingerprintTally.UnknownKtime, EventTags.None).Merge(new FingerprintTally(1, 7, 99, EventTags.None)).FirstEvent);
}
