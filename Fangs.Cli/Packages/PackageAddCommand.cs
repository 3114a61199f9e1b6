using Cocona;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.Packages;

/// <summary><c>fangs package add</c>: puts a package on the watch list, and has its latest release scanned.</summary>
public static class PackageAddCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("package add", "Watch a package, and scan its latest release",
    [
        new("runner", FlagKind.Text, "", "runner to use for the scan; the orchestrator chooses when not given"),
        new("skip-initial-scan", FlagKind.Boolean, "false", "do not scan the latest release; the next one is the first to be scanned"),
        new("skip-registry-validate", FlagKind.Boolean, "false", "do not ask the registry; then the latest release is not known, and not scanned"),
        new("duration", FlagKind.Duration, "60s", "upper bound for the run"),
        new("registry", FlagKind.Text, "", "registry to ask; what npm is configured for when not given"),
        .. OrchestratorClient.Flags,
    ])
    {
        Arguments = ["name"],
        Details = "The latest release counts as taken up once its scan has been accepted; when it was not, the watcher tries again.",
        Examples = ["package add left-thing", "package add @scope/thing -duration 90s", "package add left-thing -skip-initial-scan"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("runner")] string runner, [Option("skip-initial-scan")] bool skipScan, [Option("skip-registry-validate")] bool skipValidate,
        [Option("duration")] TimeSpan duration, [Option("registry")] string registry, [Argument] string name) =>
        call.RunAsync(() => AddAsync(call, new PackageReference(name, ""), new ScanWish(runner, duration, skipScan), skipValidate, registry));

    private sealed record ScanWish(string Runner, TimeSpan Duration, bool Skip);

    /// <summary>What became of the first scan: a run, or why there is none.</summary>
    private sealed record Kickoff(string? RunId, string Why, bool IsFailure);

    private static async Task<int> AddAsync(Invocation call, PackageReference package, ScanWish wish, bool skipValidate, string registry)
    {
        package.Check();
        if (wish.Duration == TimeSpan.Zero) throw new UsageException("-duration must be longer than 0");
        using var client = OrchestratorClient.FromFlags(call.Line);
        using var tables = OperatorTables.Open(call.Storage, call.OperatorName, call.Environment.Clock);
        RefuseWatched(call, package.Name);

        ReleaseFacts? latest = null;
        if (!skipValidate)
        {
            var npm = await NpmRegistry.ResolveAsync(registry, call.Environment, call.Stop);
            latest = await npm.LatestAsync(package.Name, call.Stop);
        }

        // Somebody else may have been quicker while the registry was asked.
        RunId? run = latest is null || wish.Skip ? null : RunId.New(call.Environment.Clock);
        if (!tables.Watch(package.Name, latest, run)) RefuseWatched(call, package.Name);
        var kickoff = await ScanAsync(call, client, package, latest, run, wish);
        if (latest is not null && kickoff.RunId is { } accepted) tables.Queued(package.Name, latest.Version, RunId.Parse(accepted));
        await PrintAsync(call, client, package, latest, kickoff);
        return ExitCode.Success;
    }

    private static void RefuseWatched(Invocation call, string name)
    {
        using var database = call.OpenDatabase();
        if (PackageQueries.Watched(database, name) is { } known)
            throw new CliException($"{name} is watched already, since {TimeText.Absolute(known.AddedAt)}");
    }

    private static async Task<Kickoff> ScanAsync(
        Invocation call, OrchestratorClient client, PackageReference package, ReleaseFacts? latest, RunId? run, ScanWish wish)
    {
        if (wish.Skip) return new Kickoff(null, "-skip-initial-scan was given", false);
        if (latest is null || run is not { } id) return new Kickoff(null, "the latest version is not known, because the registry was not asked", false);
        try
        {
            var release = (package with { Version = latest.Version }).Announced(latest.Integrity, latest.Shasum);
            return new Kickoff(await client.SubmitAsync(release, wish.Runner, wish.Duration, id, call.Stop), "", false);
        }
        catch (CliException e)
        {
            // The watcher may have been quicker, and then the orchestrator has this very run; or the answer was lost on its way.
            using var database = call.OpenDatabase();
            return RunQueries.ById(database, id.ToString()) is null ? new Kickoff(null, e.Message, true) : new Kickoff(id.ToString(), "", false);
        }
    }

    private static async Task PrintAsync(
        Invocation call, OrchestratorClient client, PackageReference package, ReleaseFacts? latest, Kickoff kickoff)
    {
        if (kickoff.IsFailure)
            await call.Environment.Error.WriteLineAsync($"fangs: warning: {package.Name} is watched, but its scan was not accepted: {kickoff.Why}");
        if (call.IsJson)
        {
            CliJson.Write(call, new PackageAddedJson(package.Name, latest?.Version ?? "", kickoff.RunId), CliJson.Wire.PackageAddedJson);
            return;
        }

        call.Say($"Watching  {package.Name}");
        call.Say($"Latest    {latest?.Version ?? "(not known)"}");
        if (kickoff.RunId is { } run)
        {
            call.Say($"Run       {run}");
            call.Say($"Watch     fangs run show {run[..12]}");
            call.Say($"          {client.Page("ui/runs/" + run)}");
        }
        else
        {
            call.Say($"No scan was queued: {kickoff.Why}");
        }
    }
}
