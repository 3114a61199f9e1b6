using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fangs.Http;

/// <summary>A second listener, without TLS, on which only the health and the readiness of the orchestrator can be asked for.</summary>
internal static class HealthListener
{
    private const string HealthPath = "/v1/health", ReadyPath = "/v1/ready";

    private sealed class HealthOnly;

    /// <summary>Marks the connections of a listener.</summary>
    public static void ServeHealthOnly(this ListenOptions listen) => listen.Use(next => connection =>
    {
        connection.Features.Set(new HealthOnly());
        return next(connection);
    });

    /// <summary>Whether a request came in on such a listener.</summary>
    public static bool Serves(HttpContext context) => context.Features.Get<HealthOnly>() is not null;

    /// <summary>Hides everything else from marked connections, ahead of everything that could answer.</summary>
    public static void UseHealthListener(this IApplicationBuilder app) => app.Use((context, next) =>
        !Serves(context) || context.Request.Path.Equals(HealthPath, StringComparison.Ordinal) || context.Request.Path.Equals(ReadyPath, StringComparison.Ordinal)
            ? next(context)
            : throw new WireException(StatusCodes.Status404NotFound, $"only {HealthPath} and {ReadyPath} are served on this address"));
}
