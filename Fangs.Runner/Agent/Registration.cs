using Fangs.Protocol;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace Fangs.Runner.Agent;

/// <summary>What the orchestrator said when the runner registered.</summary>
/// <param name="PollInterval">Least time between two polls that find no job.</param>
/// <param name="HeartbeatInterval">Time between heartbeats.</param>
/// <param name="At">When, as a timestamp of the time provider.</param>
internal sealed record Registered(TimeSpan PollInterval, TimeSpan HeartbeatInterval, long At);

/// <summary>Keeps the runner registered: registers at the start and whenever another loop finds that the orchestrator has forgotten it.</summary>
internal sealed class Registration
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    private readonly OrchestratorClient _client;
    private readonly RegisterRequest _request;
    private readonly RunnerState _state;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly ResiliencePipeline _retry;
    private readonly Lock _gate = new();
    private readonly Pulse _needed = new();
    private Registered? _current;
    private TaskCompletionSource<Registered> _next = NewSource();

    public Registration(
        OrchestratorClient client, RegisterRequest request, RunnerState state, AgentTimings timings, ILoggerFactory logs, TimeProvider time)
    {
        (_client, _request, _state, _time) = (client, request, state, time);
        _log = logs.CreateLogger<Registration>();
        _retry = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            // A refusal is tried again too: what refuses today is an orchestrator that is being set up, updated or reconfigured.
            ShouldHandle = new PredicateBuilder().Handle<OrchestratorException>(),
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = timings.RegisterRetryDelay,
            MaxDelay = timings.MaxRetryDelay,
            OnRetry = retry =>
            {
                _log.RegistrationFailed(retry.Outcome.Exception!.Message, retry.RetryDelay);
                return default;
            },
        }).Build();
        _needed.Set();
    }

    /// <summary>The registration in force; waits for one when there is none.</summary>
    public Task<Registered> CurrentAsync(CancellationToken cancellationToken)
    {
        lock (_gate) return _current is { } current ? Task.FromResult(current) : _next.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Reports that the orchestrator does not know a registration (any more). Has no effect when a newer one is in force.</summary>
    public void Renew(Registered forgotten)
    {
        lock (_gate)
        {
            if (_current != forgotten) return;
            _current = null;
            _next = NewSource();
        }

        _needed.Set();
    }

    /// <summary>The loop.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _needed.WaitAsync(cancellationToken);
            var answer = await _retry.ExecuteAsync(async ct => await _client.RegisterAsync(_request, ct), cancellationToken);
            var registered = new Registered(
                Sane(answer.JobPollInterval, TimeSpan.FromSeconds(5)), Sane(answer.HeartbeatInterval, TimeSpan.FromSeconds(30)), _time.GetTimestamp());
            _log.IsRegistered(_request.RunnerId, Words.OneLine(answer.OrchestratorId, 200));
            Publish(registered);
            // A new registration forgets the active runs; tell them before their leases run out.
            if (_state.IsBusy) _state.Changed.Set();
        }
    }

    private void Publish(Registered registered)
    {
        TaskCompletionSource<Registered> waiters;
        lock (_gate) (_current, waiters) = (registered, _next);
        waiters.TrySetResult(registered);
    }

    private static TimeSpan Sane(Nanoseconds interval, TimeSpan standard) =>
        interval.Value <= 0 ? standard : TimeSpan.FromTicks(Math.Clamp(interval.Value / 100, Shortest.Ticks, Longest.Ticks));

    private static TaskCompletionSource<Registered> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
