using System.Diagnostics.Metrics;
using Fangs.Actors.Jobs;
using Fangs.Actors.Storage;

namespace Fangs.Actors.Telemetry;

/// <summary>What is counted anew for every collection. What could not be found out is not a number: zero would be a claim.</summary>
public sealed record OrchestratorFigures
{
    private static readonly string[] States =
        [RunStates.Pending, RunStates.Building, RunStates.Sandboxed, RunStates.Analyzed, RunStates.Done, RunStates.Failed];

    /// <summary>Nothing is known.</summary>
    public static readonly OrchestratorFigures Unknown = new(null, null, null, new Dictionary<string, int>());

    /// <summary>Takes what was found out.</summary>
    /// <param name="queue">The dispatcher's figures; null when it did not answer.</param>
    /// <param name="runners">Registered runners; null when the registry did not answer.</param>
    /// <param name="runs">Runs by state; null when they could not be counted.</param>
    /// <param name="mailboxes">Waiting messages by actor.</param>
    public OrchestratorFigures(QueueFigures? queue, int? runners, IReadOnlyDictionary<string, long>? runs, IReadOnlyDictionary<string, int> mailboxes)
    {
        ArgumentNullException.ThrowIfNull(mailboxes);
        Runners = runners ?? double.NaN;
        OldestQueuedSeconds = queue?.OldestQueued.TotalSeconds ?? double.NaN;
        ParkedPolls = queue?.ParkedPolls ?? double.NaN;
        QueueDepths = [.. Enum.GetValues<JobStage>().Select(stage => One(queue?.Depths.GetValueOrDefault(stage) ?? double.NaN, "state", NameOf(stage)))];
        RunsByState = [.. States.Select(state => One(runs?.GetValueOrDefault(state) ?? double.NaN, "state", state))];
        Mailboxes = [.. mailboxes.Select(m => One(m.Value, "actor", m.Key))];
    }

    internal double Runners { get; }

    internal double OldestQueuedSeconds { get; }

    internal double ParkedPolls { get; }

    internal IReadOnlyList<Measurement<double>> QueueDepths { get; }

    internal IReadOnlyList<Measurement<double>> RunsByState { get; }

    internal IReadOnlyList<Measurement<double>> Mailboxes { get; }

    /// <summary>The name of a stage in the label <c>state</c>.</summary>
    public static string NameOf(JobStage stage) => stage switch
    {
        JobStage.Queued => "queued",
        JobStage.Leased => "leased",
        JobStage.Confirmed => "running",
        _ => "ending",
    };

    private static Measurement<double> One(double value, string label, string text) => new(value, new KeyValuePair<string, object?>(label, text));
}
