using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Packages;
using Fangs.Cli.Runs;
using Fangs.Cli.Scans;
using Fangs.Cli.Up;

namespace Fangs.Cli;

/// <summary>A command and the delegate that Cocona binds and calls for it.</summary>
/// <param name="Spec">Names, flags and help.</param>
/// <param name="Bind">Makes the delegate for one call.</param>
public sealed record CommandEntry(CommandSpec Spec, Func<Invocation, Delegate> Bind);

/// <summary>All commands. Only the one that is called is registered with Cocona, so the others cost no start-up time.</summary>
public static class CommandTable
{
    /// <summary>The commands in the order of the help text.</summary>
    public static IReadOnlyList<CommandEntry> Entries { get; } =
    [
        new(UpCommand.Spec, UpCommand.Bind),
        new(ScanSubmitCommand.Spec, ScanSubmitCommand.Bind),
        new(RunListCommand.Spec, RunListCommand.Bind),
        new(RunShowCommand.Spec, RunShowCommand.Bind),
        new(PackageListCommand.Spec, PackageListCommand.Bind),
        new(PackageCheckCommand.Spec, PackageCheckCommand.Bind),
        new(CoverageCommand.Spec, CoverageCommand.Bind),
        new(ActorsCommand.Spec, ActorsCommand.Bind),
        new(OrchestratorCommand.Spec, OrchestratorCommand.Bind),
        new(RunnerCommand.Spec, RunnerCommand.Bind),
        new(VersionCommand.Spec, VersionCommand.Bind),
    ];
}
