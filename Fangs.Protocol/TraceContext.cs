using System.Diagnostics;

namespace Fangs.Protocol;

/// <summary>Names of the traces' sources, and how a trace travels with a job.</summary>
/// <remarks>See <see href="https://www.w3.org/TR/trace-context/"/> for the form of <c>traceparent</c>.</remarks>
public static class TraceContext
{
    /// <summary>Source of the orchestrator's spans.</summary>
    public const string OrchestratorSource = "Fangs.Orchestrator";

    /// <summary>Source of the runner's spans.</summary>
    public const string RunnerSource = "Fangs.Runner";

    /// <summary>Attribute of a span: the run.</summary>
    public const string RunAttribute = "fangs.run_id";

    /// <summary>Attribute of a span: the runner.</summary>
    public const string RunnerAttribute = "fangs.runner_id";

    /// <summary>Reads a <c>traceparent</c>; false for none and for anything that is not one.</summary>
    public static bool TryParse(string? traceParent, out ActivityContext context)
    {
        context = default;
        return traceParent is { Length: 55 } && ActivityContext.TryParse(traceParent, null, isRemote: true, out context);
    }
}
