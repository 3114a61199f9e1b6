using System.Collections.Concurrent;

namespace Fangs.Chaos;

/// <summary>A scan that was answered with 202.</summary>
internal sealed record AcceptedScan(string Run, string Package, string Version, TimeSpan At);

/// <summary>A batch that was answered with 200.</summary>
internal sealed record AcknowledgedBatch(string Run, long Seq, int Events);

/// <summary>A result that was sent.</summary>
/// <param name="Run">Of which run.</param>
/// <param name="Status">As sent.</param>
/// <param name="Reason">As sent.</param>
/// <param name="IsAcknowledged">Whether the answer was 200.</param>
internal sealed record SentResult(string Run, string Status, string Reason, bool IsAcknowledged);

/// <summary>Somebody worked on a run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Party">Who.</param>
/// <param name="From">Since when.</param>
/// <param name="To">Until when.</param>
internal sealed record Work(string Run, string Party, TimeSpan From, TimeSpan To);

/// <summary>Something was done to a party, or a synthetic client did it to itself.</summary>
/// <param name="Party">Whom.</param>
/// <param name="IsDeath">Whether what it was working on is forgotten.</param>
/// <param name="From">Since when.</param>
/// <param name="To">Until when.</param>
internal sealed record Disturbance(string Party, bool IsDeath, TimeSpan From, TimeSpan To);

/// <summary>What was seen from outside: what the orchestrator promised, to whom, and what was done to whom. The ledger is checked against it.</summary>
internal sealed class Observations
{
    /// <summary>Name of the orchestrator as a party.</summary>
    public const string Orchestrator = "orchestrator";

    public ConcurrentBag<AcceptedScan> Accepted { get; } = [];

    public ConcurrentBag<AcknowledgedBatch> Batches { get; } = [];

    public ConcurrentBag<SentResult> Results { get; } = [];

    public ConcurrentBag<Work> Works { get; } = [];

    public ConcurrentBag<Disturbance> Disturbances { get; } = [];

    /// <summary>When a failed run was first seen as such.</summary>
    public ConcurrentDictionary<string, TimeSpan> FailedAt { get; } = new();

    /// <summary>What should not have happened and shows only while it does, such as an answer that the protocol does not have.</summary>
    public ConcurrentQueue<Violation> Complaints { get; } = new();

    /// <summary>Scans that were sent and not answered: accepted or not, nobody knows.</summary>
    public int Unanswered => _unanswered;

    private int _unanswered;

    public void AddUnanswered() => Interlocked.Increment(ref _unanswered);

    public void Complain(string promise, string what) => Complaints.Enqueue(new Violation(promise, what));
}

/// <summary>A promise that was not kept.</summary>
/// <param name="Promise">Which.</param>
/// <param name="What">What is wrong, with the ids of runs.</param>
internal sealed record Violation(string Promise, string What);
