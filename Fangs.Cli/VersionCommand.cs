using System.Reflection;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli;

/// <summary><c>fangs version</c>.</summary>
public static class VersionCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("version", "Print the version of this build", []) { Examples = ["version"] };

    /// <summary>The version of this build, without the commit.</summary>
    public static string Version { get; } =
        (typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "dev").Split('+')[0];

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => () => call.RunAsync(() =>
    {
        if (call.IsJson) CliJson.Write(call, new VersionJson(Version), CliJson.Wire.VersionJson);
        else call.Say($"fangs {Version}");
        return Task.FromResult(ExitCode.Success);
    });
}
