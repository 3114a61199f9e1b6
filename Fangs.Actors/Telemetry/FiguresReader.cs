using Akka.Actor;
using Fangs.Actors.Jobs;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;

namespace Fangs.Actors.Telemetry;

/// <summary>Finds out the figures of this moment. Asks actors and the database, changes nothing, and waits for nobody longer than a moment.</summary>
public sealed class FiguresReader(ActorSystem system, IActorRef dispatcher, IActorRef runners, IRunStore runs, TimeProvider clock)
{
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(3);

    // Counting rows reads an index from end to end; several collectors must not multiply that.
    private static readonly TimeSpan CountRunsEvery = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private Task<IReadOnlyDictionary<string, long>>? _counting;
    private long _countedAt;

    /// <summary>Reads them.</summary>
    public async Task<OrchestratorFigures> ReadAsync(CancellationToken cancellationToken)
    {
        var queue = AskAsync<QueueFigures>(dispatcher, GetQueueFigures.Instance, cancellationToken);
        var registered = AskAsync<RunnerList>(runners, GetRunners.Instance, cancellationToken);
        var byState = CountRunsAsync();
        return new OrchestratorFigures(await queue, (await registered)?.Runners.Count, await byState, Mailboxes());
    }

    private static async Task<T?> AskAsync<T>(IActorRef actor, object question, CancellationToken cancellationToken) where T : class
    {
        try
        {
            return await actor.Ask<object>(question, AnswerWithin, cancellationToken) as T; // a dispatcher that recovers says so instead
        }
        catch (AskTimeoutException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyDictionary<string, long>?> CountRunsAsync()
    {
        Task<IReadOnlyDictionary<string, long>> counting;
        lock (_gate)
        {
            if (_counting is null || clock.GetElapsedTime(_countedAt) >= CountRunsEvery) (_counting, _countedAt) = (runs.CountByStateAsync(), clock.GetTimestamp());
            counting = _counting;
        }

        try
        {
            return await counting;
        }
        catch (StorageException)
        {
            return null;
        }
    }

    private Dictionary<string, int> Mailboxes()
    {
        var depths = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var actor in ((ActorRefWithCell)((ExtendedActorSystem)system).Guardian).Children)
        {
            if (actor is not ActorRefWithCell named || named.Path.Name.StartsWith('$')) continue;
            var depth = named.Underlying.NumberOfMessages;
            // The dispatcher stands behind a back-off supervisor, which only passes on.
            if (named.Path.Name == "dispatcher")
                depth += named.Children.OfType<ActorRefWithCell>().Sum(child => child.Underlying.NumberOfMessages);
            depths[named.Path.Name] = depth;
        }

        return depths;
    }
}
