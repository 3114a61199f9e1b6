using System.Globalization;

namespace Fangs.Chaos;

/// <summary>What is done to the parties.</summary>
internal enum FaultKind
{
    /// <summary>The orchestrator's process is killed with SIGKILL and started again.</summary>
    KillOrchestrator,

    /// <summary>The orchestrator's process stands still for a while (SIGSTOP, SIGCONT).</summary>
    StopOrchestrator,

    /// <summary>The clock of the orchestrator's process steps.</summary>
    StepClock,

    /// <summary>A runner's process is killed with SIGKILL and started again.</summary>
    KillRunner,

    /// <summary>A runner's process stands still for a while.</summary>
    StopRunner,

    /// <summary>All connections of a party are reset.</summary>
    Reset,

    /// <summary>All connections of a party are reset, and new ones too for a while.</summary>
    CutOff,

    /// <summary>Nothing passes on a party's connections any more, and neither side is told: they are dead for good.</summary>
    HalfOpen,

    /// <summary>What a party sends and gets comes late for a while.</summary>
    Delay,

    /// <summary>What a party sends and gets trickles for a while.</summary>
    Throttle,
}

/// <summary>One entry of the schedule.</summary>
/// <param name="At">When, from the beginning.</param>
/// <param name="Kind">What.</param>
/// <param name="Party">To whom: a runner's number for <see cref="FaultKind.KillRunner"/> and <see cref="FaultKind.StopRunner"/>, a party's for faults of connections, 0 otherwise.</param>
/// <param name="For">How long; zero for what happens once.</param>
/// <param name="Amount">Delay in milliseconds, rate in bytes a second, or step of the clock in seconds.</param>
internal sealed record Fault(TimeSpan At, FaultKind Kind, int Party, TimeSpan For, double Amount);

/// <summary>When which fault happens. Depends on nothing but its arguments.</summary>
internal static class Schedule
{
    private static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(40);

    // A bag is drawn empty before the next one is filled, so that a short run has every kind too.
    private static readonly (FaultKind Kind, int InABag)[] Bag =
    [
        (FaultKind.KillOrchestrator, 2), (FaultKind.StopOrchestrator, 1), (FaultKind.StepClock, 2), (FaultKind.KillRunner, 3), (FaultKind.StopRunner, 2),
        (FaultKind.Reset, 3), (FaultKind.CutOff, 2), (FaultKind.HalfOpen, 2), (FaultKind.Delay, 1), (FaultKind.Throttle, 1),
    ];

    /// <summary>Makes the schedule of a seed.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="length">Time in which faults begin.</param>
    /// <param name="runners">Real runners, the first parties.</param>
    /// <param name="parties">All that have connections.</param>
    public static IReadOnlyList<Fault> Make(int seed, TimeSpan length, int runners, int parties)
    {
        var chance = new Random(seed);
        var (faults, bag) = (new List<Fault>(), new Stack<FaultKind>());
        for (var at = Between(chance, 3, 8); at < length; at += Between(chance, 2, 7))
        {
            if (bag.Count == 0)
            {
                var kinds = Bag.SelectMany(b => Enumerable.Repeat(b.Kind, b.InABag)).ToArray();
                chance.Shuffle(kinds);
                foreach (var kind in kinds) bag.Push(kind);
            }

            faults.Add(Draw(chance, at, bag.Pop(), runners, parties));
        }

        return faults;
    }

    /// <summary>A fault as a line.</summary>
    public static string Describe(Fault fault, Func<int, string> party)
    {
        var text = fault.Kind switch
        {
            FaultKind.KillOrchestrator => "SIGKILL orchestrator",
            FaultKind.StopOrchestrator => "SIGSTOP orchestrator",
            FaultKind.StepClock => string.Create(CultureInfo.InvariantCulture, $"clock of the orchestrator steps by {fault.Amount:+0.0;-0.0} s"),
            FaultKind.KillRunner => $"SIGKILL {party(fault.Party)}",
            FaultKind.StopRunner => $"SIGSTOP {party(fault.Party)}",
            FaultKind.Reset => $"connections of {party(fault.Party)} reset",
            FaultKind.CutOff => $"{party(fault.Party)} cut off",
            FaultKind.HalfOpen => $"connections of {party(fault.Party)} dead without a word",
            FaultKind.Delay => string.Create(CultureInfo.InvariantCulture, $"{party(fault.Party)} delayed by {fault.Amount:0} ms"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{party(fault.Party)} at {fault.Amount:0} bytes/s"),
        };
        return fault.For > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"{text} for {fault.For.TotalSeconds:0.0} s") : text;
    }

    private static Fault Draw(Random chance, TimeSpan at, FaultKind kind, int runners, int parties)
    {
        var (runner, party, share, duration) = (chance.Next(runners), chance.Next(parties), chance.NextDouble(), chance.NextDouble());
        return kind switch
        {
            // Mostly short, now and then the longest there is.
            FaultKind.StopOrchestrator => new(at, kind, 0, LongestStop * Math.Pow(duration, 2), 0),
            FaultKind.StopRunner => new(at, kind, runner, LongestStop * duration, 0),
            FaultKind.KillOrchestrator => new(at, kind, 0, TimeSpan.Zero, 0),
            FaultKind.KillRunner => new(at, kind, runner, TimeSpan.Zero, 0),
            FaultKind.StepClock => new(at, kind, 0, TimeSpan.Zero, Step(share, duration)),
            FaultKind.Reset => new(at, kind, party, TimeSpan.Zero, 0),
            FaultKind.CutOff => new(at, kind, party, TimeSpan.FromSeconds(1 + (24 * duration)), 0),
            FaultKind.HalfOpen => new(at, kind, party, TimeSpan.FromSeconds(1 + (24 * duration)), 0),
            FaultKind.Delay => new(at, kind, party, TimeSpan.FromSeconds(5 + (15 * duration)), Math.Round(50 + (1500 * share))),
            _ => new(at, kind, party, TimeSpan.FromSeconds(5 + (15 * duration)), Math.Round(2000 + (30_000 * share))),
        };
    }

    // A second, some minutes, or hours; either way.
    private static double Step(double share, double size)
    {
        var seconds = share switch { < 0.3 => 1 + (5 * size), < 0.7 => 60 + (240 * size), _ => 3600 + (7200 * size) };
        return Math.Round(share * 1000) % 2 == 0 ? seconds : -seconds;
    }

    private static TimeSpan Between(Random chance, double from, double to) => TimeSpan.FromSeconds(from + ((to - from) * chance.NextDouble()));
}
