using System.Text;
using CsCheck;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Runner.Bpf;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.Runner.Agent;

public sealed class JobRunnerSpecs
{
    [Fact]
    public async Task A_scan_records_both_phases_and_reports_what_the_sandbox_said()
    {
        await using var agent = await HastyAsync();
        var job = AgentHarness.Scan();
        agent.Driver.Run = (_, expectPhase, _) =>
        {
            var session = agent.Sensor.Sessions[job.RunId];
            session.Emit("0");
            expectPhase("install", "n1");
            session.Emit("1");
            session.Emit("2");
            expectPhase("import", "n2");
            session.Emit("3");
            return Task.FromResult(FakeDriver.Success);
        };
        agent.Orchestrator.Give(job);
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("ok", null, 4L, 0UL), (result.Status, result.Reason, result.EventsEmitted, result.EventsDropped));
        var details = result.Details!;
        Assert.Equal((0, "added 1 package", "v20.1.0", "11.19.0", "sha256:1234", false),
            (details.NpmExit, details.OutputTail, details.NodeVersion, details.NpmVersion, details.ImageDigest, details.Interrupted));
        Assert.Equal(new Dictionary<string, long> { ["outside"] = 1, ["install"] = 2, ["import"] = 1 }, details.EventsByPhase);
        Assert.Equal(["0", "1", "2", "3"], agent.Orchestrator.PayloadsOf(job.RunId));
        var session = agent.Sensor.Sessions[job.RunId];
        Assert.Equal([("install", "n1"), ("import", "n2")], session.Expected);
        Assert.True(session.Target.FromFirstExec);
        Assert.EndsWith(job.RunId.ToString(), session.Target.CgroupPath, StringComparison.Ordinal);
        Assert.Equal(job.WatchedPaths, session.Target.WatchedPaths);
        Assert.True(session.IsDisposed);
        Assert.Equal(1, agent.Driver.Disposed);
        Assert.True(result.Duration.Value > 0);
    }

    [Theory]
    [InlineData(1, null, "ended with status 1 (phase install)")]
    [InlineData(137, "npm was killed", "npm was killed")]
    [InlineData(0, "nothing was installed", "nothing was installed")]
    public async Task A_command_that_fails_is_a_failed_run(int exit, string? said, string reason)
    {
        await using var agent = await HastyAsync();
        agent.Driver.Run = (_, expectPhase, _) =>
        {
            expectPhase("install", "n");
            return Task.FromResult(new SandboxOutcome(exit, said, null, null, null));
        };
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("failed", reason, exit), (result.Status, result.Reason, result.Details!.NpmExit));
    }

    [Fact]
    public async Task A_sandbox_that_cannot_be_made_fails_the_run_with_the_drivers_words()
    {
        await using var agent = await HastyAsync();
        agent.Driver.OnCreate = (_, _) => throw new SandboxException("image 'x' is not on this runner");
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("failed", "image 'x' is not on this runner"), (result.Status, result.Reason));
        Assert.Empty(agent.Sensor.Sessions);
    }

    [Fact]
    public async Task A_kernel_that_refuses_fails_the_run_and_the_sandbox_is_removed()
    {
        await using var agent = await HastyAsync();
        agent.Sensor.Refusal = new BpfException("no room in the map");
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("failed", "the runner could not do the job: no room in the map"), (result.Status, result.Reason));
        Assert.Equal(1, agent.Driver.Disposed);
    }

    [Fact]
    public async Task A_sandbox_that_breaks_half_way_still_delivers_what_was_seen()
    {
        await using var agent = await HastyAsync();
        agent.Driver.Run = (job, _, _) =>
        {
            agent.Sensor.Sessions[job.RunId].Emit("1");
            throw new SandboxException("runc: the container died");
        };
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("failed", "runc: the container died", 1L), (result.Status, result.Reason, result.EventsEmitted));
    }

    [Fact]
    public async Task The_deadline_starts_with_the_sandbox_and_ends_in_a_timeout()
    {
        var time = new SteppedTime();
        var created = new TaskCompletionSource();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromHours(1);
        agent.Driver.OnCreate = (_, _) => created.Task;
        agent.Driver.Run = async (job, expectPhase, ct) =>
        {
            expectPhase("install", "n");
            agent.Sensor.Sessions[job.RunId].Emit("1");
            await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
            return FakeDriver.Success;
        };
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await time.UntilTimerAsync(TimeSpan.FromMinutes(5)); // the limit of the set-up
        time.Advance(TimeSpan.FromSeconds(120)); // longer than the job may take
        created.SetResult();
        await time.PassAsync(TimeSpan.FromSeconds(60));
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("timeout", "did not finish within 60 s (phase install)"), (result.Status, result.Reason));
        Assert.Equal(1, result.EventsEmitted);
        Assert.Equal(TimeSpan.FromSeconds(180), result.Duration.ToTimeSpan());
        Assert.Null(result.Details!.NpmExit);
    }

    [Fact]
    public async Task A_set_up_that_takes_too_long_fails_the_run()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Driver.OnCreate = (_, ct) => Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await time.PassAsync(TimeSpan.FromMinutes(5));
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("failed", "the sandbox was not ready within 300 s"), (result.Status, result.Reason));
    }

    [Fact]
    public async Task A_sandbox_that_ignores_its_deadline_does_not_hold_the_runner()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromHours(1);
        var never = new TaskCompletionSource<SandboxOutcome>();
        agent.Driver.Run = (_, _, _) => never.Task;
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await time.PassAsync(TimeSpan.FromSeconds(60));
        await time.PassAsync(TimeSpan.FromSeconds(10));
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("timeout", "did not finish within 60 s (before the first phase)"), (result.Status, result.Reason));
        Assert.Equal(1, agent.Driver.Disposed);
    }

    [Fact]
    public async Task The_grace_period_is_recorded_too()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        var job = AgentHarness.Scan() with { Sandbox = new SandboxSpec { Image = "x", GracePeriod = Nanoseconds.From(TimeSpan.FromSeconds(3)) } };
        agent.Orchestrator.Give(job);
        agent.Start();
        await time.UntilTimerAsync(TimeSpan.FromSeconds(3));
        agent.Sensor.Sessions[job.RunId].Emit("1");
        time.Advance(TimeSpan.FromSeconds(3));
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("ok", 1L), (result.Status, result.EventsEmitted));
    }

    [Fact]
    public async Task Losses_of_the_sensor_of_the_ring_buffer_and_of_the_stream_add_up()
    {
        await using var agent = await HastyAsync();
        agent.Settings = agent.Settings with { BatchEvents = 1 };
        agent.Orchestrator.OnEvents = (number, context) =>
            FakeOrchestrator.Status(n => agent.Orchestrator.EventBodies.ElementAt(n - 1).Contains("bad", StringComparison.Ordinal) ? 400 : null)(number, context);
        agent.Driver.Run = (job, _, _) =>
        {
            var session = agent.Sensor.Sessions[job.RunId];
            (session.Lost, session.Stranded) = (40, 2);
            session.Emit("1");
            session.Emit("\"bad\"");
            session.Emit("3");
            return Task.FromResult(FakeDriver.Success);
        };
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("ok", 2L, 43UL), (result.Status, result.EventsEmitted, result.EventsDropped));
    }

    [Fact]
    public async Task A_sensor_that_breaks_spoils_the_run()
    {
        await using var agent = await HastyAsync();
        agent.Driver.Run = (job, _, _) =>
        {
            agent.Sensor.Sessions[job.RunId].OnDrain = _ => throw new InvalidOperationException("the ring buffer is gone");
            agent.Sensor.Sessions[job.RunId].Break(new InvalidOperationException("the ring buffer is gone"));
            return Task.FromResult(FakeDriver.Success);
        };
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal(("failed", "the recording broke: the ring buffer is gone"), (result.Status, result.Reason));
    }

    [Fact]
    public async Task A_cgroup_is_watched_for_the_whole_duration()
    {
        var time = new SteppedTime();
        var cgroup = Directory.CreateTempSubdirectory("fangs-agent-");
        try
        {
            await using var agent = await AgentHarness.CreateAsync(time);
            var job = AgentHarness.Scan(duration: TimeSpan.FromSeconds(12)) with { Kind = JobKind.SensorOnly, Sandbox = null, CgroupPath = cgroup.FullName };
            agent.Orchestrator.Give(job);
            agent.Start();
            await time.UntilTimerAsync(TimeSpan.FromSeconds(12));
            agent.Sensor.Sessions[job.RunId].Emit("1");
            Assert.False(agent.Sensor.Sessions[job.RunId].Target.FromFirstExec);
            time.Advance(TimeSpan.FromSeconds(12));
            var result = await agent.Orchestrator.ResultAsync();
            Assert.Equal(("ok", null, 1L), (result.Status, result.Reason, result.EventsEmitted));
        }
        finally
        {
            cgroup.Delete();
        }
    }

    [Fact]
    public async Task A_result_is_offered_until_it_is_accepted()
    {
        await using var agent = await HastyAsync();
        agent.Orchestrator.OnResult = FakeOrchestrator.Status(number => number switch { 1 => 500, 2 => 429, 3 => 408, _ => null });
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await agent.Orchestrator.ResultAsync(5);
        Assert.Single(agent.Orchestrator.Results.Take(4).Select(r => r.RunId).Distinct());
    }

    [Fact]
    public async Task A_refused_result_is_not_offered_again()
    {
        await using var agent = await HastyAsync();
        agent.Orchestrator.OnResult = FakeOrchestrator.Status(number => number == 1 ? 404 : null);
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await agent.Orchestrator.ResultAsync(2);
        Assert.Equal(2, agent.Orchestrator.Results.Select(r => r.RunId).Distinct().Count());
    }

    [Fact]
    public async Task A_result_is_given_up_after_ten_minutes_and_the_runner_goes_on()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnResult = FakeOrchestrator.Status(_ => 500);
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        await agent.Orchestrator.ResultAsync();
        await time.UntilTimerAsync(TimeSpan.FromMinutes(10));
        time.Advance(TimeSpan.FromMinutes(10));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == 2);
        Assert.Contains(agent.Logs.Lines, line => line.Text.Contains("not accepted within 600 s", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_runner_never_does_more_jobs_than_it_has_slots()
    {
        await using var agent = await HastyAsync();
        agent.Settings = agent.Settings with { Slots = 3 };
        var running = new SemaphoreSlim(0);
        var go = new TaskCompletionSource();
        agent.Driver.Run = async (_, _, _) =>
        {
            running.Release();
            await go.Task.Soon();
            return FakeDriver.Success;
        };
        for (var i = 0; i < 10; i++) agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        for (var i = 0; i < 3; i++) Assert.True(await running.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, agent.Orchestrator.Parked);
        go.SetResult();
        await agent.Orchestrator.ResultAsync(10);
        Assert.Equal(3, agent.Driver.MostAtOnce);
    }

    [Fact]
    public async Task A_run_that_is_handed_out_twice_is_done_once()
    {
        await using var agent = await HastyAsync();
        agent.Settings = agent.Settings with { Slots = 2 };
        var job = AgentHarness.Scan();
        var go = new TaskCompletionSource();
        agent.Driver.Run = async (_, _, _) =>
        {
            await go.Task.Soon();
            return FakeDriver.Success;
        };
        agent.Orchestrator.Give(job);
        agent.Orchestrator.Give(job);
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator is { Polls: 3, Parked: 1 });
        go.SetResult();
        await agent.Orchestrator.ResultAsync();
        Assert.Equal(1, agent.Driver.Disposed);
    }

    [Theory]
    [InlineData("""{"run_id":RUN,"kind":"mine_coins","sandbox":{"image":"x"},"watched_paths":[{"prefix":"/"}]}""", "does not know jobs of the kind 'mine_coins'")]
    [InlineData("""{"run_id":RUN,"kind":"sandbox_scan","sandbox":{"image":"x"},"watched_paths":null}""", "no watched paths")]
    [InlineData("""{"run_id":RUN,"kind":"sandbox_scan","sandbox":{"image":"x"},"watched_paths":[null]}""", "watched_paths[0].prefix")]
    [InlineData("""{"run_id":RUN,"kind":"sandbox_scan","sandbox":{"image":"x"},"watched_paths":[{"prefix":"/"},{"prefix":"etc"}]}""", "watched_paths[1].prefix")]
    [InlineData("""{"run_id":RUN,"kind":"sandbox_scan","watched_paths":[{"prefix":"/"}]}""", "needs a sandbox")]
    [InlineData("""{"run_id":RUN,"kind":"sensor_only","watched_paths":[{"prefix":"/"}]}""", "needs a cgroup_path")]
    [InlineData("""{"run_id":RUN,"kind":"sensor_only","cgroup_path":"../x","watched_paths":[{"prefix":"/"}]}""", "is not absolute")]
    [InlineData("""{"run_id":RUN,"kind":"sensor_only","cgroup_path":"/no/such\u0000\n","watched_paths":[{"prefix":"/"}]}""", "does not exist on this host")]
    [InlineData("""{"run_id":RUN,"sandbox":{"image":"x"},"duration":-1000000000,"watched_paths":[{"prefix":"/"}]}""", "duration must be")]
    [InlineData("""{"run_id":RUN,"sandbox":{"image":"x"},"duration":9223372036854775807,"watched_paths":[{"prefix":"/"}]}""", "duration must be")]
    [InlineData("""{"run_id":RUN,"sandbox":{"image":"x","grace_period":-9223372036854775808},"watched_paths":[{"prefix":"/"}]}""", "grace_period must be")]
    [InlineData("""{"duration":"soon","nested":[{"run_id":1}],"run_id":RUN,"kind":"sandbox_scan"}""", "cannot read the job")]
    [InlineData("""{"RUN_ID":RUN,"watched_paths":{}}""", "cannot read the job")]
    public async Task A_hostile_job_is_a_failed_run_and_not_the_end_of_the_runner(string json, string reason)
    {
        await using var agent = await HastyAsync();
        var run = RunId.New(TimeProvider.System);
        agent.Orchestrator.Give(json.Replace("RUN,", WireJson(run) + ",", StringComparison.Ordinal));
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        var result = await agent.Orchestrator.ResultAsync();
        Assert.Equal((run, "failed"), (result.RunId, result.Status));
        Assert.Contains(reason, result.Reason, StringComparison.Ordinal);
        Assert.Equal("ok", (await agent.Orchestrator.ResultAsync(2)).Status);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"run_id\":[1,2,3]}")]
    [InlineData("{\"run_id\":null,\"kind\":\"sandbox_scan\"}")]
    [InlineData("<html>\u0000")]
    [InlineData("")]
    [InlineData("{\"run_id\":[256,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]")]
    public async Task An_answer_that_is_no_job_is_passed_over(string body)
    {
        await using var agent = await HastyAsync();
        agent.Orchestrator.Give(body);
        agent.Orchestrator.Give(AgentHarness.Scan());
        agent.Start();
        Assert.Equal("ok", (await agent.Orchestrator.ResultAsync()).Status);
    }

    [Fact]
    public void A_result_always_fits_and_keeps_the_end_of_the_output() =>
        Gen.Select(Gen.Char.Array[0, 4096], Gen.Char.Array[0, 3000], Gen.Int[0, 300]).Sample(
            (tail, reason, phases) =>
            {
                var bytes = ResultReporter.Write(new ResultRequest
                {
                    Status = "failed",
                    Reason = new string(reason),
                    Details = new ResultDetails
                    {
                        OutputTail = new string(tail) + "the end",
                        NodeVersion = new string(reason),
                        EventsByPhase = Enumerable.Range(0, phases).ToDictionary(i => $"a phase with a long name {i}", i => (long)i),
                    },
                });
                var back = System.Text.Json.JsonSerializer.Deserialize(bytes, ProtocolJson.Wire.ResultRequest)!;
                return bytes.Length <= ResultReporter.MaxBytes && Encoding.UTF8.GetString(bytes).Length > 0
                    && back.Details!.OutputTail!.EndsWith("the end", StringComparison.Ordinal);
            },
            iter: 300,
            threads: 1);

    private static string WireJson(RunId run) => System.Text.Json.JsonSerializer.Serialize(run, ProtocolJson.Wire.RunId);

    private static async Task<AgentHarness> HastyAsync()
    {
        var agent = await AgentHarness.CreateAsync();
        agent.Settings = agent.Settings with { Timings = AgentHarness.Hasty };
        return agent;
    }
}
