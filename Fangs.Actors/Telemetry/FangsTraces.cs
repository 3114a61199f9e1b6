using System.Diagnostics;
using Fangs.Protocol;

namespace Fangs.Actors.Telemetry;

/// <summary>Spans of the orchestrator. Without a listener none is made.</summary>
public static class FangsTraces
{
    /// <summary>Their source.</summary>
    public static ActivitySource Source { get; } = new(TraceContext.OrchestratorSource);

    /// <summary>The <c>traceparent</c> of the span in progress; null when there is none of ours.</summary>
    public static string? Current => Activity.Current is { } span && ReferenceEquals(span.Source, Source) ? span.Id : null;

    /// <summary>Records something that has ended. Actors do not keep spans open: what waits for days, or for a restart, would lose them.</summary>
    /// <param name="name">What it was.</param>
    /// <param name="traceParent">The trace that it belongs to; without one nothing is recorded.</param>
    /// <param name="from">When it began.</param>
    /// <param name="to">When it ended.</param>
    /// <param name="run">The run.</param>
    /// <param name="error">Why it failed; empty when it did not.</param>
    public static void Record(string name, string? traceParent, DateTimeOffset from, DateTimeOffset to, RunId run, string error = "")
    {
        if (!Source.HasListeners() || !TraceContext.TryParse(traceParent, out var parent)) return;
        using var span = Source.StartActivity(name, ActivityKind.Internal, parent, [new(TraceContext.RunAttribute, run.ToString())], null, from);
        if (!string.IsNullOrEmpty(error)) span?.SetStatus(ActivityStatusCode.Error, error);
        span?.SetEndTime(to.UtcDateTime);
    }
}
