using Fangs.Cli.AllowList;
using Fangs.Cli.Arguments;
using Fangs.Cli.Baselines;
using Fangs.Cli.Certificates;
using Fangs.Cli.Comparison;
using Fangs.Cli.Completion;
using Fangs.Cli.Configuration;
using Fangs.Cli.Database;
using Fangs.Cli.Deviations;
using Fangs.Cli.Hosting;
using Fangs.Cli.Notifiers;
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
        new(PendingCommand.Spec, PendingCommand.Bind),
        new(DiffCommand.Spec, DiffCommand.Bind),
        new(RunListCommand.Spec, RunListCommand.Bind),
        new(RunShowCommand.Spec, RunShowCommand.Bind),
        new(RunReanalyzeCommand.Spec, RunReanalyzeCommand.Bind),
        new(DeviationListCommand.Spec, DeviationListCommand.Bind),
        new(DeviationShowCommand.Spec, DeviationShowCommand.Bind),
        new(DeviationAcceptCommand.Spec, DeviationAcceptCommand.Bind),
        new(DeviationRejectCommand.Spec, DeviationRejectCommand.Bind),
        new(BaselineListCommand.Spec, BaselineListCommand.Bind),
        new(BaselinePromoteCommand.Spec, BaselinePromoteCommand.Bind),
        new(BaselineDemoteCommand.Spec, BaselineDemoteCommand.Bind),
        new(AllowListCommand.Spec, AllowListCommand.Bind),
        new(AllowAddCommand.Spec, AllowAddCommand.Bind),
        new(AllowRemoveCommand.Spec, AllowRemoveCommand.Bind),
        new(PackageListCommand.Spec, PackageListCommand.Bind),
        new(PackageWatchedCommand.Spec, PackageWatchedCommand.Bind),
        new(PackageAddCommand.Spec, PackageAddCommand.Bind),
        new(PackageRemoveCommand.Spec, PackageRemoveCommand.Bind),
        new(PackageCheckCommand.Spec, PackageCheckCommand.Bind),
        new(ReleaseListCommand.Spec, ReleaseListCommand.Bind),
        new(CoverageCommand.Spec, CoverageCommand.Bind),
        new(NotifierListCommand.Spec, NotifierListCommand.Bind),
        new(NotifierAddCommand.Spec, NotifierAddCommand.Bind),
        new(NotifierRemoveCommand.Spec, NotifierRemoveCommand.Bind),
        new(NotifierTestCommand.Spec, NotifierTestCommand.Bind),
        new(NotifierHistoryCommand.Spec, NotifierHistoryCommand.Bind),
        new(ActorsCommand.Spec, ActorsCommand.Bind),
        new(DbCommands.MigrateSpec, DbCommands.BindMigrate),
        new(DbCommands.CheckSpec, DbCommands.BindCheck),
        new(DbCommands.BackupSpec, DbCommands.BindBackup),
        new(DbCommands.ExportSpec, DbCommands.BindExport),
        new(DbCommands.ImportSpec, DbCommands.BindImport),
        new(ConfigCheckCommand.Spec, ConfigCheckCommand.Bind),
        new(ConfigShowCommand.Spec, ConfigShowCommand.Bind),
        new(OrchestratorCommand.Spec, OrchestratorCommand.Bind),
        new(RunnerCommand.Spec, RunnerCommand.Bind),
        new(CertsCommand.InitSpec, CertsCommand.BindInit),
        new(CertsCommand.ServerSpec, CertsCommand.BindServer),
        new(CertsCommand.RunnerSpec, CertsCommand.BindRunner),
        new(CertsCommand.OperatorSpec, CertsCommand.BindOperator),
        new(CompletionCommand.Spec, CompletionCommand.Bind),
        new(VersionCommand.Spec, VersionCommand.Bind),
    ];
}
