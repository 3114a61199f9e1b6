using Fangs.Protocol;
using Microsoft.AspNetCore.Http;

namespace Fangs.Http;

/// <summary>Ids in paths.</summary>
internal static class RouteIds
{
    /// <summary>The <c>{id}</c> of a runner route.</summary>
    /// <exception cref="WireException">400: no valid id.</exception>
    internal static RunnerId Runner(HttpContext context)
    {
        // The router decodes everything but an encoded slash.
        var text = ((string?)context.Request.RouteValues["id"])?.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return RunnerId.TryParse(text, out var id)
            ? id
            : throw new WireException(StatusCodes.Status400BadRequest, $"path: the runner id must have 1 to {RunnerId.MaxLength} characters, no control characters, and not be \"*\"");
    }

    /// <summary>The <c>{run_id}</c> of a run route.</summary>
    /// <exception cref="WireException">400: no valid id.</exception>
    internal static RunId Run(HttpContext context) => RunId.TryParse((string?)context.Request.RouteValues["run_id"], out var id)
        ? id
        : throw new WireException(StatusCodes.Status400BadRequest, "path: run_id must be 32 lower-case hex digits");
}
