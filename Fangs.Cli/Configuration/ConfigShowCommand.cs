using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Configuration;

/// <summary><c>fangs config show</c>: the settings that an orchestrator would start with, and where they come from.</summary>
public static class ConfigShowCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("config show", "Show the settings that count, and where they come from", CommandSpec.Unbound(ConfigurationFile.Flag))
    {
        Details = "Reads the file as the orchestrator would when it is started in this directory. A running one keeps what it has read at its start.",
        Examples = ["config show", "config show -config /etc/fangs/orchestrator.yaml", "-json config show"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => () => call.RunAsync(() => Task.FromResult(Show(call)));

    private static int Show(Invocation call)
    {
        var configuration = ConfigurationFile.Load(call.Line);
        var settings = EffectiveSettings.Of(configuration);
        if (call.IsJson)
        {
            CliJson.Write(
                call,
                new ConfigShowJson(
                    configuration.Source.Path, configuration.Source.IsRead,
                    [.. settings.Select(s => new ConfigSettingJson(s.Name, s.Value, s.Line is null ? "default" : "file", s.Line))]),
                CliJson.Wire.ConfigShowJson);
            return ExitCode.Success;
        }

        var path = TerminalText.Escape(configuration.Source.Path);
        call.Say(configuration.Source.IsRead ? $"File  {path}" : $"File  {path} (missing, the defaults count)");
        call.Say("");
        var table = new ColumnTable("SETTING", "VALUE", "FROM");
        foreach (var setting in settings)
        {
            var from = setting.Line is { } line ? $"line {line}" : "default";
            for (var i = 0; i < setting.Texts.Count; i++)
                table.Add(i == 0 ? setting.Name : "", TerminalText.Escape(setting.Texts[i]), i == 0 ? from : "");
        }

        table.Print(call.Environment);
        return ExitCode.Success;
    }
}
