using System.Net;
using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.Up;

/// <summary>What the command line of <c>fangs up</c> asks for. Checked.</summary>
/// <param name="Scans">Packages to scan.</param>
/// <param name="ExitAfterScans">Whether to end when they are done.</param>
/// <param name="MayInstall">Whether missing Debian packages may be installed without a question.</param>
/// <param name="DataDirectory">Absolute path of the directory for database and logs.</param>
/// <param name="Address">Where the orchestrator listens.</param>
/// <param name="RunnerId">Name of the runner.</param>
/// <param name="Duration">Upper bound of each scan.</param>
/// <param name="Registry">Registry to ask; empty for npm's own.</param>
/// <param name="SkipValidate">Whether to scan without asking the registry.</param>
public sealed record UpSettings(
    IReadOnlyList<PackageReference> Scans, bool ExitAfterScans, bool MayInstall, string DataDirectory, IPEndPoint Address, string RunnerId,
    TimeSpan Duration, string Registry, bool SkipValidate)
{
    /// <summary>The database file.</summary>
    public string Database => Path.Combine(DataDirectory, "fangs.db");

    /// <summary>What to hand on to the orchestrator; empty leaves it to look at the default place.</summary>
    public IReadOnlyList<string> ConfigurationFlag { get; init; } = [];

    /// <summary>What to hand on, so that watcher, sandboxes and the check of versions all use the same registry; empty leaves each to ask npm.</summary>
    public IReadOnlyList<string> RegistryFlag => Registry.Length > 0 ? [$"-registry={Registry}"] : [];

    /// <summary>What to hand on to both about logs and traces, whose variable they read themselves.</summary>
    public IReadOnlyList<string> ObservationArguments { get; init; } = [];

    /// <summary>The log file of a part.</summary>
    public string LogOf(string part) => Path.Combine(DataDirectory, part + ".log");

    /// <summary>Reads and checks the command line.</summary>
    /// <exception cref="UsageException">It asks for something impossible.</exception>
    public static UpSettings From(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.Given.Contains(GlobalFlags.SqlitePath)) throw new UsageException("up keeps its database in -data DIR: use that instead of -sqlite-path");
        if (line.Text(GlobalFlags.Storage) != "sqlite") throw new UsageException("up keeps its database in a SQLite file: for PostgreSQL start 'fangs orchestrator' and 'fangs runner'");
        if (line.IsSet(GlobalFlags.Json)) throw new UsageException("up prints no JSON: read its results with 'fangs -json run list'");
        var scans = line.Values["scan"].Select(PackageReference.Parse).ToList();
        var skip = line.IsSet("skip-registry-validate");
        var address = OrchestratorCommand.CheckAddress(line.Text("addr"), line.IsSet("insecure"));
        if (address.Port == 0) throw new UsageException("-addr needs a port other than 0");
        if (!GoDuration.TryParse(line.Text("duration"), out var duration) || duration == 0) throw new UsageException("-duration must be longer than 0");
        if (line.Text("data").Length == 0) throw new UsageException("-data must not be empty");
        if (line.IsSet("exit") && scans.Count == 0) throw new UsageException("-exit goes with -scan");
        if (skip && scans.FirstOrDefault(scan => scan.Version.Length == 0) is { } open)
            throw new UsageException($"-scan {open}: without the registry the version must be given");
        // Before anything is installed or started, so that the errors stand in the terminal and not in a log.
        _ = ConfigurationFile.Load(line);
        _ = ObservationFlags.LogFormatOf(line);
        if (line.Text(ObservationFlags.OtlpFlag) is { Length: > 0 } receiver) _ = ObservationFlags.ReadReceiver(receiver, "-" + ObservationFlags.OtlpFlag);
        var configuration = ConfigurationFile.Flag.Name;
        return new UpSettings(
            scans, line.IsSet("exit"), line.IsSet("yes"), Path.GetFullPath(line.Text("data")), address,
            line.Text("runner-id") is { Length: > 0 } id ? id : Environment.MachineName, TimeSpan.FromTicks(duration / 100),
            line.Text("registry"), skip)
        {
            ObservationArguments = [.. ObservationFlags.All.Where(flag => line.Given.Contains(flag.Name)).Select(flag => $"-{flag.Name}={line.Text(flag.Name)}")],
            ConfigurationFlag = line.Given.Contains(configuration) ? [$"-{configuration}={line.Text(configuration)}"] : [],
        };
    }
}
