using System.Text.Json.Nodes;
using Fangs.Protocol;
using Fangs.Tests.Runner.Sandbox;

namespace Fangs.Tests.EndToEnd;

/// <summary>Two runner processes with different ids on one host.</summary>
public sealed class TwoRunnersSpecs
{
    private const int Files = 40;
    private static readonly TimeSpan Patience = ProcessHost.Patience;

    // Leaves its own name on files, addresses and look-ups, and one file that both write.
    private const string Act = """
        const fs = require('fs'), net = require('net'), dns = require('dns').promises;
        const [name, port] = process.argv.slice(2);
        for (let i = 0; i < FILES; i++) fs.writeFileSync(`/tmp/${name}-${i}`, '');
        fs.writeFileSync('/tmp/shared', '');
        net.connect(Number(port), '203.0.113.1').on('error', () => {}).end('x');
        dns.lookup(name + '.toy.example').catch(() => {});
        """;

    [SkippableFact]
    public async Task Two_runners_at_work_at_the_same_time_record_each_its_own_package_only()
    {
        await using var host = await ProcessHost.StartAsync();
        foreach (var (name, port) in new[] { ("one", 1001), ("two", 1002) })
            host.Registry.Publish(
                name, $"{host.Registry.WaitAt(name + "-begins")} && node act.js {name} {port} && {host.Registry.WaitAt(name + "-ends")}", "", null,
                ("act.js", Act.Replace("FILES", Files.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)));

        var first = host.StartRunner("runner-one");
        var one = await host.SubmitAsync(Job("one", isSharedSecret: true));
        await host.Registry.GateOf("one-begins").Reached.WaitAsync(Patience);
        // The second runner sweeps at its start, while the first is in the middle of its job.
        var second = host.StartRunner("runner-two");
        var two = await host.SubmitAsync(Job("two", isSharedSecret: false));
        await host.Registry.GateOf("two-begins").Reached.WaitAsync(Patience);
        Assert.All([one, two], run => Assert.NotEmpty(SandboxHost.CgroupsOf(RunId.Parse(run.Id))));
        foreach (var gate in (string[])["one-begins", "two-begins"]) host.Registry.GateOf(gate).Open();
        // Neither gets any further before both have acted.
        foreach (var gate in (string[])["one-ends", "two-ends"]) await host.Registry.GateOf(gate).Reached.WaitAsync(Patience);
        foreach (var gate in (string[])["one-ends", "two-ends"]) host.Registry.GateOf(gate).Open();
        await one.UntilEndedAsync(Patience);
        await two.UntilEndedAsync(Patience);

        AssertOwn(one, "one", 1001, "runner-one", isSharedSecret: true);
        AssertOwn(two, "two", 1002, "runner-two", isSharedSecret: false);
        Assert.Empty(Processes(one).Intersect(Processes(two)));
        Assert.All([one, two], run => Assert.Empty(SandboxHost.CgroupsOf(RunId.Parse(run.Id))));
        Assert.True(0 == await first.TerminateAsync(), first.Log);
        Assert.True(0 == await second.TerminateAsync(), second.Log);
    }

    private static JsonObject Job(string package, bool isSharedSecret)
    {
        var job = ScanJob.Of(package, Patience);
        job["watched_paths"] = new JsonArray(
            new JsonObject { ["prefix"] = "/tmp/" }, new JsonObject { ["prefix"] = "/tmp/shared", ["cred_tagged"] = isSharedSecret });
        return job;
    }

    private static void AssertOwn(StoredRun run, string name, int port, string runner, bool isSharedSecret)
    {
        run.AssertDoneWithoutLoss();
        Assert.Equal(runner, run.Text("runner_id"));
        var events = run.Events();
        Assert.Single(events.Select(e => e.Cgroup).Distinct());
        Assert.Equal(
            [.. Enumerable.Range(0, Files).Select(i => $"/tmp/{name}-{i}"), "/tmp/shared"], events.Where(e => e.Path.StartsWith("/tmp/", StringComparison.Ordinal)).Select(e => e.Path));
        Assert.Equal(isSharedSecret, events.Single(e => e.Path == "/tmp/shared").IsCredential);
        Assert.Equal([$"203.0.113.1:{port}"], events.Where(e => e.Type == "net_connect" && e.Text("DestIP").StartsWith("203.", StringComparison.Ordinal)).Select(e => e.Destination));
        Assert.Equal([$"{name}.toy.example"], events.Where(e => e.Type == "dns_query").Select(e => e.Text("QName")).Distinct());
        Assert.Single(events, e => e.Type == "exec" && e.Argv == $"node act.js {name} {port}");
    }

    private static IEnumerable<long> Processes(StoredRun run) => run.Events().Select(e => e.Pid).Where(pid => pid != 0);
}
