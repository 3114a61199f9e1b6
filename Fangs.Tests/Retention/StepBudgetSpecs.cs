using CsCheck;
using Fangs.Actors.Retention;

namespace Fangs.Tests.Retention;

public sealed class StepBudgetSpecs
{
    private static readonly TimeSpan Target = TimeSpan.FromMilliseconds(20);

    [Fact]
    public void A_step_that_took_too_long_makes_the_next_one_smaller_in_proportion()
    {
        var budget = new StepBudget(1000, 50, 5000, Target);
        budget.Learn(1000, Target * 4);
        Assert.Equal(250, budget.Size);
    }

    [Fact]
    public void Quick_steps_make_it_grow_twofold_at_most_and_never_beyond_its_limit()
    {
        var budget = new StepBudget(1000, 50, 5000, Target);
        budget.Learn(1000, TimeSpan.FromMilliseconds(1));
        Assert.Equal(2000, budget.Size);
        for (var i = 0; i < 10; i++) budget.Learn(budget.Size, TimeSpan.Zero);
        Assert.Equal(5000, budget.Size);
    }

    [Fact]
    public void A_step_that_had_nothing_to_do_says_nothing_about_a_larger_one()
    {
        var budget = new StepBudget(1000, 50, 5000, Target);
        budget.Learn(3, TimeSpan.Zero);
        Assert.Equal(1000, budget.Size);
    }

    [Fact]
    public void Whatever_it_learns_it_stays_within_its_limits() =>
        Gen.Select(Gen.Int[0, 10_000], Gen.Int[0, 10_000_000]).List[0, 40].Sample(steps =>
        {
            var budget = new StepBudget(500, 50, 5000, Target);
            foreach (var (done, microseconds) in steps)
            {
                budget.Learn(done, TimeSpan.FromMicroseconds(microseconds));
                Assert.InRange(budget.Size, 50, 5000);
            }
        });
}
