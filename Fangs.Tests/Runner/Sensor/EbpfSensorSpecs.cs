using System.Diagnostics;
using System.Text.Json;
using Fangs.Protocol;
using Fangs.Runner.Bpf;
using Fangs.Runner.Sensor;

namespace Fangs.Tests.Runner.Sensor;

/// <summary>The sensor against the real kernel: programs run in a cgroup of their own and must be seen.</summary>
public sealed class EbpfSensorSpecs
{
    private static readonly WatchedPath[] Watched =
    [
        new() { Prefix = "/etc/" }, new() { Prefix = "/tmp/" }, new() { Prefix = "/etc/passwd", CredTagged = true },
    ];

    [SkippableFact]
    public async Task Opens_are_seen_with_absolute_path_result_and_tags()
    {
        await using var trial = Trial.Start();
        var events = await trial.RunAsync("cd /etc; cat ../etc/hostname >/dev/null; cat /etc/./passwd >/dev/null; cat /etc/no-such-file; rm -f /tmp/fangs-no-such");
        var opens = events.Where(e => e.Type == EventType.FileAccess).Select(e => e.Json).ToArray();
        Assert.Contains(opens, e => Path(e) == "/etc/hostname" && e.GetProperty("Ret").GetInt32() >= 0 && e.GetProperty("ResolvedPath").GetBoolean());
        Assert.Contains(opens, e => Path(e) == "/etc/passwd" && (e.GetProperty("Header").GetProperty("Tags").GetInt32() & (int)EventTags.Credential) != 0);
        Assert.Contains(opens, e => Path(e) == "/etc/no-such-file" && e.GetProperty("Ret").GetInt32() == -2);
        Assert.Contains(opens, e => Path(e) == "/tmp/fangs-no-such" && e.GetProperty("Op").GetString() == "unlink");
        Assert.DoesNotContain(opens, e => Path(e).StartsWith("/usr/", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task Execs_are_seen_with_binary_arguments_and_parent()
    {
        await using var trial = Trial.Start();
        var events = await trial.RunAsync("/usr/bin/env true 'two words' ''");
        var exec = Assert.Single(events, e => e.Type == EventType.Exec && e.Json.GetProperty("ArgvStrs").EnumerateArray().Any(a => a.GetString() == "two words")
            && e.Json.GetProperty("BinaryPathStr").GetString()!.EndsWith("/true", StringComparison.Ordinal)).Json;
        Assert.Equal(["true", "two words", ""], exec.GetProperty("ArgvStrs").EnumerateArray().Select(a => a.GetString()));
        Assert.True(exec.GetProperty("Header").GetProperty("PPID").GetInt32() > 0);
        Assert.Equal(16, exec.GetProperty("Header").GetProperty("RunID").GetArrayLength());
        Assert.NotEmpty(exec.GetProperty("AncestorComms").EnumerateArray());
    }

    [SkippableFact]
    public async Task Connects_requests_and_name_servers_are_seen()
    {
        await using var trial = Trial.Start();
        var script = "const n=require('net'),d=require('dgram');const s=n.createServer(c=>c.on('data',()=>c.end())).listen(0,'127.0.0.1',()=>{"
            + "const c=n.connect(s.address().port,'127.0.0.1',()=>c.write('GET /secret HTTP/1.1\\r\\nHost: exfil.example\\r\\n\\r\\n'));c.on('close',()=>s.close())});"
            + "const u=d.createSocket('udp4');u.send(Buffer.from('0001010000010000000000000565786669 6c0474657374000010 0001'.replace(/ /g,''),'hex'),53,'127.0.0.9',()=>u.close())";
        var events = await trial.RunAsync($"node -e \"{script}\"");
        Assert.Contains(events, e => e.Type == EventType.NetConnect && e.Json.GetProperty("DestIP").GetString() == "127.0.0.1" && e.Json.GetProperty("Proto").GetString() == "tcp");
        Assert.Contains(events, e => e.Type == EventType.HttpRequest && e.Json.GetProperty("HttpHost").GetString() == "exfil.example" && e.Json.GetProperty("Path").GetString() == "/secret");
        Assert.Contains(events, e => e.Type == EventType.DnsQuery && e.Json.GetProperty("QName").GetString() == "exfil.test" && e.Json.GetProperty("QType").GetInt32() == 16);
    }

    [SkippableFact]
    public async Task Two_sessions_do_not_mix_and_each_drains_to_the_last_record()
    {
        await using var first = Trial.Start();
        await using var second = Trial.Start(first.Sensor);
        var both = await Task.WhenAll(first.RunAsync("for i in 1 2 3; do cat /etc/hostname; done >/dev/null"), second.RunAsync("for i in 1 2 3; do cat /etc/passwd; done >/dev/null"));
        Assert.DoesNotContain(both[0], e => e.Type == EventType.FileAccess && Path(e.Json) == "/etc/passwd");
        Assert.Equal(3, both[0].Count(e => e.Type == EventType.FileAccess && Path(e.Json) == "/etc/hostname"));
        Assert.Equal(3, both[1].Count(e => e.Type == EventType.FileAccess && Path(e.Json) == "/etc/passwd"));
        foreach (var counters in new[] { first.Drained, second.Drained })
        {
            Assert.Equal(counters.Kept, counters.Received);
            Assert.Equal(0ul, counters.Lost);
        }
    }

    [SkippableFact]
    public async Task Losses_of_a_full_ring_buffer_are_counted()
    {
        await using var trial = Trial.Start(ringBytes: 4096);
        await trial.RunAsync("i=0; while [ $i -lt 3000 ]; do : < /etc/hostname; i=$((i+1)); done");
        Assert.True(trial.Drained.Lost > 0, trial.Drained.ToString());
        Assert.Equal(trial.Drained.Kept, trial.Drained.Received);
    }

    [SkippableFact]
    public async Task A_phase_begins_with_its_mark_which_is_no_event_itself()
    {
        await using var trial = Trial.Start();
        trial.Session.ExpectPhase("install", "n0nce");
        var events = await trial.RunAsync("cat /etc/hostname; /usr/bin/true fangs-phase wrong install; /usr/bin/true fangs-phase n0nce install; cat /etc/passwd >/dev/null");
        Assert.Equal("", events.First(e => e.Type == EventType.FileAccess && Path(e.Json) == "/etc/hostname").Phase);
        Assert.Equal("install", events.Last(e => e.Type == EventType.FileAccess && Path(e.Json) == "/etc/passwd").Phase);
        Assert.DoesNotContain(events, e => e.Type == EventType.Exec && e.Json.GetProperty("ArgvStrs").EnumerateArray().Any(a => a.GetString() == "n0nce"));
    }

    private static string Path(JsonElement payload) => payload.GetProperty("PathName").GetString()!;

    private sealed record Seen(byte Type, string Phase, JsonElement Json);

    /// <summary>A cgroup with a session that records it.</summary>
    private sealed class Trial : IAsyncDisposable
    {
        private readonly string _cgroup = $"{CgroupTree.FindRoot()}/fangs/test-{Guid.NewGuid():N}";
        private bool _ownsSensor;

        public EbpfSensor Sensor { get; private set; } = null!;

        public ISensorSession Session { get; private set; } = null!;

        public SensorCounters Drained { get; private set; }

        public static Trial Start(EbpfSensor? sensor = null, uint? ringBytes = null)
        {
            var missing = EbpfSensor.Probe();
            Skip.If(missing.Count > 0, string.Join(' ', missing));
            var trial = new Trial { _ownsSensor = sensor is null, Sensor = sensor ?? EbpfSensor.Create(ringBytes) };
            Directory.CreateDirectory(trial._cgroup);
            trial.Session = trial.Sensor.Arm(new SensorTarget(RunId.New(TimeProvider.System), trial._cgroup, Watched, FromFirstExec: true));
            return trial;
        }

        /// <summary>Runs a script in the cgroup and returns all that was seen.</summary>
        public async Task<List<Seen>> RunAsync(string script)
        {
            var start = new ProcessStartInfo("/bin/sh") { RedirectStandardError = true, RedirectStandardOutput = true };
            foreach (var argument in new[] { "-c", $"echo $$ > {_cgroup}/cgroup.procs; exec /bin/sh -c \"$0\"", script }) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.ExitSoonAsync();
            await Task.WhenAll(output, errors).Soon();
            using var limit = new CancellationTokenSource(Limits.Patience);
            Drained = await Session.DrainAsync(limit.Token);
            var events = new List<Seen>();
            await foreach (var e in Session.Events.ReadAllAsync(limit.Token)) events.Add(new Seen(e.Type, e.Phase, JsonDocument.Parse(e.Payload).RootElement));
            return events;
        }

        public async ValueTask DisposeAsync()
        {
            await Session.DisposeAsync().Soon();
            if (_ownsSensor) await Sensor.DisposeAsync().Soon();
            Directory.Delete(_cgroup);
        }
    }
}
