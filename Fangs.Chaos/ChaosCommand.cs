using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Fangs.Chaos;

/// <summary>The command: arguments, progress, summary, exit code.</summary>
internal static class ChaosCommand
{
    private const string Help = """
        usage: ./chaos [--minutes N] [--seed S] [--runners N] [--clients N] [--json] [--keep]

        Runs a real orchestrator, real runners with real scans, and synthetic clients, and breaks them for N minutes (3): kills and stops either side,
        breaks, delays and throttles connections, and steps the orchestrator's clock. Then it heals everything, waits until every run has ended,
        stops all cleanly, and checks that what was promised was kept. Needs root, as runners do, and for steps of the clock Debian's faketime.

        --seed S     the schedule of faults; drawn and printed when not given. The same seed gives the same faults at the same times, not the
                     same interleaving of processes, so a violation need not show again.
        --runners N  real runners (3)          --clients N  synthetic clients (6)
        --json       the summary as one line of JSON; progress goes to standard error
        --keep       keeps database and logs, which otherwise only a violation does

        Ctrl-C ends the faults early; what there is is checked. A second one ends the waiting too.
        Exit code: 0 every promise was kept, 1 one was broken, 2 wrong arguments.
        """;

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            Console.WriteLine(Help);
            return 0;
        }

        if (Parse(args) is not { } settings)
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        using CancellationTokenSource interrupt = new(), giveUp = new();
        void OnSignal(PosixSignalContext signal)
        {
            signal.Cancel = true;
            if (interrupt.IsCancellationRequested) giveUp.Cancel();
            interrupt.Cancel();
        }

        using var ctrlC = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        var progress = settings.IsJson ? Console.Error : Console.Out;
        await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"chaos: seed {settings.Seed}, {settings.Length.TotalMinutes:0.##} minutes, {settings.Runners} runners, {settings.Clients} synthetic clients"));
        if (!ChaosRun.CanStepClock) await progress.WriteLineAsync("chaos: libfaketime is not installed (Debian package faketime): no steps of the clock");
        await using var run = new ChaosRun(settings, line => progress.WriteLine(line));
        var outcome = await run.RunAsync(interrupt.Token, giveUp.Token);
        if (settings.IsJson) PrintJson(settings, outcome);
        else Print(settings, outcome);
        return outcome.Violations.Count == 0 ? 0 : 1;
    }

    /// <summary>Reads the arguments.</summary>
    /// <returns>Null when they are wrong.</returns>
    internal static ChaosSettings? Parse(string[] args)
    {
        var settings = new ChaosSettings { Seed = Random.Shared.Next(1, 1_000_000) };
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--json": settings = settings with { IsJson = true }; continue;
                case "--keep": settings = settings with { Keep = true }; continue;
            }

            if (++i == args.Length) return null;
            switch (args[i - 1])
            {
                case "--fangs": settings = settings with { Fangs = Path.GetFullPath(args[i]) }; break;
                case "--minutes" when double.TryParse(args[i], CultureInfo.InvariantCulture, out var n) && n is > 0 and <= 1440: settings = settings with { Length = TimeSpan.FromMinutes(n) }; break;
                case "--seed" when int.TryParse(args[i], CultureInfo.InvariantCulture, out var n): settings = settings with { Seed = n }; break;
                case "--runners" when int.TryParse(args[i], CultureInfo.InvariantCulture, out var n) && n is > 0 and <= 16: settings = settings with { Runners = n }; break;
                case "--clients" when int.TryParse(args[i], CultureInfo.InvariantCulture, out var n) && n is > 0 and <= 200: settings = settings with { Clients = n }; break;
                default: return null;
            }
        }

        return File.Exists(settings.Fangs) ? settings : null;
    }

    private static void Print(ChaosSettings settings, ChaosOutcome outcome)
    {
        Console.WriteLine();
        foreach (var (name, value) in outcome.Figures) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-28} {value,8}"));
        Console.WriteLine();
        foreach (var violations in outcome.Violations.GroupBy(v => v.Promise))
        {
            Console.WriteLine($"BROKEN: {violations.Key}");
            foreach (var violation in violations) Console.WriteLine($"    {violation.What}");
        }

        Console.WriteLine(outcome.Violations.Count == 0
            ? string.Create(CultureInfo.InvariantCulture, $"chaos: every promise was kept (seed {settings.Seed})")
            : string.Create(CultureInfo.InvariantCulture, $"chaos: {outcome.Violations.Count} violations (seed {settings.Seed}); database and logs are in {outcome.Directory}"));
    }

    private static void PrintJson(ChaosSettings settings, ChaosOutcome outcome)
    {
        var figures = new JsonObject();
        foreach (var (name, value) in outcome.Figures) figures[name] = value;
        Console.WriteLine(new JsonObject
        {
            ["seed"] = settings.Seed,
            ["minutes"] = settings.Length.TotalMinutes,
            ["figures"] = figures,
            ["violations"] = new JsonArray([.. outcome.Violations.Select(v => new JsonObject { ["promise"] = v.Promise, ["what"] = v.What })]),
            ["directory"] = outcome.Violations.Count > 0 || settings.Keep ? outcome.Directory : null,
        }.ToJsonString());
    }
}
