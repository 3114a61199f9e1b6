using Cocona;
using Fangs.Actors.Storage;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs package remove</c>: takes a package off the watch list.</summary>
public static class PackageRemoveCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("package remove", "Stop to look for releases of a package", [])
    {
        Arguments = ["name"],
        Aliases = ["package rm"],
        Details = "Runs and baseline of the package stay; the list of its releases goes.",
        Examples = ["package remove left-thing", "package rm @scope/thing"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string name) => call.RunAsync(() =>
    {
        using var tables = OperatorTables.Open(call.Storage, call.OperatorName, call.Environment.Clock);
        if (!tables.Unwatch(name)) throw new CliException($"{TerminalText.Cut(name, 220)} is not watched: 'fangs package watched' lists what is", ExitCode.NotFound);
        if (call.IsJson) CliJson.Write(call, new PackageRemovedJson(name), CliJson.Wire.PackageRemovedJson);
        else call.Say($"{TerminalText.Escape(name)} is not watched any more. Its runs and its baseline stay.");
        return Task.FromResult(ExitCode.Success);
    });
}
