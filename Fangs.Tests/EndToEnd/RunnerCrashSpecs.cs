using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Fangs.Tests.Runner.Sandbox;

namespace Fangs.Tests.EndToEnd;

/// <summary>A runner's process is killed with SIGKILL in the middle of a job.</summary>
public sealed class RunnerCrashSpecs
{
    private static readonly TimeSpan Patience = ProcessHost.Patience;

    [SkippableFact]
    public async Task A_killed_runner_loses_its_run_and_the_next_start_clears_up_and_runs_it_again()
    {
        await using var host = await ProcessHost.StartAsync();
        host.Registry.Publish("toy", $"(setsid sleep 1000 &); {host.Registry.WaitAt("middle")}; sleep 1000");
        var first = host.StartRunner("crashing");
        var run = await host.SubmitAsync(ScanJob.Of("toy", Patience));
        await host.Registry.GateOf("middle").Reached.WaitAsync(Patience);
        await run.UntilAsync(r => r.State == "sandboxed", "recorded", Patience);
        Assert.True(RunId.TryParse(run.Id, out var id));
        var cgroup = Assert.Single(SandboxHost.CgroupsOf(id), c => c.StartsWith(CgroupHost.Find()!.V2Root, StringComparison.Ordinal) && File.Exists(c + "/cgroup.kill"));

        await first.KillAsync();
        var left = await File.ReadAllLinesAsync(cgroup + "/cgroup.procs");
        Assert.True(left.Length >= 3, "the sandbox goes on without its runner");
        var network = NetworkOf(left[0]);
        Assert.NotEqual(NetworkOf("self"), network);
        Assert.Equal(run.Id, await ContainersAsync(host.StateDirectory));

        host.Registry.Publish("toy", "echo well this time");
        var second = host.StartRunner("crashing");
        await run.UntilEndedAsync(Patience);
        Assert.Equal(("failed", "runner lost: crashing, its process was restarted"), (run.State, run.Reason));
        Assert.Equal("0", run.Text("conclusive"));
        await run.UntilAsync(r => r.Retry is { HasEnded: true }, "repeated", Patience);
        run.Retry!.AssertDoneWithoutLoss();
        Assert.NotEqual(run.Id, run.Retry.Id);
        Assert.Equal("crashing", run.Retry.Text("runner_id"));
        Assert.Contains("well this time", run.Retry.Output);
        Assert.Empty(run.Events().Select(e => e.Cgroup).Intersect(run.Retry.Events().Select(e => e.Cgroup)));
        Assert.Null(run.Retry.Retry);

        Assert.Contains($"sandbox {run.Id}", second.Log); // it says what it has removed
        Assert.Empty(SandboxHost.CgroupsOf(id));
        Assert.Empty(SandboxHost.CgroupsOf(RunId.Parse(run.Retry.Id)));
        Assert.DoesNotContain(left, IsAlive);
        Assert.DoesNotContain(Directory.GetDirectories("/proc").Select(Path.GetFileName), process => NetworkOf(process!) == network);
        Assert.Equal("", await ContainersAsync(host.StateDirectory));
        Assert.Empty(Directory.GetFiles(host.StateDirectory, "*", SearchOption.AllDirectories));
        Assert.True(0 == await second.TerminateAsync(), second.Log);
    }

    private static bool IsAlive(string process) => File.Exists($"/proc/{process}/stat") && !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);

    // Empty for what is no process, or has just ended.
    private static string NetworkOf(string process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/ns/net").LinkTarget ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static async Task<string> ContainersAsync(string stateDirectory)
    {
        var state = Directory.GetDirectories(stateDirectory, "runc", SearchOption.AllDirectories).Single();
        using var limit = new CancellationTokenSource(Patience);
        return (await CommandLine.RunAsync(CommandLine.Find("runc")!, ["--root", state, "list", "--quiet"], limit.Token)).Output.Trim();
    }
}
