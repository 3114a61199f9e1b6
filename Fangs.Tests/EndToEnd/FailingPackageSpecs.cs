using System.Text.Json.Nodes;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Fangs.Tests.Runner.Sandbox;

namespace Fangs.Tests.EndToEnd;

/// <summary>Packages that do not let themselves be installed, one after another on one runner.</summary>
[Collection(nameof(ToyRunner))]
public sealed class FailingPackageSpecs(ToyRunner toys)
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    [SkippableFact]
    public Task A_script_that_fails_is_quoted_with_its_status() =>
        FailsAsync("exit 7", "npm install ended with status 7: code 7 / ", "command sh -c exit 7");

    [SkippableFact]
    public Task A_script_that_hangs_ends_with_the_duration() =>
        FailsAsync("echo hanging; sleep 1000", TimeSpan.FromSeconds(6), null, "did not finish within 6 s (phase install)");

    [SkippableFact]
    public Task A_script_that_forks_until_it_cannot_is_told_from_one_that_merely_fails() =>
        FailsAsync("while :; do sleep 1000 & done", Long, new JsonObject { ["pids_limit"] = 64 }, "npm install ended with status 2: ", "the limit of 64 processes was hit");

    [SkippableFact]
    public Task A_fork_bomb_that_never_ends_is_told_from_a_script_that_merely_hangs()
    {
        Skip.If(CommandLine.Find("perl") is null, "the bomb is a line of Perl, which this host does not have");
        return FailsAsync(
            "perl -e 'for (;;) { defined fork or sleep 1 }'", TimeSpan.FromSeconds(10), new JsonObject { ["pids_limit"] = 64 },
            "did not finish within 10 s (phase install); the limit of 64 processes was hit");
    }

    [SkippableTheory]
    [InlineData("/tmp/full", "the disk quota of 128 MiB of /tmp is used up")]
    [InlineData("./full", "the output tells of a full disk quota")] // npm has removed the directory by then
    public Task A_script_that_fills_the_disk_fails_because_of_that(string file, string reason) =>
        FailsAsync($"dd if=/dev/zero of={file} bs=1M", Long, new JsonObject { ["memory_bytes"] = 256L << 20 }, "npm install ended with status 1: ", reason);

    [SkippableFact]
    public async Task A_script_that_prints_gigabytes_is_stopped_and_the_end_of_it_kept()
    {
        var run = await FailsAsync("yes all work and no play", "the sandbox ended during the installation: more than 1024 MiB of output");
        Assert.Contains("all work and no play\nall work and no play\n", run.Output);
        Assert.InRange(run.Output.Length, 1000, 4096);
    }

    [SkippableFact]
    public Task A_script_that_kills_npm_is_told_from_one_that_fails() =>
        FailsAsync("kill -9 $PPID; sleep 1000", "npm install ended with status 137: killed by signal 9");

    [SkippableFact]
    public Task A_script_that_kills_all_it_can_fails_the_run() => FailsAsync("kill -9 -1", "npm install ended with status 137: killed by signal 9");

    private Task<StoredRun> FailsAsync(string script, params string[] reasons) => FailsAsync(script, Long, null, reasons);

    private async Task<StoredRun> FailsAsync(string script, TimeSpan duration, JsonObject? sandbox, params string[] reasons)
    {
        toys.Require();
        toys.Registry.Publish("failing", script).Publish("well", "echo well");
        var run = await toys.ScanAsync("failing", duration, sandbox);
        Assert.Equal("failed", run.State);
        foreach (var reason in reasons) Assert.Contains(reason, run.Reason);
        Assert.Equal(("0", "0", "0"), (run.Text("conclusive"), run.Text("events_dropped"), run.Text("seq_gaps")));
        Assert.Contains(run.Events(), e => e.Type == "exec" && e.Role == "script" && e.Argv == $"sh -c {script}");
        Assert.True(RunId.TryParse(run.Id, out var id));
        Assert.Empty(SandboxHost.CgroupsOf(id));

        var next = await toys.ScanAsync("well");
        next.AssertDoneWithoutLoss();
        Assert.Equal(run.Text("runner_id"), next.Text("runner_id"));
        return run;
    }
}
