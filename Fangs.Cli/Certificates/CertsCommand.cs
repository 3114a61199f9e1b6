using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Cocona;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Http.Access;
using Fangs.Protocol;

namespace Fangs.Cli.Certificates;

/// <summary><c>fangs certs</c>: a certificate authority for an installation, and the certificates of its orchestrator, runners and operators.</summary>
public static partial class CertsCommand
{
    private const string Server = "server";
    private const int MaxCommonName = 64; // X.520: ub-common-name
    private const int MaxDays = 3650; // less than the ten years of a new authority
    private const string DefaultFolder = "certs";

    // Every orchestrator is called under these on its own host.
    private static readonly string[] LocalHosts = ["localhost", "127.0.0.1", "::1"];

    private static readonly IReadOnlyList<FlagSpec> Common = CommandSpec.Unbound(
        new("out", FlagKind.Text, DefaultFolder, "directory of the certificates"),
        new("days", FlagKind.Count, "365", "days that a certificate lasts"),
        new("algorithm", FlagKind.Text, KeyAlgorithm.P256, "kind of key: p256 or rsa4096"),
        new("force", FlagKind.Boolean, "false", "replace files that exist"));

    private static readonly IReadOnlyList<FlagSpec> Hosts = CommandSpec.Unbound(
        new FlagSpec("hosts", FlagKind.Text, "", "names and addresses of the orchestrator, separated by commas; localhost, 127.0.0.1 and ::1 are always in"));

    /// <summary>What <c>certs init</c> takes.</summary>
    public static CommandSpec InitSpec { get; } = new("certs init", "Make a certificate authority and the orchestrator's certificate", [.. Hosts, .. Common])
    {
        Details = "The authority lasts 10 years. Keep ca.key away from runner hosts: whoever has it can make any certificate.\n"
            + "With -force everything that the old authority has signed stops to be accepted.",
        Examples = ["certs init -hosts fangs.example,10.0.0.5", "certs init -out /etc/fangs/certs"],
    };

    /// <summary>What <c>certs server</c> takes.</summary>
    public static CommandSpec ServerSpec { get; } = new("certs server", "Make another certificate for the orchestrator, from the same authority", [.. Hosts, .. Common])
    {
        Details = "With -force it replaces the one in use; a running orchestrator notices by itself.",
        Examples = ["certs server -hosts fangs.example -force"],
    };

    /// <summary>What <c>certs runner</c> takes.</summary>
    public static CommandSpec RunnerSpec { get; } = new("certs runner", "Make the certificate of a runner", Common)
    {
        Arguments = ["id"],
        Details = "It is good for this runner id only: registering, taking jobs and reporting on them, and nothing else.",
        Examples = ["certs runner lab-1"],
    };

    /// <summary>What <c>certs operator</c> takes.</summary>
    public static CommandSpec OperatorSpec { get; } = new("certs operator", "Make the certificate of an operator", Common)
    {
        Arguments = ["name"],
        Details = "It is good for everything but a runner's business: scans, pages, metrics.",
        Examples = ["certs operator alice"],
    };

    /// <summary>Binds <c>certs init</c> to a call.</summary>
    public static Delegate BindInit(Invocation call) => () => call.RunAsync(() => Task.FromResult(Init(call)));

    /// <summary>Binds <c>certs server</c> to a call.</summary>
    public static Delegate BindServer(Invocation call) => () => call.RunAsync(() => Task.FromResult(RenewServer(call)));

    /// <summary>Binds <c>certs runner</c> to a call.</summary>
    public static Delegate BindRunner(Invocation call) => ([Argument] string id) => call.RunAsync(() => Task.FromResult(MakeRunner(call, id)));

    /// <summary>Binds <c>certs operator</c> to a call.</summary>
    public static Delegate BindOperator(Invocation call) => ([Argument] string name) => call.RunAsync(() => Task.FromResult(MakeOperator(call, name)));

    private sealed record Order(CertificateFolder Folder, int Days, string Algorithm, bool Force, DateTimeOffset Now)
    {
        public static Order From(Invocation call)
        {
            var line = call.Line;
            var days = int.Parse(line.Text("days"), CultureInfo.InvariantCulture);
            if (days is < 1 or > MaxDays) throw new UsageException($"-days must be from 1 to {MaxDays}");
            if (!KeyAlgorithm.IsKnown(line.Text("algorithm"))) throw new UsageException($"-algorithm {line.Text("algorithm")}: expected {KeyAlgorithm.P256} or {KeyAlgorithm.Rsa4096}");
            if (line.Text("out").Length == 0) throw new UsageException("-out must not be empty");
            return new Order(new CertificateFolder(line.Text("out")), days, line.Text("algorithm"), line.IsSet("force"), call.Environment.Clock.GetUtcNow());
        }
    }

    private static int Init(Invocation call)
    {
        var (order, hosts) = (Order.From(call), HostsOf(call.Line));
        if (!order.Force) order.Folder.RefuseExisting(CertificateFolder.Authority, Server);
        using var authority = CertificateAuthority.Create(order.Algorithm, order.Now);
        var server = authority.IssueServer(hosts, order.Algorithm, order.Now, order.Days);
        return Finish(call, order,
        [
            new(CertificateFolder.Authority, "certificate authority", authority.Certificate, authority.KeyPem),
            new(Server, $"orchestrator, called {string.Join(", ", hosts)}", server.Certificate, server.KeyPem),
        ], OrchestratorLine(order.Folder));
    }

    private static int RenewServer(Invocation call)
    {
        var (order, hosts) = (Order.From(call), HostsOf(call.Line));
        if (!order.Force) order.Folder.RefuseExisting(Server);
        using var authority = order.Folder.OpenAuthority(order.Now, order.Days);
        var server = authority.IssueServer(hosts, order.Algorithm, order.Now, order.Days);
        return Finish(call, order, [new(Server, $"orchestrator, called {string.Join(", ", hosts)}", server.Certificate, server.KeyPem)], OrchestratorLine(order.Folder));
    }

    private static int MakeRunner(Invocation call, string id)
    {
        if (!RunnerId.TryParse(id, out _) || id is "." or "..") throw new UsageException($"'{id}' is no runner id: expected 1 to {RunnerId.MaxLength} characters without control characters, and not *");
        return MakeClient(call, id, "runner", ClientIdentity.RunnerUnit, (folder, files) =>
            ["runner", "-orchestrator", "https://HOST:8443", "-runner-id", id, .. ClientFlags(folder, files)]);
    }

    private static int MakeOperator(Invocation call, string name)
    {
        if (name.Any(char.IsControl)) throw new UsageException($"'{name}' is no name: it has control characters");
        return MakeClient(call, name, "operator", ClientIdentity.OperatorUnit, (folder, files) =>
            ["actors", "-orchestrator", "https://HOST:8443", .. ClientFlags(folder, files)]);
    }

    private static int MakeClient(Invocation call, string name, string role, string unit, Func<CertificateFolder, string, string[]> use)
    {
        if (name.Length > MaxCommonName) throw new UsageException($"'{name}' has {name.Length} characters; the common name of a certificate has room for {MaxCommonName}");
        var order = Order.From(call);
        // Escaped: a runner id may hold slashes, and a file must not land elsewhere.
        var files = $"{role}-{Uri.EscapeDataString(name)}";
        if (!order.Force) order.Folder.RefuseExisting(files);
        using var authority = order.Folder.OpenAuthority(order.Now, order.Days);
        var issued = authority.IssueClient(name, unit, order.Algorithm, order.Now, order.Days);
        return Finish(call, order, [new(files, $"{role} {name}", issued.Certificate, issued.KeyPem)], use(order.Folder, files));
    }

    private static int Finish(Invocation call, Order order, IReadOnlyList<CertificatePair> pairs, string[] use)
    {
        order.Folder.Store(pairs, order.Force);
        if (call.IsJson)
        {
            CliJson.Write(call, new CertsJson([.. pairs.Select(pair => new CertificateJson(
                pair.What, order.Folder.CertificateFile(pair.Name), order.Folder.KeyFile(pair.Name), pair.Certificate.Subject,
                pair.Certificate.NotBefore.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                pair.Certificate.NotAfter.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                pair.Certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant()))], use), CliJson.Wire.CertsJson);
            return ExitCode.Success;
        }

        foreach (var pair in pairs)
        {
            call.Say($"Made      {TerminalText.Escape(order.Folder.CertificateFile(pair.Name))}  ({TerminalText.Escape(pair.What)})");
            call.Say($"          {TerminalText.Escape(order.Folder.KeyFile(pair.Name))}  (its key, mode 0600)");
            call.Say(string.Create(CultureInfo.InvariantCulture, $"Valid     until {pair.Certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss} UTC"));
        }

        call.Say($"Use       fangs {TerminalText.Arguments(use)}");
        return ExitCode.Success;
    }

    private static string[] OrchestratorLine(CertificateFolder folder) =>
    [
        "orchestrator", "-addr", "0.0.0.0:8443", "-tls-cert", folder.CertificateFile(Server), "-tls-key", folder.KeyFile(Server),
        "-tls-client-ca", folder.CertificateFile(CertificateFolder.Authority),
    ];

    private static string[] ClientFlags(CertificateFolder folder, string files) =>
        ["-tls-ca", folder.CertificateFile(CertificateFolder.Authority), "-tls-cert", folder.CertificateFile(files), "-tls-key", folder.KeyFile(files)];

    private static string[] HostsOf(CommandLine line)
    {
        var hosts = line.Text("hosts").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var host in hosts)
        {
            // An address with a port or a URL is a likely slip, and the certificate would be good for nothing.
            if (!IPAddress.TryParse(host, out _) && !(DnsName().IsMatch(host) && host.Length <= 253))
                throw new UsageException($"-hosts: '{host}' is neither a host name nor an IP address");
        }

        return [.. hosts.Concat(LocalHosts).Distinct(StringComparer.OrdinalIgnoreCase)];
    }

    [GeneratedRegex(@"\A(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex DnsName();
}
