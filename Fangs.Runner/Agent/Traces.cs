using System.Diagnostics;
using Fangs.Protocol;

namespace Fangs.Runner.Agent;

/// <summary>Spans of the runner. Without a listener none is made.</summary>
internal static class Traces
{
    private static readonly ActivitySource Source = new(TraceContext.RunnerSource);

    /// <summary>The <c>traceparent</c> of the span in progress; null when there is none of ours.</summary>
    public static string? Current => Activity.Current is { } span && ReferenceEquals(span.Source, Source) ? span.Id : null;

    /// <summary>Begins the span of a job, in the trace of the request that queued it. Requests made meanwhile carry it to the orchestrator.</summary>
    public static Activity? Job(Job job, RunnerId runner)
    {
        if (!Source.HasListeners()) return null;
        _ = TraceContext.TryParse(job.TraceParent, out var parent);
        Activity.Current = null;
        return Source.StartActivity("job", ActivityKind.Consumer, parent)?
            .SetTag(TraceContext.RunAttribute, job.RunId.ToString())
            .SetTag(TraceContext.RunnerAttribute, runner.Value);
    }

    /// <summary>Begins a step of the job in progress.</summary>
    public static Activity? Step(string name) => Activity.Current is { } job && ReferenceEquals(job.Source, Source) ? Source.StartActivity(name) : null;

    /// <summary>Begins a step that is ended elsewhere: it does not become the parent of what follows here.</summary>
    public static Activity? Open(string name)
    {
        var current = Activity.Current;
        var step = Step(name);
        Activity.Current = current;
        return step;
    }
}
