using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Fangs.Protocol;
using Microsoft.AspNetCore.Http;

namespace Fangs.Http;

/// <summary>Writes answers: a JSON object with its length, or the error envelope.</summary>
public static class WireAnswer
{
    /// <summary>Writes a JSON body.</summary>
    public static async Task WriteAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(context);
        var body = JsonSerializer.SerializeToUtf8Bytes(value, type);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    /// <summary>Writes the error envelope.</summary>
    /// <param name="context">The request.</param>
    /// <param name="status">A status that is no success.</param>
    /// <param name="error">What is wrong, which field, what to do.</param>
    public static Task ErrorAsync(HttpContext context, int status, string error) =>
        WriteAsync(context, status, new ErrorResponse(error), ProtocolJson.Wire.ErrorResponse);
}
