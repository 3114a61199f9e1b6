using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs package check</c>: polls the registry for a watched package now.</summary>
public static class PackageCheckCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("package check", "Ask the registry for new releases of a watched package now", OrchestratorClient.Flags)
    {
        Arguments = ["name"],
        Details = "The orchestrator asks, records what is new and queues its scans, as it does by itself every -watch-interval.",
        Examples = ["package check left-thing", "package check @scope/thing -orchestrator http://127.0.0.1:9000", "-json package check left-thing"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string name) => call.RunAsync(() => CheckAsync(call, name));

    private static async Task<int> CheckAsync(Invocation call, string name)
    {
        new PackageReference(name, "").Check();
        using var client = OrchestratorClient.FromFlags(call.Line);
        var result = await client.CheckPackageAsync(name, call.Stop);
        if (call.IsJson)
        {
            CliJson.Write(call, new PackageCheckJson(
                result.Package, result.Changed, result.Latest, result.Found, result.Skipped, result.Queued, result.Waiting,
                StorageTime(result.NextCheck)), CliJson.Wire.PackageCheckJson);
            return ExitCode.Success;
        }

        Print(call, result);
        return ExitCode.Success;
    }

    private static void Print(Invocation call, PackageCheckResponse result)
    {
        call.Say($"Package   {TerminalText.Escape(result.Package)}");
        call.Say($"Latest    {(result.Latest.Length > 0 ? TerminalText.Escape(result.Latest) : "-")}");
        call.Say($"Found     {(result.Changed ? Releases(result.Found, "new") : "nothing new, the registry's document has not changed")}");
        if (result.Skipped > 0) call.Say($"Skipped   {Releases(result.Skipped, "")} (fangs coverage -package {TerminalText.Escape(result.Package)} says why)");
        foreach (var release in result.Queued) call.Say($"Queued    {TerminalText.Escape(release.Version)}  run {TerminalText.ShortId(TerminalText.Escape(release.RunId))}");
        if (result.Waiting > 0) call.Say($"Waiting   {Releases(result.Waiting, "")} for the next polls");
        call.Say($"Next poll {result.NextCheck.UtcDateTime:yyyy-MM-dd HH:mm:ss}");
    }

    private static string Releases(int count, string word) => $"{count} {(word.Length > 0 ? word + " " : "")}{(count == 1 ? "release" : "releases")}";

    private static string StorageTime(DateTimeOffset at) => Fangs.Actors.Storage.StorageText.Time(at);
}
