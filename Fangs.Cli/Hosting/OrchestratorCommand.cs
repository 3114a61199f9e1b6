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
        Details = "Creates and migrates the SQLite file of -sqlite-path, or migrates the PostgreSQL database of -postgres-dsn. With -storage none the API\n"
            + "works and nothing is stored: no watcher, no verdicts, no alerts, no dashboard; queued scans are gone when the process ends. Ends cleanly on SIGTERM and Ctrl-C.\n"
            + "What is wrong in the configuration file stops the start; 'fangs config check FILE' says it beforehand. Flags win over the file.",
        Examples = ["orchestrator", "orchestrator -addr 127.0.0.1:9000 -sqlite-path /var/lib/fangs/fangs.db",
            "orchestrator -addr 0.0.0.0:8443 -tls-cert server.crt -tls-key server.key -tls-client-ca ca.crt -health-addr 127.0.0.1:8444"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("addr")] string addr, [Option("id")] string id, [Option("insecure")] bool insecure) =>
        call.RunAsync(async () =>
        {
            var tls = ServerTls.From(call.Line);
            var storesNothing = call.Storage is StorageTarget.Volatile;
            if (storesNothing) CheckNothing(call.Line);
            var address = CheckAddress(addr, insecure || tls is not null);
            await call.Environment.Roots.Orchestrator(new OrchestratorOptions(address, CheckId(id), call.Line.Text(GlobalFlags.SqlitePath), ConfigurationFile.Load(call.Line))
            {
                Postgres = (call.Storage as StorageTarget.Postgres)?.Dsn,
                StoresNothing = storesNothing,
                Tls = tls,
                Notifiers = NotifiersFileFlag.Load(call.Line),
                Watch = WatchFlags.Read(call.Line) is var watch && storesNothing ? watch with { IsOn = false } : watch,
                Ui = storesNothing ? new UiOptions(false, null, null) : UiFlags.Read(call, address, insecure || tls is not null),
                HealthAddress = ServerTls.HealthAddress(call.Line, address),
                LogFormat = ObservationFlags.LogFormatOf(call.Line),
                Otlp = ObservationFlags.OtlpOf(call),
                Metrics = call.Line.IsSet("metrics"),
                RetentionDays = storesNothing ? 0 : RetentionDays(call.Line),
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

    // What needs a database is off, as it always was; who asks for it in so many words has to hear that.
    private static void CheckNothing(CommandLine line)
    {
        string[] useless = [GlobalFlags.SqlitePath, WatchFlags.Interval.Name, WatchFlags.Registry.Name, UiFlags.Address.Name, UiFlags.Token.Name, NotifiersFileFlag.Flag.Name, "retention-days", "retention-interval"];
        if (useless.FirstOrDefault(line.Given.Contains) is { } flag) throw new UsageException($"-{flag} is of no use with -storage none, where nothing is stored: leave one of them out");
        foreach (var part in new[] { WatchFlags.On.Name, UiFlags.On.Name })
            if (line.Given.Contains(part) && line.IsSet(part)) throw new UsageException($"-{part} needs a database, and -storage none has none: leave one of them out");
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
