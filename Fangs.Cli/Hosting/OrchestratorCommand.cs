using System.Globalization;
using Cocona;
using Fangs.Actors.Storage;
using Fangs.Cli.Arguments;
using Fangs.Cli.Notifiers;
using Fangs.Protocol;

namespace Fangs.Cli.Hosting;

/// <summary><c>fangs orchestrator</c>: serves the API until it is stopped.</summary>
public static class OrchestratorCommand
{
    private const int MaxRetentionDays = 36_500;

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("orchestrator", "Run the orchestrator",
    [
        new("addr", FlagKind.Text, "127.0.0.1:8443", "address and port to listen on"),
        new("id", FlagKind.Text, "fangs-orchestrator", "name in answers and logs"),
        new("insecure", FlagKind.Boolean, "false", "allow plain HTTP on an address that others can reach"),
        .. ServerTls.Specs,
        .. CommandSpec.Unbound(
            ConfigurationFile.Flag,
            WatchFlags.On, WatchFlags.Interval, WatchFlags.Registry,
            UiFlags.On, UiFlags.Address, UiFlags.Token,
            new("metrics", FlagKind.Boolean, "true", "serve Prometheus metrics at /metrics"),
            NotifiersFileFlag.Flag,
            new("retention-days", FlagKind.Count, "90", "delete events of runs that ended longer ago; 0 keeps everything"),
            new("retention-interval", FlagKind.Duration, "24h", "time between two passes of retention")),
        .. ObservationFlags.All,
    ])
    {
        Details = "Creates and migrates the SQLite file of -sqlite-path, or migrates the PostgreSQL database of -postgres-dsn. Ends cleanly on SIGTERM and Ctrl-C.\n"
            + "What is wrong in the configuration file stops the start; 'fangs config check FILE' says it beforehand. Flags win over the file.",
        Examples = ["orchestrator", "orchestrator -addr 127.0.0.1:9000 -sqlite-path /var/lib/fangs/fangs.db",
            "orchestrator -addr 0.0.0.0:8443 -tls-cert server.crt -tls-key server.key -tls-client-ca ca.crt -health-addr 127.0.0.1:8444"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("addr")] string addr, [Option("id")] string id, [Option("insecure")] bool insecure) =>
        call.RunAsync(async () =>
        {
            var tls = ServerTls.From(call.Line);
            var address = CheckAddress(addr, insecure || tls is not null);
            await call.Environment.Roots.Orchestrator(new OrchestratorOptions(address, CheckId(id), call.Line.Text(GlobalFlags.SqlitePath), ConfigurationFile.Load(call.Line))
            {
                Postgres = (call.Storage as StorageTarget.Postgres)?.Dsn,
                Tls = tls,
                Notifiers = NotifiersFileFlag.Load(call.Line),
                Watch = WatchFlags.Read(call.Line),
                Ui = UiFlags.Read(call, address, insecure || tls is not null),
                HealthAddress = ServerTls.HealthAddress(call.Line, address),
                LogFormat = ObservationFlags.LogFormatOf(call.Line),
                Otlp = ObservationFlags.OtlpOf(call),
                Metrics = call.Line.IsSet("metrics"),
                RetentionDays = RetentionDays(call.Line),
                RetentionInterval = RetentionInterval(call.Line),
            }, call.Stop);
            return ExitCode.Success;
        });

    /// <summary>Parses an address and refuses plain HTTP where others could reach it.</summary>
    /// <exception cref="UsageException">The form is wrong or the address is open.</exception>
    public static System.Net.IPEndPoint CheckAddress(string text, bool insecure)
    {
        var address = ListenAddress.Parse(text);
        return insecure || ListenAddress.IsLoopback(address)
            ? address
            : throw new UsageException($"-addr {text} can be reached from other hosts in plain HTTP, where everybody may queue scans: use a loopback address, TLS (-tls-cert, -tls-key), or add -insecure");
    }

    private static int RetentionDays(CommandLine line)
    {
        var days = int.Parse(line.Text("retention-days"), CultureInfo.InvariantCulture);
        return days <= MaxRetentionDays ? days : throw new UsageException($"-retention-days {days}: at most {MaxRetentionDays}, or 0 to keep everything");
    }

    private static TimeSpan RetentionInterval(CommandLine line)
    {
        var text = line.Text("retention-interval");
        _ = GoDuration.TryParse(text, out var nanoseconds); // the reader of the command line has checked the form
        var interval = TimeSpan.FromTicks(nanoseconds / 100);
        return interval >= TimeSpan.FromMinutes(1) && interval <= TimeSpan.FromDays(30)
            ? interval
            : throw new UsageException($"-retention-interval {text}: must be between 1m and 720h");
    }

    private static string CheckId(string id) => id.Length > 0 ? id : throw new UsageException("-id must not be empty");
}
