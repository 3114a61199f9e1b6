using Fangs.Chaos;

namespace Fangs.Tests.Chaos;

public sealed class ScheduleSpecs
{
    private static readonly TimeSpan Length = TimeSpan.FromMinutes(3);

    [Fact]
    public void The_same_seed_gives_the_same_faults_and_another_one_others()
    {
        Assert.Equal(Schedule.Make(7, Length, 3, 10), Schedule.Make(7, Length, 3, 10));
        Assert.NotEqual(Schedule.Make(7, Length, 3, 10), Schedule.Make(8, Length, 3, 10));
    }

    [Fact]
    public void Three_minutes_have_every_kind_of_fault_within_its_bounds()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var faults = Schedule.Make(seed, Length, 3, 10);
            Assert.Equal(Enum.GetValues<FaultKind>().Order(), faults.Select(f => f.Kind).Distinct().Order());
            Assert.All(faults, f => Assert.InRange(f.At, TimeSpan.Zero, Length));
            Assert.All(faults, f => Assert.InRange(f.For, TimeSpan.Zero, TimeSpan.FromSeconds(40)));
            Assert.All(faults, f => Assert.InRange(f.Party, 0, f.Kind is FaultKind.KillRunner or FaultKind.StopRunner ? 2 : 9));
        }
    }
}
