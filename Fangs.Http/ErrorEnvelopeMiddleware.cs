using Akka.Actor;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Http;

/// <summary>The one table from domain errors to HTTP statuses, and the envelope for what no endpoint answers (404, 405).</summary>
public sealed partial class ErrorEnvelopeMiddleware(RequestDelegate next, ILogger<ErrorEnvelopeMiddleware> log)
{
    /// <summary>Runs the rest of the pipeline and translates what comes back.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            await next(context);
        }
        catch (WireException e)
        {
            await TryErrorAsync(context, e.Status, e.Message);
            return;
        }
        catch (BadHttpRequestException e)
        {
            await TryErrorAsync(context, e.StatusCode, e.Message);
            return;
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested && e is OperationCanceledException or IOException or ConnectionResetException)
        {
            return; // nobody is there to be answered
        }
        catch (StorageException e)
        {
            using var scope = log.BeginScope(IdsOf(context));
            StoreFailed(log, e, context.Request.Path);
            await TryErrorAsync(context, StatusCodes.Status500InternalServerError, e.Message);
            return;
        }
        catch (AskTimeoutException e)
        {
            using var scope = log.BeginScope(IdsOf(context));
            AskTimedOut(log, e, context.Request.Path);
            await TryErrorAsync(context, StatusCodes.Status500InternalServerError, "the orchestrator is too busy or its store does not answer; try again");
            return;
        }
        catch (Exception e)
        {
            using var scope = log.BeginScope(IdsOf(context));
            Unexpected(log, e, context.Request.Path);
            await TryErrorAsync(context, StatusCodes.Status500InternalServerError, "internal error; the orchestrator's log has the details");
            return;
        }

        if (context.Response.HasStarted || context.Response.StatusCode < 400 || context.Response.ContentLength is > 0) return;
        var error = context.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => $"no such endpoint: {context.Request.Path}",
            StatusCodes.Status405MethodNotAllowed => $"method {context.Request.Method} is not allowed here; allowed: {context.Response.Headers.Allow}",
            var status => $"status {status}",
        };
        await WireAnswer.ErrorAsync(context, context.Response.StatusCode, error);
    }

    // Read from the route, and only when they are ids: a path may say anything.
    private static List<KeyValuePair<string, object?>> IdsOf(HttpContext context)
    {
        var ids = new List<KeyValuePair<string, object?>>(2);
        if (RunId.TryParse(context.Request.RouteValues["run_id"] as string, out var run)) ids.Add(new("RunId", run.ToString()));
        if (RunnerId.TryParse(context.Request.RouteValues["id"] as string, out var runner)) ids.Add(new("RunnerId", runner.Value));
        return ids;
    }

    private static async Task TryErrorAsync(HttpContext context, int status, string error)
    {
        if (context.Response.HasStarted)
        {
            context.Abort(); // half an answer is out; a broken connection is the only honest end
            return;
        }

        context.Response.Clear();
        await WireAnswer.ErrorAsync(context, status, error);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path}: the store failed")]
    private static partial void StoreFailed(ILogger logger, Exception cause, string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path}: an actor did not answer in time")]
    private static partial void AskTimedOut(ILogger logger, Exception cause, string path);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path}: unexpected")]
    private static partial void Unexpected(ILogger logger, Exception cause, string path);
}
