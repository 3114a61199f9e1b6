using Fangs.Protocol;
using Microsoft.AspNetCore.Http;

namespace Fangs.Tests.Runner.Agent;

public sealed class PollAndHeartbeatSpecs
{
    private static readonly TimeSpan RegisterTimeout = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_runner_introduces_itself()
    {
        await using var agent = await AgentHarness.CreateAsync();
        agent.Settings = agent.Settings with { RunnerId = new RunnerId("rack 1/ä?"), Slots = 2 };
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 2);
        var request = Assert.Single(agent.Orchestrator.Registrations);
        Assert.Equal("rack 1/ä?", request.RunnerId);
        Assert.Equal(["sensor", "sandbox.oci", "drops.per-run", "slots.2"], request.Capabilities);
        Assert.Equal(1, request.ProtoVersion);
        Assert.Equal(32, request.Instance!.Length);
        Assert.Equal(System.Net.Dns.GetHostName(), request.Hostname);
        Assert.Matches(@"^\d+\.\d+", request.KernelVersion);
        Assert.Equal("GET /v1/runners/rack%201%2F%C3%A4%3F/jobs", agent.Orchestrator.Paths.Last());
    }

    [Fact]
    public async Task Registration_is_tried_until_it_succeeds_with_growing_waits()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnRegister = FakeOrchestrator.Status(number => number switch { 1 => 500, 2 => 503, 3 => 400, _ => null }, "not yet");
        agent.Start();
        for (var tries = 1; tries <= 3; tries++)
        {
            await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Registrations.Count == tries);
            time.Advance(await time.UntilTimerAsync(due => due < RegisterTimeout));
        }

        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 1);
        Assert.Equal(4, agent.Orchestrator.Registrations.Count);
        Assert.Single(agent.Orchestrator.Registrations.Select(r => r.Instance).Distinct());
        Assert.Contains(agent.Logs.Lines, line => line.Text.Contains("400: not yet", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_poll_that_was_held_is_followed_at_once_and_one_that_was_not_after_the_interval()
    {
        var time = new SteppedTime();
        var held = new TaskCompletionSource();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnPoll = async (number, context) =>
        {
            if (number == 1) await held.Task.Soon();
            if (number <= 2) context.Response.StatusCode = StatusCodes.Status204NoContent;
            return number <= 2;
        };
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == 1);
        time.Advance(TimeSpan.FromSeconds(25));
        held.SetResult();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == 2); // at once
        await time.PassAsync(agent.Orchestrator.PollInterval); // the second was answered early
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == 3);
    }

    [Fact]
    public async Task A_poll_is_given_up_after_thirty_seconds_and_asked_again_after_two()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromHours(1);
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 1);
        time.Advance(TimeSpan.FromSeconds(30));
        await time.PassAsync(TimeSpan.FromSeconds(2));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == 2);
    }

    [Fact]
    public async Task A_failed_poll_is_repeated_after_two_seconds()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnPoll = FakeOrchestrator.Status(number => number == 1 ? 500 : null);
        agent.Start();
        await time.PassAsync(TimeSpan.FromSeconds(2));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Parked == 1);
        Assert.Equal(2, agent.Orchestrator.Polls);
        Assert.Single(agent.Orchestrator.Registrations);
    }

    [Fact]
    public async Task A_poll_that_finds_the_runner_unknown_registers_it_at_once()
    {
        var time = new SteppedTime();
        var asked = new TaskCompletionSource();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnPoll = async (number, context) =>
        {
            if (number == 1) await asked.Task.Soon();
            return await FakeOrchestrator.Status(n => n == 1 ? 404 : null)(number, context);
        };
        agent.Start();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == 1);
        time.Advance(TimeSpan.FromSeconds(3)); // the registration is not fresh any more
        asked.SetResult();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Registrations.Count == 2 && agent.Orchestrator.Parked == 1);
    }

    [Fact]
    public async Task An_orchestrator_that_forgets_every_registration_is_not_flooded()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnPoll = FakeOrchestrator.Status(_ => 404);
        agent.Start();
        for (var round = 1; round <= 3; round++)
        {
            await time.UntilTimerAsync(TimeSpan.FromSeconds(2));
            Assert.Equal(round, agent.Orchestrator.Registrations.Count);
            time.Advance(TimeSpan.FromSeconds(2));
            await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Polls == round + 1);
        }
    }

    [Fact]
    public async Task An_idle_runner_sends_a_heartbeat_every_interval()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromSeconds(7);
        agent.Start();
        for (var beats = 1; beats <= 3; beats++)
        {
            await time.PassAsync(TimeSpan.FromSeconds(7));
            await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Count == beats);
        }

        Assert.All(agent.Orchestrator.Heartbeats, beat =>
        {
            Assert.Equal(("runner-1", "idle", null), (beat.RunnerId, beat.Status, beat.ActiveRunId));
            Assert.Null(beat.ActiveRunIds);
        });
    }

    [Fact]
    public async Task A_heartbeat_that_finds_the_runner_unknown_registers_it()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnHeartbeat = async (number, context) =>
        {
            if (number == 1) await context.Response.WriteAsync("""{"ok":false,"unknown_runner":true}""");
            return number == 1;
        };
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromSeconds(17); // 30 s would be mistaken for the time limit of a poll
        agent.Start();
        await time.PassAsync(TimeSpan.FromSeconds(17));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Registrations.Count == 2);
        await time.PassAsync(TimeSpan.FromSeconds(17));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Count == 2);
    }

    [Fact]
    public async Task A_failed_heartbeat_is_not_the_end()
    {
        var time = new SteppedTime();
        await using var agent = await AgentHarness.CreateAsync(time);
        agent.Orchestrator.OnHeartbeat = FakeOrchestrator.Status(number => number == 1 ? 500 : null);
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromSeconds(17); // 30 s would be mistaken for the time limit of a poll
        agent.Start();
        await time.PassAsync(TimeSpan.FromSeconds(17));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Count == 1);
        await time.PassAsync(TimeSpan.FromSeconds(17));
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Count == 2);
        Assert.Single(agent.Orchestrator.Registrations);
    }

    [Fact]
    public async Task Heartbeats_name_the_run_from_its_start_also_after_a_new_registration()
    {
        var finish = new TaskCompletionSource();
        var forget = false;
        await using var agent = await AgentHarness.CreateAsync();
        agent.Settings = agent.Settings with { Timings = AgentHarness.Hasty };
        agent.Orchestrator.HeartbeatInterval = TimeSpan.FromMilliseconds(50);
        agent.Orchestrator.OnHeartbeat = async (_, context) =>
        {
            if (!Interlocked.Exchange(ref forget, false)) return false;
            await context.Response.WriteAsync("""{"unknown_runner":true}""");
            return true;
        };
        agent.Driver.Run = async (_, _, ct) =>
        {
            await finish.Task.WaitAsync(ct);
            return FakeDriver.Success;
        };
        var job = AgentHarness.Scan();
        agent.Orchestrator.Give(job);
        agent.Start();
        var id = job.RunId.ToString();
        bool Names(HeartbeatRequest beat) => beat.ActiveRunId == id && beat.ActiveRunIds!.SequenceEqual([id]) && beat.Status == "running";
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Any(Names));
        Volatile.Write(ref forget, true);
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Registrations.Count == 2);
        var seen = agent.Orchestrator.Heartbeats.Count;
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Skip(seen).Any(Names));
        finish.SetResult();
        await agent.Orchestrator.ResultAsync();
        await agent.Orchestrator.UntilAsync(() => agent.Orchestrator.Heartbeats.Last() is { Status: "idle", ActiveRunId: null });
    }
}
