using System.Data.Common;
using Akka.Actor;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Http.Dashboard.Operators;
using Fangs.Http.Dashboard.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Dashboard;

/// <summary>Serves pages: HTML for people, JSON for programs, and what is wrong as a page too.</summary>
public sealed partial class DashboardPages(
    DashboardSettings settings, EdgeSettings edge, DashboardDatabase database, PageRenderer renderer, OperatorDesk desk, Func<HttpContext, bool> isServed,
    TimeProvider clock, ILogger log)
{
    /// <summary>No page needs anything but its own style sheet and script, and none may be framed.</summary>
    public const string ContentPolicy =
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

    private readonly Cached<long> _pending = new(TimeSpan.FromSeconds(1), clock);

    /// <summary>Number of runs that wait for a person.</summary>
    public Task<long> PendingAsync() => _pending.GetAsync(() => database.ReadAsync(OverviewQueries.Pending, CancellationToken.None));

    /// <summary>Adds a page and its JSON form, which has the same path with the ending <c>.json</c>.</summary>
    /// <param name="routes">Where.</param>
    /// <param name="pattern">Its path.</param>
    /// <param name="handler">Makes it.</param>
    /// <param name="json">The path of its JSON form, where that cannot be told from the page's own.</param>
    /// <param name="otherwise">What is served to those who do not get pages; null for nothing.</param>
    public void Map(IEndpointRouteBuilder routes, string pattern, Func<PageRequest, Task<PageAnswer>> handler, string? json = null, RequestDelegate? otherwise = null)
    {
        routes.MapMethods(pattern, [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => otherwise is null || isServed(context) ? ServeAsync(context, handler, WantsJson(context)) : otherwise(context)));
        if (json != "") routes.MapMethods(json ?? pattern + ".json", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => ServeAsync(context, handler, wantsJson: true)));
    }

    /// <summary>Whether a client prefers JSON over a page.</summary>
    public static bool WantsJson(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var accept = context.Request.Headers.Accept.ToString();
        return accept.Contains("application/json", StringComparison.OrdinalIgnoreCase) && !accept.Contains("text/html", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Serves a request.</summary>
    public async Task ServeAsync(HttpContext context, Func<PageRequest, Task<PageAnswer>> handler, bool wantsJson)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(handler);
        if (!isServed(context))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound; // as if there were no such endpoint
            return;
        }

        Secure(context);
        if (settings.MustSignInToRead && desk.Find(context) is null)
        {
            if (wantsJson) await WireAnswer.ErrorAsync(context, StatusCodes.Status401Unauthorized, "sign in at /ui/sign-in first");
            else context.Response.Redirect(Links.Query("/ui/sign-in", ("to", UrlOf(context))));
            return;
        }

        try
        {
            var answer = await handler(new PageRequest(context, database, clock));
            if ((wantsJson || answer.IsJson) && answer.Json is { } json) await WriteJsonAsync(context, answer, json());
            else await WriteAsync(context, answer, await FrameAsync(context));
        }
        catch (PageException fault)
        {
            await FaultAsync(context, fault, wantsJson);
        }
        catch (Exception e) when (e is DbException or StorageException or StorageReadException or AskTimeoutException && !context.RequestAborted.IsCancellationRequested)
        {
            StoreFailed(log, e, context.Request.Path);
            await FaultAsync(context, new PageException(StatusCodes.Status503ServiceUnavailable, "The database does not answer",
                $"What this page shows could not be read: {e.Message}. Nothing is lost by that; try again in a moment, and look at the log of the orchestrator if it stays."), wantsJson);
        }
    }

    /// <summary>Writes a page.</summary>
    public async Task WriteAsync(HttpContext context, PageAnswer answer, PageFrame frame)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(answer);
        var html = await RenderAsync(answer.Component, answer.Model, frame);
        Secure(context);
        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = html.Length;
        await context.Response.Body.WriteAsync(html, context.RequestAborted);
    }

    /// <summary>HTML of a component that takes a model.</summary>
    public Task<byte[]> RenderAsync(Type component, object model, PageFrame frame) => renderer.RenderAsync(
        typeof(Root), new Dictionary<string, object?> { [nameof(Root.Frame)] = frame, [nameof(Root.Component)] = component, [nameof(Root.Model)] = model });

    /// <summary>Writes what is wrong, as a page or as the envelope of errors.</summary>
    public async Task FaultAsync(HttpContext context, PageException fault, bool wantsJson)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(fault);
        if (wantsJson) await WireAnswer.ErrorAsync(context, fault.Status, $"{fault.Title}: {fault.Message}");
        else await WriteAsync(context, PageAnswer.Of<FaultPage, PageException>(fault) with { Status = fault.Status }, await FrameAsync(context));
    }

    /// <summary>What every page knows.</summary>
    public async Task<PageFrame> FrameAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var who = desk.Find(context);
        return new PageFrame(
            UrlOf(context), clock.GetUtcNow(), edge.Version, edge.OrchestratorId, who, desk.CanSignIn, settings.MustSignInToRead && who is null ? null : await PendingOrNullAsync(), who is null ? null : desk.TakeNotice(who));
    }

    /// <summary>The frame of a part that is sent to whoever has a page open.</summary>
    public PageFrame FragmentFrame() => new("", clock.GetUtcNow(), edge.Version, edge.OrchestratorId, null, false, null, null);

    private async Task<long?> PendingOrNullAsync()
    {
        try
        {
            return await PendingAsync();
        }
        catch (Exception e) when (e is DbException or StorageReadException)
        {
            return null; // the page says itself what is wrong
        }
    }

    private static string UrlOf(HttpContext context) => context.Request.Path.ToUriComponent() + context.Request.QueryString.ToUriComponent();

    /// <summary>Sets the headers that every answer has.</summary>
    internal static void Secure(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XFrameOptions = "DENY";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        headers.Vary = "Accept, Cookie";
    }

    private static async Task WriteJsonAsync(HttpContext context, PageAnswer answer, byte[] json)
    {
        string[] links = [.. Relation(answer.Next, "next"), .. Relation(answer.Previous, "prev")];
        if (links.Length > 0) context.Response.Headers.Link = string.Join(", ", links);
        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        await context.Response.Body.WriteAsync(json, context.RequestAborted);
    }

    private static IEnumerable<string> Relation(string? url, string name)
    {
        if (url is null) yield break;
        var query = url.IndexOf('?', StringComparison.Ordinal);
        yield return $"<{url[..query]}.json{url[query..]}>; rel=\"{name}\"";
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path}: what the page shows could not be read")]
    private static partial void StoreFailed(ILogger logger, Exception cause, string path);
}
