using System.Net;
using System.Net.Sockets;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Runs;
using Fangs.Cli.Scans;

namespace Fangs.Cli.Up;

/// <summary><c>fangs up</c>: orchestrator and runner on this host, scans, their results; all in one process tree.</summary>
public static class UpCommand
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("up", "Start orchestrator and runner here, scan packages, show what they did",
    [
        .. CommandSpec.Unbound(
            new("scan", FlagKind.TextList, "", "package to scan, as name or name@version; may be repeated"),
            new("exit", FlagKind.Boolean, "false", "stop after the scans; fails when one failed"),
            new("yes", FlagKind.Boolean, "false", "install missing Debian packages without asking"),
            new("data", FlagKind.Text, "var/lib/fangs", "directory for database and logs"),
            new("addr", FlagKind.Text, "127.0.0.1:8443", "address and port to listen on"),
            new("insecure", FlagKind.Boolean, "false", "allow plain HTTP on an address that others can reach"),
            new("runner-id", FlagKind.Text, "", "name of the runner; the host name when not given"),
            new("duration", FlagKind.Duration, "60s", "upper bound for each scan"),
            ConfigurationFile.Flag,
            new("registry", FlagKind.Text, "", "registry to ask; what npm is configured for when not given"),
            new("skip-registry-validate", FlagKind.Boolean, "false", "do not ask the registry whether the version exists")),
        .. ObservationFlags.All,
    ])
    {
        Details = "Needs root. Keeps serving until Ctrl-C unless -exit is given.",
        Examples = ["up -scan is-odd@3.0.1", "up --yes --scan left-pad --scan is-odd@3.0.1 --exit", "up -data /srv/fangs -addr 127.0.0.1:9000"],
    };

    /// <summary>Binds it to a call. The flags are read from the command line as a whole, see <see cref="UpSettings"/>.</summary>
    public static Delegate Bind(Invocation call) => () => call.RunAsync(() => RunAsync(call, UpSettings.From(call.Line)));

    private static async Task<int> RunAsync(Invocation call, UpSettings settings)
    {
        if (!Environment.IsPrivilegedProcess) throw new CliException("up needs root, for the sensor and the sandboxes: run it with sudo");
        await MachineNeeds.EnsureAsync(
            MachineNeeds.All, call.Environment, settings.MayInstall, packages => MachineNeeds.AptInstallAsync(packages, call.Stop));
        RefuseTakenPort(settings.Address);
        Directory.CreateDirectory(settings.DataDirectory);
        var packages = await ValidateAsync(call, settings);

        await using var orchestrator = ChildPart.Start(
            "orchestrator", settings.LogOf("orchestrator"),
            ["orchestrator", $"-addr={settings.Address}", "-insecure", $"-sqlite-path={settings.Database}", .. settings.ConfigurationFlag, .. settings.RegistryFlag, .. settings.ObservationArguments], call.Environment.Clock);
        using var client = OrchestratorClient.Local(Reachable(settings.Address));
        await WaitAsync(call, orchestrator, "answer", () => client.IsHealthyAsync(call.Stop));
        call.Say($"Orchestrator is ready at {client.Page("")}, dashboard at {client.Page("ui/")}");

        await using var runner = ChildPart.Start(
            "runner", settings.LogOf("runner"),
            ["runner", $"-orchestrator={client.Page("")}", $"-runner-id={settings.RunnerId}", .. settings.RegistryFlag, .. settings.ObservationArguments], call.Environment.Clock);
        await WaitAsync(call, runner, "register", async () =>
            (await client.GetActorsAsync(call.Stop)).Any(actor => actor.Path.StartsWith("/user/runners/", StringComparison.Ordinal)));
        call.Say($"Runner {TerminalText.Escape(settings.RunnerId)} is registered");

        try
        {
            var scans = ScanAllAsync(call, settings, client, packages);
            var finished = await UnlessEndedAsync(scans, [orchestrator, runner], call.Stop);
            PrintWhereToLook(call, settings, client, finished.Count > 0 ? TerminalText.ShortId(finished[^1].Id) : "RUN_ID");
            if (settings.ExitAfterScans) return finished.Any(run => run.State == "failed") ? ExitCode.Error : ExitCode.Success;
            call.Say("");
            call.Say("Serving until Ctrl-C.");
            await UnlessEndedAsync(Forever(call), [orchestrator, runner], call.Stop);
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            // Ctrl-C while serving is the ordinary end; with -exit, or in a scan, it means the scans were not finished.
            if (settings.ExitAfterScans) throw;
        }

        call.Say("Stopping ...");
        return ExitCode.Success;
    }

    private static async Task<IReadOnlyList<PackageReference>> ValidateAsync(Invocation call, UpSettings settings)
    {
        if (settings.SkipValidate || settings.Scans.Count == 0) return settings.Scans;
        var registry = await NpmRegistry.ResolveAsync(settings.Registry, call.Environment, call.Stop);
        var packages = new List<PackageReference>();
        foreach (var package in settings.Scans) packages.Add(await registry.ValidateAsync(package, call.Stop));
        return packages;
    }

    private static async Task<IReadOnlyList<RunRow>> ScanAllAsync(
        Invocation call, UpSettings settings, OrchestratorClient client, IReadOnlyList<PackageReference> packages)
    {
        var runs = new List<RunRow>();
        if (packages.Count == 0) return runs;
        using var database = ReadOnlyDatabase.Open(settings.Database);
        foreach (var package in packages)
        {
            call.Say("");
            var id = await client.SubmitAsync(package, "", settings.Duration, call.Stop);
            var finished = await ProgressView.RunAsync(
                call, package.ToString(), view => RunFollower.FollowAsync(database, id, view, call.Environment.Clock, call.Stop));
            call.Say("");
            RunShowCommand.PrintHead(call, finished.Run, finished.Counts, DeviationQueries.CountOf(database, id));
            RunText.Print(call.Environment, RunSummary.Of(EventQueries.All(database, id)).ToJson());
            RunShowCommand.PrintOutput(call, finished.Run);
            runs.Add(finished.Run);
        }

        return runs;
    }

    private static void PrintWhereToLook(Invocation call, UpSettings settings, OrchestratorClient client, string run)
    {
        // Only what differs from the default needs to be copied along.
        var isDefault = settings.Database == Path.GetFullPath(call.Line.Text(GlobalFlags.SqlitePath));
        var database = isDefault ? "" : " -sqlite-path " + TerminalText.Arguments([settings.Database]);
        var orchestrator = client.Page("").ToString().TrimEnd('/') is var address && address == OrchestratorClient.DefaultAddress
            ? "" : " -orchestrator " + address;
        call.Say("");
        call.Say($"Database  {settings.Database}");
        call.Say($"Logs      {settings.LogOf("orchestrator")}");
        call.Say($"          {settings.LogOf("runner")}");
        call.Say("Look further with");
        call.Say($"  ./fangs run list{database}");
        call.Say($"  ./fangs run show {run} -events{database}");
        if (settings.ExitAfterScans) return;
        call.Say($"  ./fangs scan submit -package NAME -version VERSION -wait{database}{orchestrator}");
        call.Say($"  ./fangs actors{orchestrator}");
    }

    private static async Task WaitAsync(Invocation call, ChildPart part, string what, Func<Task<bool>> isThere)
    {
        var began = call.Environment.Clock.GetTimestamp();
        while (!await isThere())
        {
            if (part.HasExited) throw part.Ended();
            if (call.Environment.Clock.GetElapsedTime(began) > StartLimit)
                throw new CliException($"the {part.Name} did not {what} within {StartLimit.TotalSeconds:0} s: see {part.LogFile}");
            await Task.Delay(Look, call.Environment.Clock, call.Stop);
        }
    }

    // Whatever goes on, the end of a part is news that must not wait.
    private static async Task<T> UnlessEndedAsync<T>(Task<T> work, IReadOnlyList<ChildPart> parts, CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var exits = parts.Select(part => part.WaitForExitAsync(over.Token)).ToList();
        var first = await Task.WhenAny([work, .. exits]);
        await over.CancelAsync();
        stop.ThrowIfCancellationRequested();
        if (first == work) return await work;
        throw parts[exits.IndexOf(first)].Ended();
    }

    private static async Task<int> Forever(Invocation call)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, call.Environment.Clock, call.Stop);
        return 0;
    }

    private static void RefuseTakenPort(IPEndPoint address)
    {
        try
        {
            using var probe = new TcpListener(address);
            probe.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new CliException($"{address} is taken, perhaps by another fangs: stop it, or choose another address with -addr");
        }
        catch (SocketException e)
        {
            throw new CliException($"cannot listen on {address}: {e.Message}");
        }
    }

    private static IPEndPoint Reachable(IPEndPoint address) =>
        address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any)
            ? new IPEndPoint(IPAddress.Loopback, address.Port)
            : address;
}
