using Akka.Actor;
using Akka.Event;
using Fangs.Actors.Ingest;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;
using Fangs.Actors.Telemetry;
using Fangs.Protocol;

namespace Fangs.Actors.Runs;

/// <summary>Store a batch. The writer disposes it.</summary>
/// <param name="Batch">The batch.</param>
/// <param name="TraceParent">Span of the request that brought it; null when nobody traces it.</param>
public sealed record AppendBatch(PreparedBatch Batch, string? TraceParent = null) : INoSerializationVerificationNeeded;

/// <summary>The batch is committed.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Seq">The batch.</param>
/// <param name="Persisted">Its events that are stored now.</param>
/// <param name="IsDuplicate">It had been stored before.</param>
public sealed record BatchAppended(RunId RunId, ulong Seq, int Persisted, bool IsDuplicate);

/// <summary>Group commit of event batches: what arrives while a commit is on its way to the disk shares the next one. Answers after the commit.</summary>
/// <remarks>
/// <c>/user/event-writer</c>, for the life of the process. Memory is bounded by the streams, each of which has a few batches in flight and
/// then does not read its socket. A failed commit fails the batches of its group; the senders send them again.
/// </remarks>
public sealed class EventWriter : ReceiveActor
{
    private sealed record Committed(IReadOnlyList<AppendOutcome> Outcomes) : INoSerializationVerificationNeeded;

    private sealed record CommitFailed(Exception Cause) : INoSerializationVerificationNeeded;

    // A transaction longer than this keeps the journal, which shares the file, waiting.
    private const int MaxEventsPerCommit = 16_384;
    private const long MaxBytesPerCommit = 16 * 1024 * 1024;

    private readonly IEventStore _store;
    private readonly IActorRef _runs;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly FangsMetrics _metrics = FangsMetrics.Of(Context.System);
    private readonly Queue<(AppendBatch Append, IActorRef Asker)> _waiting = new();
    private (AppendBatch Append, IActorRef Asker)[] _committing = [];
    private long _committingSince;
    private long _events;
    private long _commits;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public EventWriter(IEventStore store, IActorRef runs)
    {
        (_store, _runs) = (store, runs);
        Receive<AppendBatch>(OnAppend);
        Receive<Committed>(OnCommitted);
        Receive<CommitFailed>(OnCommitFailed);
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine($"{_events} events in {_commits} commits, {_committing.Length} batches committing, {_waiting.Count} waiting")));
    }

    /// <summary>How to make it.</summary>
    public static Props Props(IEventStore store, IActorRef runs) => Akka.Actor.Props.Create(() => new EventWriter(store, runs));

    private void OnAppend(AppendBatch append)
    {
        _waiting.Enqueue((append, Sender));
        if (_committing.Length == 0) CommitNext();
    }

    private void CommitNext()
    {
        if (_waiting.Count == 0) return;
        var group = new List<(AppendBatch Append, IActorRef Asker)>();
        var (events, bytes) = (0, 0L);
        while (_waiting.Count > 0 && (group.Count == 0 || (events < MaxEventsPerCommit && bytes < MaxBytesPerCommit)))
        {
            var next = _waiting.Dequeue();
            group.Add(next);
            events += next.Append.Batch.Events.Length;
            bytes += next.Append.Batch.PayloadBytes;
        }

        _committing = [.. group];
        _committingSince = TimeProvider.System.GetTimestamp();
        _store.AppendAsync([.. group.Select(g => g.Append.Batch)]).PipeTo(Self, success: o => new Committed(o), failure: e => new CommitFailed(e));
    }

    private void OnCommitted(Committed committed)
    {
        var took = TimeProvider.System.GetElapsedTime(_committingSince);
        _metrics.Committed(_committing.Sum(c => c.Append.Batch.Events.Length), _committing.Sum(c => (long)c.Append.Batch.PayloadBytes), took);
        Trace(took, "");
        for (var i = 0; i < _committing.Length; i++)
        {
            var ((batch, _), asker) = _committing[i];
            var outcome = committed.Outcomes[i];
            if (outcome.IsDuplicate) _metrics.DuplicateBatch();
            if (outcome.Error is { } error)
            {
                _metrics.PersistFailed(batch.Events.Length);
                asker.Tell(new Status.Failure(error));
            }
            else
            {
                _events += outcome.IsDuplicate ? 0 : outcome.Persisted;
                _runs.Tell(new BatchStored(batch.RunId, batch.Seq, outcome.Persisted));
                asker.Tell(new BatchAppended(batch.RunId, batch.Seq, outcome.Persisted, outcome.IsDuplicate));
            }

            batch.Dispose();
        }

        _commits++;
        _committing = [];
        CommitNext();
    }

    private void OnCommitFailed(CommitFailed failed)
    {
        _log.Error(failed.Cause, "{Batches} event batches were not stored", _committing.Length);
        var cause = failed.Cause as StorageException ?? new StorageException($"Events were not stored: {failed.Cause.Message}", failed.Cause);
        Trace(TimeProvider.System.GetElapsedTime(_committingSince), cause.Message);
        foreach (var ((batch, _), asker) in _committing)
        {
            _metrics.PersistFailed(batch.Events.Length);
            asker.Tell(new Status.Failure(cause));
            batch.Dispose();
        }

        _committing = [];
        CommitNext();
    }

    // One commit is part of every request that had a batch in it.
    private void Trace(TimeSpan took, string error)
    {
        if (!FangsTraces.Source.HasListeners()) return;
        var now = TimeProvider.System.GetUtcNow();
        foreach (var append in _committing.Select(c => c.Append).Where(a => a.TraceParent is not null).DistinctBy(a => a.TraceParent))
            FangsTraces.Record("commit", append.TraceParent, now - took, now, append.Batch.RunId, error);
    }
}
