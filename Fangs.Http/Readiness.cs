using Akka.Actor;
using Fangs.Actors.Hosting;
using Fangs.Actors.Jobs;
using Fangs.Actors.Storage;
using Microsoft.Extensions.Hosting;

namespace Fangs.Http;

/// <summary>Whether what clients send would be stored: finds out by a write to the store, and by asking the job queue behind what it is writing.</summary>
/// <remarks>However many ask, one look is under way at a time, and its outcome counts for a second: it costs a commit.</remarks>
public sealed class Readiness(Store store, CoreActors actors, IHostApplicationLifetime lifetime, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2), CountsFor = TimeSpan.FromSeconds(1), QueueAnswersWithin = TimeSpan.FromSeconds(10), FailureCountsFor = TimeSpan.FromSeconds(10);

    private readonly Lock _turn = new();
    private Task<string?>? _look;
    private long _lookedAt;

    /// <summary>Looks, or takes what was just seen.</summary>
    /// <param name="cancellationToken">Stops waiting; the look goes on.</param>
    /// <returns>Null when ready, otherwise the reason.</returns>
    public async Task<string?> WhyNotAsync(CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested) return "the orchestrator is stopping";
        Task<string?> look;
        lock (_turn)
        {
            if (_look is null || (_look.IsCompleted && clock.GetElapsedTime(_lookedAt) >= CountsFor)) (_look, _lookedAt) = (LookAsync(), clock.GetTimestamp());
            look = _look;
        }

        try
        {
            return await look.WaitAsync(Patience, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            return $"the store or the job queue did not answer within {Patience.TotalSeconds:0} s";
        }
    }

    private async Task<string?> LookAsync()
    {
        try
        {
            await store.ProbeAsync();
            if (store.WhyFailed(FailureCountsFor) is { } failure) return $"what clients sent could not be stored within the last {FailureCountsFor.TotalSeconds:0} s: {failure}";
            return await actors.Dispatcher.Ask<object>(ProbeQueue.Instance, QueueAnswersWithin) is QueueServes ? null : "the job queue cannot be stored at the moment";
        }
        catch (StorageException e)
        {
            return e.Message;
        }
        catch (AskTimeoutException)
        {
            return $"the job queue did not answer within {QueueAnswersWithin.TotalSeconds:0} s";
        }
    }
}
