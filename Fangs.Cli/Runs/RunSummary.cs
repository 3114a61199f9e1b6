using System.Globalization;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Cli.Runs;

/// <summary>What a run did, gathered from its events: command lines run, hosts contacted, files written outside the install tree.</summary>
/// <remarks>Failed writes and reads are left out; attempts to reach a host count, because the sandbox lets few succeed.</remarks>
public sealed class RunSummary
{
    private static readonly string[] HowOrder = ["dns", "tls", "http", "connect"];
    private readonly Dictionary<(string Command, string Role), long> _processes = [];
    private readonly Dictionary<string, Host> _hosts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _namesOfAddress = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Path, string What, string Role), (bool Credential, long Count)> _files = [];

    /// <summary>Gathers a summary.</summary>
    public static RunSummary Of(IEnumerable<EventRow> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        var summary = new RunSummary();
        foreach (var row in events) summary.Add(row);
        return summary;
    }

    /// <summary>Its parts, in order of first appearance. Values are raw: escape them before printing as text.</summary>
    public SummaryJson ToJson() => new(
        [.. _processes.Select(p => new ProcessJson(p.Key.Command, p.Key.Role, p.Value))],
        [.. Hosts()],
        [.. _files.Select(f => new FileJson(f.Key.Path, f.Key.What, f.Key.Role, f.Value.Credential, f.Value.Count))]);

    private void Add(EventRow row)
    {
        var payload = EventPayload.Parse(row.Data);
        switch (row.Type)
        {
            case "exec":
                Count(_processes, (Command(payload), payload.Role));
                break;
            case "file_access" when payload.IsWrite && payload.Errno == 0:
                AddFile(payload);
                break;
            case "dns_query" when payload.Text("QName") is { Length: > 0 } name:
                HostOf(Normalised(name)).Add("dns");
                break;
            case "dns_answer" when payload.Text("QName") is { Length: > 0 } name:
                foreach (var address in payload.Texts("Answers")) Names(address).Add(Normalised(name));
                break;
            case "tls_sni" when payload.Text("SNI") is { Length: > 0 } name:
                HostOf(Normalised(name)).Add("tls", payload.Text("DestIP"));
                if (payload.Text("DestIP") is { Length: > 0 } tlsAddress) Names(tlsAddress).Add(Normalised(name));
                break;
            case "http_request" when payload.Text("HttpHost") is { Length: > 0 } name:
                HostOf(Normalised(name)).Add("http", payload.Text("DestIP"));
                break;
            // Name servers are addressed by every look-up and say nothing about the package; the look-up itself is listed.
            case "net_connect" when payload.Text("DestIP") is { Length: > 0 } address && payload.Whole("DestPort") != 53:
                HostOf("", EndPoint(address, payload.Whole("DestPort"))).Add("connect");
                break;
        }
    }

    private static string Command(EventPayload payload)
    {
        var program = payload.Text("BinaryPathStr") is { Length: > 0 } binary ? binary : payload.Text("FileStr");
        return string.Join(' ', payload.Texts("ArgvStrs").Skip(1).Prepend(program));
    }

    private void AddFile(EventPayload payload)
    {
        var isRename = payload.Op.StartsWith("rename", StringComparison.Ordinal) || payload.Op.StartsWith("link", StringComparison.Ordinal);
        var path = isRename && payload.Text("NewPathName") is { Length: > 0 } target ? target : payload.Text("PathName");
        if (path.Length == 0 || InstallTree.Contains(path)) return;
        var key = (path, payload.Op == "open" ? "write" : payload.Op, payload.Role);
        var before = _files.GetValueOrDefault(key);
        _files[key] = (before.Credential || payload.IsCredential, before.Count + 1);
    }

    // Connections to an address whose name is known from an answer or a handshake are told under that name.
    private IEnumerable<HostJson> Hosts()
    {
        var merged = new Dictionary<string, Host>(StringComparer.Ordinal);
        foreach (var (key, host) in _hosts)
        {
            var names = host.Name.Length == 0 && _namesOfAddress.TryGetValue(AddressOf(key), out var known) ? known : null;
            var name = names is { Count: 1 } ? names.First() : host.Name;
            var target = name.Length > 0 ? name : key;
            if (!merged.TryGetValue(target, out var into)) merged[target] = into = new Host(name);
            into.Take(host, name.Length > 0 && host.Name.Length == 0 ? key : null);
        }

        return merged.Select(pair => new HostJson(
            pair.Value.Name, pair.Value.Name.Length == 0 ? [pair.Key] : [.. pair.Value.Addresses], [.. HowOrder.Intersect(pair.Value.How)], pair.Value.Count));
    }

    private Host HostOf(string name, string? endPoint = null)
    {
        var key = endPoint ?? name;
        if (!_hosts.TryGetValue(key, out var host)) _hosts[key] = host = new Host(name);
        return host;
    }

    private HashSet<string> Names(string address)
    {
        if (!_namesOfAddress.TryGetValue(address, out var names)) _namesOfAddress[address] = names = new HashSet<string>(StringComparer.Ordinal);
        return names;
    }

    private static string EndPoint(string address, long port) => address.Contains(':', StringComparison.Ordinal)
        ? string.Create(CultureInfo.InvariantCulture, $"[{address}]:{port}")
        : string.Create(CultureInfo.InvariantCulture, $"{address}:{port}");

    private static string AddressOf(string endPoint) =>
        endPoint.LastIndexOf(':') is > 0 and var colon ? endPoint[..colon].Trim('[', ']') : endPoint;

    private static string Normalised(string name) => name.Trim().TrimEnd('.').ToLowerInvariant();

    private static void Count<TKey>(Dictionary<TKey, long> counts, TKey key) where TKey : notnull =>
        counts[key] = counts.GetValueOrDefault(key) + 1;

    private sealed class Host(string name)
    {
        public string Name { get; } = name;

        public List<string> Addresses { get; } = [];

        public List<string> How { get; } = [];

        public long Count { get; private set; }

        public void Add(string how, string? address = null)
        {
            if (!How.Contains(how)) How.Add(how);
            if (!string.IsNullOrEmpty(address) && !Addresses.Contains(address)) Addresses.Add(address);
            Count++;
        }

        public void Take(Host other, string? address)
        {
            How.AddRange(other.How.Except(How).ToList());
            Addresses.AddRange(other.Addresses.Append(address ?? "").Where(a => a.Length > 0).Except(Addresses).ToList());
            Count += other.Count;
        }
    }
}
