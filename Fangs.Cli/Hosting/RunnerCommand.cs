using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.Hosting;

/// <summary><c>fangs runner</c>: takes jobs until it is stopped.</summary>
public static class RunnerCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("runner", "Run a runner on this host",
    [
        new("orchestrator", FlagKind.Text, OrchestratorClient.DefaultAddress, "address of the orchestrator"),
        new("runner-id", FlagKind.Text, "", "name to register under; the host name when not given"),
        new("timeout", FlagKind.Duration, "30s", "limit of one call"),
        new("slots", FlagKind.Count, "1", "jobs to take at once"),
        new("registry", FlagKind.Text, "", "npm registry; the one that npm is configured for when not given"),
        new("state-dir", FlagKind.Text, "/run/fangs", "where sandboxes are kept while they run"),
        .. TlsFlags.Specs,
        .. ObservationFlags.All,
    ])
    {
        Details = "Needs root: it loads eBPF programs and makes sandboxes. Use a host that you can do without.",
        Examples = ["runner", "runner -orchestrator http://127.0.0.1:9000 -runner-id lab-1",
            "runner -orchestrator https://fangs.example:8443 -runner-id lab-1 -tls-ca ca.crt -tls-cert runner-lab-1.crt -tls-key runner-lab-1.key"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("orchestrator")] string orchestrator, [Option("runner-id")] string runnerId, [Option("timeout")] TimeSpan timeout,
        [Option("slots")] int slots, [Option("registry")] string registry, [Option("state-dir")] string stateDirectory) => call.RunAsync(async () =>
        {
            var id = runnerId.Length > 0 ? runnerId : Environment.MachineName;
            if (!RunnerId.TryParse(id, out _)) throw new UsageException($"-runner-id {id}: expected 1 to {RunnerId.MaxLength} characters without control characters");
            if (timeout == TimeSpan.Zero) throw new UsageException("-timeout must be longer than 0");
            if (slots is < 1 or > 64) throw new UsageException("-slots must be between 1 and 64");
            var address = OrchestratorClient.ParseAddress(orchestrator);
            var options = new RunnerOptions(address, id, timeout, slots, registry.Length > 0 ? registry : null, stateDirectory)
            {
                Tls = TlsFlags.From(call.Line, address),
                LogFormat = ObservationFlags.LogFormatOf(call.Line),
                Otlp = ObservationFlags.OtlpOf(call),
            };
            await call.Environment.Roots.Runner(options, call.Stop);
            return ExitCode.Success;
        });
}
