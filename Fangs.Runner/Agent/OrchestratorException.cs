using System.Net;

namespace Fangs.Runner.Agent;

/// <summary>The orchestrator refused a call, failed at it, or did not answer.</summary>
public sealed class OrchestratorException : Exception
{
    /// <summary>Creates the exception for an answer.</summary>
    public OrchestratorException(HttpStatusCode status, string message) : base(message) => Status = status;

    /// <summary>Creates the exception for a call without a usable answer.</summary>
    public OrchestratorException(string message, Exception? inner = null) : base(message, inner) { }

    /// <summary>Status of the answer; null when there was none, or none in the protocol's words.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>True when the same call may succeed later: no answer, a server's fault, too many requests.</summary>
    public bool IsTransient => Status is null or >= HttpStatusCode.InternalServerError or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
}
