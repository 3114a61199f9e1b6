using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Fangs.Benchmarks.Load;

/// <summary>A job that a poll got.</summary>
/// <param name="Run">The run.</param>
/// <param name="At">Timestamp of the answer.</param>
internal readonly record struct Delivery(string Run, long At);

/// <summary>Runners that do nothing but poll, each on a connection of its own.</summary>
internal sealed class RunnerFleet : IAsyncDisposable
{
    private static readonly TimeSpan ParkedWithin = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Delivery> _deliveries = Channel.CreateUnbounded<Delivery>();
    private readonly ConcurrentQueue<string> _runs = new();
    private readonly List<HttpLine> _lines = [];
    private Task _loops = Task.CompletedTask;

    /// <summary>What was delivered, as it comes.</summary>
    public ChannelReader<Delivery> Deliveries => _deliveries.Reader;

    /// <summary>Every run that was delivered so far, once for each time.</summary>
    public IReadOnlyCollection<string> Runs => _runs;

    /// <summary>Registers the runners and begins to poll; returns when the dispatcher has parked all polls.</summary>
    public static async Task<RunnerFleet> StartAsync(Orchestrator orchestrator, int runners, CancellationToken cancellationToken)
    {
        var fleet = new RunnerFleet();
        for (var i = 0; i < runners; i++)
        {
            var line = await orchestrator.ConnectAsync(cancellationToken);
            await Orchestrator.RegisterAsync(line, NameOf(i), cancellationToken);
            fleet._lines.Add(line);
        }

        fleet._loops = Task.WhenAll(fleet._lines.Select((line, i) => Task.Run(() => fleet.PollAsync(line, NameOf(i)), cancellationToken)));
        await ParkedAsync(orchestrator, runners, cancellationToken);
        return fleet;
    }

    public static string NameOf(int number) => $"runner-{number}";

    /// <summary>Waits until that many polls are parked.</summary>
    public static async Task ParkedAsync(Orchestrator orchestrator, int polls, CancellationToken cancellationToken)
    {
        using var line = await orchestrator.ConnectAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ParkedWithin);
        var wanted = $"fangs_parked_polls {polls}\n";
        while (true)
        {
            var metrics = await MetricsAsync(orchestrator, limit.Token);
            if (metrics.Contains(wanted, StringComparison.Ordinal)) return;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var line in _lines) line.Dispose();
        _stop.Dispose();
    }

    private static async Task<string> MetricsAsync(Orchestrator orchestrator, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri($"http://127.0.0.1:{orchestrator.Port}/metrics"), cancellationToken);
    }

    private async Task PollAsync(HttpLine line, string runner)
    {
        var poll = HttpLine.Get($"/v1/runners/{runner}/jobs");
        while (!_stop.IsCancellationRequested)
        {
            var answer = await line.AskAsync(poll, _stop.Token);
            if (answer.Status == 204) continue;
            Orchestrator.Expect(200, answer);
            var at = TimeProvider.System.GetTimestamp();
            var run = RunOf(answer.Body);
            _runs.Enqueue(run);
            _deliveries.Writer.TryWrite(new Delivery(run, at));
        }
    }

    /// <summary>The run id of a job: sixteen numbers. Picked out by hand, thousands of times a second.</summary>
    public static string RunOf(ReadOnlySpan<byte> job)
    {
        var name = "\"run_id\":["u8;
        var at = job.IndexOf(name) + name.Length;
        Span<byte> id = stackalloc byte[16];
        var (next, value) = (0, 0);
        for (; next < id.Length; at++)
        {
            if (job[at] is >= (byte)'0' and <= (byte)'9')
            {
                value = (10 * value) + job[at] - '0';
                continue;
            }

            id[next++] = (byte)value;
            value = 0;
        }

        return Convert.ToHexStringLower(id);
    }
}
