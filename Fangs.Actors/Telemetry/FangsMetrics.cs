using System.Diagnostics.Metrics;
using Akka.Actor;
using Akka.Actor.Setup;
using Fangs.Actors.Analysis;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Telemetry;

/// <summary>Every series that the orchestrator publishes, and the only place that names them. Labels have few values, whatever clients send.</summary>
/// <remarks>One per orchestrator: an exporter listens to the instruments of <see cref="Meter"/>. Without one, raising costs next to nothing.</remarks>
public sealed class FangsMetrics : IDisposable
{
    private static readonly string[] Severities = [Severity.Info, Severity.Warn, Severity.Crit];
    private static readonly double[] ShortSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    private static readonly double[] LongSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60];
    private static readonly double[] WaitSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];
    private static readonly double[] Rows = [1, 4, 16, 64, 256, 1024, 4096, 16384];
    private static readonly double[] Bytes = [1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216];

    /// <summary>For actor systems that were started without metrics, as in tests of single actors.</summary>
    private static readonly FangsMetrics Silent = new("dev");

    private readonly Counter<long> _scansQueued;
    private readonly Counter<long> _eventsReceived;
    private readonly Counter<long> _eventsDropped;
    private readonly Counter<long> _persistFailures;
    private readonly Counter<long> _duplicateBatches;
    private readonly Counter<long> _seqGaps;
    private readonly Counter<long> _inconclusive;
    private readonly Counter<long> _deviations;
    private readonly Counter<long> _promoted;
    private readonly Counter<long> _notifications;
    private readonly Counter<long> _watcherErrors;
    private readonly Counter<long> _pruned;
    private readonly Counter<long> _retentionPasses;
    private readonly Histogram<double> _analysisSeconds;
    private readonly Histogram<double> _requestSeconds;
    private readonly Histogram<double> _pollToJob;
    private readonly Histogram<double> _queueToLease;
    private readonly Histogram<double> _batchRows;
    private readonly Histogram<double> _batchBytes;
    private readonly Histogram<double> _commitRows;
    private readonly Histogram<double> _commitBytes;
    private readonly Histogram<double> _commitSeconds;
    private readonly Histogram<double> _retentionStep;
    private volatile OrchestratorFigures _figures = OrchestratorFigures.Unknown;

    /// <summary>Makes the instruments.</summary>
    /// <param name="version">Build version, a label of <c>fangs_orchestrator_info</c>.</param>
    public FangsMetrics(string version)
    {
        _scansQueued = Meter.CreateCounter<long>("fangs_scans_queued_total", null, "Scans accepted; repeats of lost runs are not counted.");
        _eventsReceived = Meter.CreateCounter<long>("fangs_events_received_total", null, "Events that arrived, counted before they are stored.");
        _eventsDropped = Meter.CreateCounter<long>("fangs_events_dropped_total", null, "Events that runners reported as lost, counted once per run.");
        _persistFailures = Meter.CreateCounter<long>("fangs_events_persist_failures_total", null, "Events that could not be stored; their senders were told to send them again.");
        _duplicateBatches = Meter.CreateCounter<long>("fangs_event_batches_duplicate_total", null, "Batches that had been stored before and were only acknowledged again.");
        _seqGaps = Meter.CreateCounter<long>("fangs_event_seq_gaps_total", null, "Batches missing between those of a run when it ended.");
        _inconclusive = Meter.CreateCounter<long>("fangs_runs_inconclusive_total", null, "Runs that ended without a conclusive record, by the first cause.");
        _deviations = Meter.CreateCounter<long>("fangs_deviations_written_total", null, "Deviations found; judging a run again counts only those that it had not shown before.");
        _promoted = Meter.CreateCounter<long>("fangs_baseline_promoted_total", null, "Runs that came into the baseline, by themselves or by an operator.");
        _analysisSeconds = Histogram("fangs_analysis_seconds", "Time that judging a run took.", ShortSeconds);
        _notifications = Meter.CreateCounter<long>("fangs_notifications_total", null, "Attempts to deliver alerts, by target and how they ended; permanent ones are not tried again.");
        _watcherErrors = Meter.CreateCounter<long>("fangs_watcher_errors_total", null, "Polls of the registry that failed, and failures to read the list of watched packages.");
        _pruned = Meter.CreateCounter<long>("fangs_retention_rows_deleted_total", null, "Rows that retention has deleted.");
        _retentionPasses = Meter.CreateCounter<long>("fangs_retention_passes_total", null, "Passes of retention, by how they ended.");
        _requestSeconds = Histogram("fangs_http_request_duration_seconds", "Time from a request's head to the end of its answer. Polls wait and event streams last as long as their runs.", LongSeconds);
        _pollToJob = Histogram("fangs_poll_to_job_seconds", "Time from a poll to the job that it got.", WaitSeconds);
        _queueToLease = Histogram("fangs_queue_to_lease_seconds", "Time that a job waited in the queue before it was handed out.", WaitSeconds);
        _batchRows = Histogram("fangs_ingest_batch_events", "Events per batch.", Rows);
        _batchBytes = Histogram("fangs_ingest_batch_bytes", "Bytes of payload per batch, as stored.", Bytes);
        _commitRows = Histogram("fangs_ingest_commit_events", "Events per commit.", Rows);
        _commitBytes = Histogram("fangs_ingest_commit_bytes", "Bytes of payload per commit.", Bytes);
        _commitSeconds = Histogram("fangs_ingest_commit_seconds", "Time that a commit of events took, waiting for the writer included.", ShortSeconds);
        _retentionStep = Histogram("fangs_retention_step_seconds", "Time that one write of retention held the database.", ShortSeconds);

        Meter.CreateObservableGauge("fangs_orchestrator_info", () => new Measurement<long>(1, Tag("version", version)), null, "Always 1; the version is a label.");
        Meter.CreateObservableGauge("fangs_runners_registered", () => _figures.Runners, null, "Registered runners.");
        Meter.CreateObservableGauge("fangs_queue_depth", () => _figures.QueueDepths, null, "Jobs of the dispatcher by state.");
        Meter.CreateObservableGauge("fangs_queue_oldest_seconds", () => _figures.OldestQueuedSeconds, null, "Age of the job that has waited longest; 0 when none waits.");
        Meter.CreateObservableGauge("fangs_parked_polls", () => _figures.ParkedPolls, null, "Polls that wait for a job.");
        Meter.CreateObservableGauge("fangs_runs", () => _figures.RunsByState, null, "Runs in the database by state.");
        Meter.CreateObservableGauge("fangs_actor_mailbox_messages", () => _figures.Mailboxes, null, "Messages waiting in the mailbox of an actor.");

        Meter.CreateObservableCounter("dotnet_gc_pause_seconds_total", () => GC.GetTotalPauseDuration().TotalSeconds, null, "Time that garbage collection has stopped the process.");
        Meter.CreateObservableCounter("dotnet_gc_allocated_bytes_total", () => GC.GetTotalAllocatedBytes(), null, "Bytes allocated on the managed heap.");
        Meter.CreateObservableGauge("dotnet_gc_heap_bytes", () => GC.GetGCMemoryInfo().HeapSizeBytes, null, "Size of the managed heap after the last collection.");
        Meter.CreateObservableGauge("dotnet_threadpool_threads", () => ThreadPool.ThreadCount, null, "Threads of the thread pool.");
        Meter.CreateObservableGauge("dotnet_threadpool_queue_length", () => ThreadPool.PendingWorkItemCount, null, "Work waiting for a thread of the pool.");
        Meter.CreateObservableCounter("dotnet_threadpool_completed_items_total", () => ThreadPool.CompletedWorkItemCount, null, "Work done by the thread pool.");
        Meter.CreateObservableCounter("dotnet_monitor_lock_contentions_total", () => Monitor.LockContentionCount, null, "Times that a thread had to wait for a lock.");
    }

    /// <summary>Its instruments.</summary>
    public Meter Meter { get; } = new("fangs");

    /// <summary>The metrics of the orchestrator to which an actor system belongs.</summary>
    public static FangsMetrics Of(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        return system.Settings.Setup.Get<MetricsSetup>() is { HasValue: true } setup ? setup.Value.Metrics : Silent;
    }

    /// <summary>Takes the figures of this moment; the next collection publishes them.</summary>
    public void Show(OrchestratorFigures figures) => _figures = figures;

    /// <summary>Raises every counter by nothing, so that it is there from the start and a first increase is seen as one.</summary>
    public void PublishZeros()
    {
        foreach (var counter in new[] { _scansQueued, _eventsDropped, _persistFailures, _duplicateBatches, _seqGaps, _watcherErrors }) counter.Add(0);
        foreach (var type in new[] { EventType.FileAccess, EventType.Exec, EventType.NetConnect, EventType.DnsQuery, EventType.TlsSni, 0 }) _eventsReceived.Add(0, Tag("type", EventType.NameOf(type)));
        foreach (var cause in InconclusiveCause.All) _inconclusive.Add(0, Tag("reason", cause));
        foreach (var severity in Severities) _deviations.Add(0, Tag("severity", severity));
        foreach (var trigger in new[] { BaselineBy.Auto, BaselineBy.Manual }) _promoted.Add(0, Tag("trigger", trigger));
        foreach (var table in RetentionTables.All) _pruned.Add(0, Tag("table", table));
        foreach (var outcome in new[] { "completed", "interrupted", "failed" }) _retentionPasses.Add(0, Tag("outcome", outcome));
    }

    /// <summary>A scan was accepted.</summary>
    public void ScanQueued() => _scansQueued.Add(1);

    /// <summary>Events have arrived.</summary>
    /// <param name="typeName">Stored name of their type.</param>
    /// <param name="count">How many.</param>
    public void EventsReceived(string typeName, int count) => _eventsReceived.Add(count, Tag("type", typeName));

    /// <summary>A batch has arrived.</summary>
    public void BatchReceived(int events, int bytes)
    {
        _batchRows.Record(events);
        _batchBytes.Record(bytes);
    }

    /// <summary>A commit of events has ended well.</summary>
    public void Committed(int events, long bytes, TimeSpan took)
    {
        _commitRows.Record(events);
        _commitBytes.Record(bytes);
        _commitSeconds.Record(took.TotalSeconds);
    }

    /// <summary>Events could not be stored.</summary>
    public void PersistFailed(int events) => _persistFailures.Add(events);

    /// <summary>A batch had been stored before.</summary>
    public void DuplicateBatch() => _duplicateBatches.Add(1);

    /// <summary>A run has ended. To be called once per run, when its end has been stored.</summary>
    /// <param name="dropped">Events lost by its runner.</param>
    public void RunEnded(ulong dropped) => _eventsDropped.Add((long)Math.Min(dropped, long.MaxValue));

    /// <summary>A run has been judged for the first time: all its events have come, or were waited for.</summary>
    /// <param name="seqGaps">Batches that are missing.</param>
    /// <param name="inconclusiveReason">Why it is not conclusive, as stored; empty when it is.</param>
    public void RunJudged(long seqGaps, string inconclusiveReason)
    {
        ArgumentNullException.ThrowIfNull(inconclusiveReason);
        _seqGaps.Add(Math.Max(0, seqGaps));
        if (inconclusiveReason.Length > 0) _inconclusive.Add(1, Tag("reason", InconclusiveCause.Of(inconclusiveReason)));
    }

    /// <summary>An analysis has ended well.</summary>
    public void Analysed(TimeSpan took) => _analysisSeconds.Record(took.TotalSeconds);

    /// <summary>A verdict or a decision has been stored.</summary>
    public void Judged(PackageChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        foreach (var run in change.Runs)
        {
            // Deviations keep their rows when a run is judged again, so what is added is new.
            foreach (var deviation in run.Added) _deviations.Add(1, Tag("severity", Severities.Contains(deviation.Severity) ? deviation.Severity : "unknown"));
            if (run.IsInBaseline && !run.Before.IsInBaseline) _promoted.Add(1, Tag("trigger", run.BaselineBy == BaselineBy.Manual ? BaselineBy.Manual : BaselineBy.Auto));
        }
    }

    /// <summary>A job was handed to a poll.</summary>
    /// <param name="waited">How long it was in the queue.</param>
    /// <param name="polled">How long ago the poll came.</param>
    public void JobLeased(TimeSpan waited, TimeSpan polled)
    {
        _queueToLease.Record(Math.Max(0, waited.TotalSeconds));
        _pollToJob.Record(Math.Max(0, polled.TotalSeconds));
    }

    /// <summary>A request has been answered.</summary>
    /// <param name="route">Template of the route, never the path.</param>
    /// <param name="method">HTTP method, one of the known ones.</param>
    /// <param name="status">HTTP status.</param>
    /// <param name="took">How long it took.</param>
    public void RequestServed(string route, string method, int status, TimeSpan took) =>
        _requestSeconds.Record(took.TotalSeconds, Tag("route", route), Tag("method", method), Tag("status", status));

    /// <summary>There is a target of alerts. Its name is a label: operators choose those, nobody else.</summary>
    public void NotifierKnown(string notifier)
    {
        foreach (var status in AttemptStatus.All) _notifications.Add(0, Tag("notifier", notifier), Tag("status", status));
    }

    /// <summary>An attempt to deliver an alert has ended.</summary>
    /// <param name="notifier">The target.</param>
    /// <param name="status">A value of <see cref="AttemptStatus"/>.</param>
    public void Notified(string notifier, string status) => _notifications.Add(1, Tag("notifier", notifier), Tag("status", status));

    /// <summary>A poll of the registry has failed, or the list of watched packages could not be read.</summary>
    public void WatcherFailed() => _watcherErrors.Add(1);

    /// <summary>Retention has deleted rows.</summary>
    /// <param name="table">One of <see cref="RetentionTables"/>.</param>
    /// <param name="rows">How many.</param>
    public void RowsPruned(string table, long rows) => _pruned.Add(rows, Tag("table", table));

    /// <summary>One write of retention has ended.</summary>
    public void RetentionStep(TimeSpan took) => _retentionStep.Record(took.TotalSeconds);

    /// <summary>A pass of retention has ended.</summary>
    /// <param name="outcome"><c>completed</c>, <c>interrupted</c> or <c>failed</c>.</param>
    public void RetentionPass(string outcome) => _retentionPasses.Add(1, Tag("outcome", outcome));

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string name, object value) => new(name, value);

    private Histogram<double> Histogram(string name, string help, double[] buckets) =>
        Meter.CreateHistogram(name, null, help, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = buckets });
}

/// <summary>Carries the metrics into an actor system.</summary>
public sealed class MetricsSetup(FangsMetrics metrics) : Setup
{
    /// <summary>The metrics.</summary>
    public FangsMetrics Metrics => metrics;
}
