using System.Text.Json;
using Fangs.Protocol;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace Fangs.Runner.Agent;

/// <summary>Delivers results: again and again until the orchestrator accepts, refuses, or the budget is used up.</summary>
internal sealed class ResultReporter
{
    /// <summary>Largest result that the orchestrator reads.</summary>
    public const int MaxBytes = 16_384;

    private const int MaxReasonLength = 1_000;

    private readonly OrchestratorClient _client;
    private readonly AgentTimings _timings;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly ResiliencePipeline _retry;

    public ResultReporter(OrchestratorClient client, AgentTimings timings, ILoggerFactory logs, TimeProvider time)
    {
        (_client, _timings, _time) = (client, timings, time);
        _log = logs.CreateLogger<ResultReporter>();
        _retry = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<OrchestratorException>(e => e.IsTransient),
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = timings.ResultRetryDelay,
            MaxDelay = timings.MaxRetryDelay,
            OnRetry = retry =>
            {
                _log.ResultFailed(retry.Outcome.Exception!.Message, retry.RetryDelay);
                return default;
            },
        }).Build();
    }

    /// <summary>Delivers a result. Giving up is logged, not thrown.</summary>
    public async Task DeliverAsync(ResultRequest result, CancellationToken abort)
    {
        using var elapsed = new CancellationTokenSource(_timings.ResultBudget, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(abort, elapsed.Token);
        var json = Write(result);
        try
        {
            await _retry.ExecuteAsync(async ct => await _client.PostResultAsync(result.RunId, json, ct), either.Token);
        }
        catch (OrchestratorException e) when (!e.IsTransient)
        {
            _log.ResultLost(e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or OrchestratorException)
        {
            // When the time runs out between two tries, the last try's failure comes back instead of the cancellation.
            _log.ResultLost(abort.IsCancellationRequested ? "the runner stops" : $"not accepted within {Words.Of(_timings.ResultBudget)}");
        }
    }

    /// <summary>The JSON of a result, cut to what the orchestrator reads: of the output the end counts, of the reason the beginning.</summary>
    internal static byte[] Write(ResultRequest result)
    {
        if (result.Reason is { } reason) result = result with { Reason = Words.WellFormed(Words.OneLine(reason, MaxReasonLength)) };
        if (result.Details is { } details)
        {
            result = result with
            {
                Details = details with
                {
                    OutputTail = details.OutputTail is { } tail ? Words.WellFormed(tail) : null,
                    NodeVersion = Short(details.NodeVersion),
                    NpmVersion = Short(details.NpmVersion),
                    ImageDigest = Short(details.ImageDigest),
                },
            };
        }

        while (true)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(result, ProtocolJson.Wire.ResultRequest);
            if (json.Length <= MaxBytes) return json;
            // One character takes up to six bytes, so a third less at a time gets below the limit in a few rounds.
            result = result.Details switch
            {
                { OutputTail: { Length: > 0 } tail } d => result with { Details = d with { OutputTail = Words.WellFormed(tail[((tail.Length / 3) + 1)..]) } },
                { EventsByPhase: not null } d => result with { Details = d with { EventsByPhase = null } },
                _ => result with { Details = null },
            };
        }
    }

    private static string? Short(string? text) => text is null ? null : Words.WellFormed(Words.OneLine(text, 200));
}
