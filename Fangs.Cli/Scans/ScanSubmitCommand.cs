using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Cli.Runs;

namespace Fangs.Cli.Scans;

/// <summary><c>fangs scan submit</c>: queues a scan and, on request, waits for its result.</summary>
public static class ScanSubmitCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("scan submit", "Queue the scan of one package version",
    [
        new("package", FlagKind.Text, "", "package name") { IsRequired = true },
        new("version", FlagKind.Text, "", "exact version") { IsRequired = true },
        new("runner", FlagKind.Text, "", "runner to use; the orchestrator chooses when not given"),
        new("duration", FlagKind.Duration, "60s", "upper bound for the run"),
        new("registry", FlagKind.Text, "", "registry to ask; what npm is configured for when not given"),
        new("skip-registry-validate", FlagKind.Boolean, "false", "do not ask the registry whether the version exists"),
        new("wait", FlagKind.Boolean, "false", "show progress until the result is there; fails when the run failed"),
        .. OrchestratorClient.Flags,
    ])
    {
        Examples = ["scan submit -package left-thing -version 2.0.1", "scan submit -package @scope/thing -version 1.0.0 -duration 90s -wait"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("package")] string package, [Option("version")] string version, [Option("runner")] string runner,
        [Option("duration")] TimeSpan duration, [Option("registry")] string registry,
        [Option("skip-registry-validate")] bool skipValidate, [Option("wait")] bool wait) =>
        call.RunAsync(() => SubmitAsync(call, new PackageReference(package, version), runner, duration, registry, skipValidate, wait));

    private static async Task<int> SubmitAsync(
        Invocation call, PackageReference package, string runner, TimeSpan duration, string registry, bool skipValidate, bool wait)
    {
        package.Check();
        if (duration == TimeSpan.Zero) throw new UsageException("-duration must be longer than 0");
        using var client = OrchestratorClient.FromFlags(call.Line);
        // Opened before anything is queued: waiting on the wrong database would never end.
        using var database = wait ? call.OpenDatabase() : null;
        if (!skipValidate)
        {
            var npm = await NpmRegistry.ResolveAsync(registry, call.Environment, call.Stop);
            package = await npm.ValidateAsync(package, call.Stop);
        }

        var id = await client.SubmitAsync(package, runner, duration, call.Stop);
        if (!call.IsJson)
        {
            call.Say($"Run       {id}");
            call.Say($"Package   {package.Name}");
            call.Say($"Version   {package.Version}");
            call.Say($"Watch     fangs run show {id[..12]}");
        }

        var finished = database is null
            ? null
            : await ProgressView.RunAsync(
                call, package.ToString(), view => RunFollower.FollowAsync(database, id, view, call.Environment.Clock, call.Stop));
        if (call.IsJson)
        {
            CliJson.Write(call, new ScanSubmitJson
            {
                RunId = id,
                Package = package.Name,
                Version = package.Version,
                Run = finished is null ? null : RunJson.Of(finished.Run),
                EventsByType = finished?.Counts.ToDictionary(count => count.Type, count => count.Count),
            }, CliJson.Wire.ScanSubmitJson);
        }
        else if (finished is not null)
        {
            call.Say("");
            call.Say(RunText.Counts(finished.Counts));
        }

        return finished is { Run.State: "failed" } ? ExitCode.Error : ExitCode.Success;
    }
}
