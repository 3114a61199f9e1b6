using Fangs.Cli.Arguments;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.Hosting;

/// <summary>The flags of the watcher.</summary>
public static class WatchFlags
{
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(1);

    /// <summary>Whether packages are watched.</summary>
    public static FlagSpec On { get; } = new("watch", FlagKind.Boolean, "true", "poll the registry for new releases of watched packages");

    /// <summary>Between two polls of one package.</summary>
    public static FlagSpec Interval { get; } = new("watch-interval", FlagKind.Duration, "5m", "time between two polls of a package");

    /// <summary>The registry.</summary>
    public static FlagSpec Registry { get; } = new("registry", FlagKind.Text, "", "npm registry to poll; the one that npm is configured for when not given");

    /// <summary>Reads and checks them.</summary>
    /// <exception cref="UsageException">One makes no sense.</exception>
    public static WatchOptions Read(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var registry = line.Text(Registry.Name);
        if (registry.Length > 0 && NpmRegistry.Read(registry) is null)
            throw new UsageException($"-registry {TerminalText.Cut(registry, 100)}: expected the http(s) address of a registry");
        var interval = GoDuration.TryParse(line.Text(Interval.Name), out var nanoseconds) ? TimeSpan.FromTicks(nanoseconds / 100) : TimeSpan.Zero;
        return interval >= ShortestInterval
            ? new WatchOptions(line.IsSet(On.Name), interval, registry)
            : throw new UsageException($"-watch-interval {line.Text(Interval.Name)}: a registry must not be polled more often than every {ShortestInterval.TotalSeconds:0} s; -watch=false turns polling off");
    }
}
