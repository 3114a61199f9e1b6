using Fangs.Protocol;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.Runner.Agent;

/// <summary>A driver whose sandboxes do what the test says.</summary>
internal sealed class FakeDriver : ISandboxDriver
{
    private int _running;
    private int _mostAtOnce;

    public delegate Task<SandboxOutcome> Script(Job job, Action<string, string> expectPhase, CancellationToken cancellationToken);

    public static readonly SandboxOutcome Success = new(0, null, "v20.1.0", "11.19.0", "sha256:1234");

    public string Capability => Fangs.Protocol.Capability.SandboxOci;

    public IReadOnlyList<string> Missing { get; set; } = [];

    public IReadOnlyList<string> LeftOver { get; set; } = [];

    public Func<Job, CancellationToken, Task>? OnCreate { get; set; }

    public Script Run { get; set; } = (_, _, _) => Task.FromResult(Success);

    public string OutputTail { get; set; } = "added 1 package";

    public string LimitsHit { get; set; } = "";

    public int Disposed { get; private set; }

    public int MostAtOnce => _mostAtOnce;

    public Task<IReadOnlyList<string>> ProbeAsync(CancellationToken cancellationToken) => Task.FromResult(Missing);

    public Task<IReadOnlyList<string>> SweepAsync(CancellationToken cancellationToken) => Task.FromResult(LeftOver);

    public IReadOnlyList<WatchedPath> WatchedPaths { get; set; } = [];

    public async Task<ISandbox> CreateAsync(Job job, CancellationToken cancellationToken)
    {
        if (OnCreate is { } hook) await hook(job, cancellationToken);
        return new FakeSandbox(this, job);
    }

    private sealed class FakeSandbox(FakeDriver driver, Job job) : ISandbox
    {
        public string CgroupPath => $"/sys/fs/cgroup/fangs/{job.RunId}";

        public IReadOnlyList<WatchedPath> WatchedPaths => driver.WatchedPaths;

        public string OutputTail => driver.OutputTail;

        public string LimitsHit => driver.LimitsHit;

        public async Task<SandboxOutcome> RunAsync(Action<string, string> expectPhase, CancellationToken cancellationToken)
        {
            var running = Interlocked.Increment(ref driver._running);
            driver._mostAtOnce = Math.Max(driver._mostAtOnce, running);
            try
            {
                return await driver.Run(job, expectPhase, cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref driver._running);
            }
        }

        public ValueTask DisposeAsync()
        {
            driver.Disposed++;
            return ValueTask.CompletedTask;
        }
    }
}
