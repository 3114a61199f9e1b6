using Cocona;
using Fangs.Cli.Arguments;

namespace Fangs.Cli.Hosting;

/// <summary><c>fangs orchestrator</c>: serves the API until it is stopped.</summary>
public static class OrchestratorCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("orchestrator", "Run the orchestrator",
    [
        new("addr", FlagKind.Text, "127.0.0.1:8443", "address and port to listen on"),
        new("id", FlagKind.Text, "fangs-orchestrator", "name in answers and logs"),
        new("insecure", FlagKind.Boolean, "false", "allow plain HTTP on an address that others can reach"),
        .. CommandSpec.Unbound(
            WatchFlags.On, WatchFlags.Interval, WatchFlags.Registry,
            new("ui", FlagKind.Boolean, "true", "pages under /ui"),
            new("metrics", FlagKind.Boolean, "false", "not in this version"),
            new("notifiers-file", FlagKind.Text, "", "not in this version"),
            new("retention-days", FlagKind.Count, "0", "not in this version; nothing is deleted"),
            new("retention-interval", FlagKind.Duration, "24h", "not in this version"),
            new("tls-cert", FlagKind.Text, "", "not in this version"),
            new("tls-key", FlagKind.Text, "", "not in this version"),
            new("tls-client-ca", FlagKind.Text, "", "not in this version"),
            new("config", FlagKind.Text, "", "not in this version"),
            new("health-addr", FlagKind.Text, "", "not in this version"),
            new("ui-addr", FlagKind.Text, "", "not in this version"),
            new("ui-token", FlagKind.Text, "", "not in this version")),
    ])
    {
        Details = "Creates and migrates the database of -sqlite-path. Ends cleanly on SIGTERM and Ctrl-C.",
        Examples = ["orchestrator", "orchestrator -addr 127.0.0.1:9000 -sqlite-path /var/lib/fangs/fangs.db"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("addr")] string addr, [Option("id")] string id, [Option("insecure")] bool insecure) =>
        call.RunAsync(async () =>
        {
            LaterFeatures.Refuse(
                call.Line, ("metrics", "false"), ("notifiers-file", ""), ("retention-days", "0"),
                ("retention-interval", ""), ("tls-cert", ""), ("tls-key", ""), ("tls-client-ca", ""), ("config", ""), ("health-addr", ""),
                ("ui-addr", ""), ("ui-token", ""), ("ui", "true"));
            await call.Environment.Roots.Orchestrator(new OrchestratorOptions(CheckAddress(addr, insecure), CheckId(id), call.SqlitePath) { Watch = WatchFlags.Read(call.Line) }, call.Stop);
            return ExitCode.Success;
        });

    /// <summary>Parses an address and refuses plain HTTP where others could reach it.</summary>
    /// <exception cref="UsageException">The form is wrong or the address is open.</exception>
    public static System.Net.IPEndPoint CheckAddress(string text, bool insecure)
    {
        var address = ListenAddress.Parse(text);
        return insecure || ListenAddress.IsLoopback(address)
            ? address
            : throw new UsageException($"-addr {text} can be reached from other hosts in plain HTTP, where everybody may queue scans: use a loopback address, or add -insecure");
    }

    private static string CheckId(string id) => id.Length > 0 ? id : throw new UsageException("-id must not be empty");
}
