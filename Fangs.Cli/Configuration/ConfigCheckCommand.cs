using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Configuration;

/// <summary><c>fangs config check</c>: says whether an orchestrator would start with a file.</summary>
public static class ConfigCheckCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("config check", "Check a configuration file", [])
    {
        Arguments = ["file"],
        Details = "Names everything that is wrong, each with line and column, and then ends with status 1. Starts nothing and opens no database.",
        Examples = ["config check config/orchestrator.yaml", "-json config check config/orchestrator.yaml"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Cocona.Argument] string file) => call.RunAsync(() => Task.FromResult(Check(call, file)));

    private static int Check(Invocation call, string file)
    {
        var path = Path.GetFullPath(file);
        var result = ConfigurationFile.Read(path) ?? throw new CliException($"there is no file {TerminalText.Escape(path)}");
        if (call.IsJson)
        {
            CliJson.Write(
                call,
                new ConfigCheckJson(path, result.IsSound, [.. result.Errors.Select(e => new ConfigErrorJson(e.Line, e.Column, e.Field, e.Remedy))]),
                CliJson.Wire.ConfigCheckJson);
        }
        else if (result.IsSound)
        {
            var settings = result.Settings;
            call.Say($"{TerminalText.Escape(path)} is sound: sets {settings.Lines.Count} of {EffectiveSettings.Names.Count} settings, "
                + $"{settings.WatchedPaths?.Count ?? 0} watched paths, {settings.Allow.Count} allow entries");
        }
        else
        {
            // File:line:column: in front, as compilers do, so that editors jump there; that is why these lines have no "fangs:".
            foreach (var line in ConfigurationFile.Lines(file, result.Errors)) call.Environment.Error.WriteLine(line);
        }

        return result.IsSound ? ExitCode.Success : ExitCode.Error;
    }
}
