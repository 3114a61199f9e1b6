using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fangs.Http.Dashboard;

/// <summary>A listener of its own for the pages, on which nothing else is served. Browsers need no client certificate there.</summary>
internal static class UiListener
{
    private sealed class UiOnly;

    /// <summary>Marks the connections of a listener.</summary>
    public static void ServeUiOnly(this ListenOptions listen) => listen.Use(next => connection =>
    {
        connection.Features.Set(new UiOnly());
        return next(connection);
    });

    /// <summary>Whether a request came in on such a listener.</summary>
    public static bool Serves(HttpContext context) => context.Features.Get<UiOnly>() is not null;

    /// <summary>Hides everything else from marked connections, ahead of everything that could answer.</summary>
    public static void UseUiListener(this IApplicationBuilder app) => app.Use((context, next) =>
        !Serves(context) || IsUi(context.Request.Path) ? next(context) : throw new WireException(StatusCodes.Status404NotFound, "only the pages under /ui are served on this address"));

    private static bool IsUi(PathString path) => path == "/" || path.StartsWithSegments("/ui", StringComparison.Ordinal) || path.StartsWithSegments("/static", StringComparison.Ordinal);
}
