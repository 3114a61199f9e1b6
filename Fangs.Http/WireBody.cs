using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Fangs.Http;

/// <summary>A request that cannot be served as it stands. The message is for the caller.</summary>
public sealed class WireException : Exception
{
    /// <summary>Creates it with the status to answer.</summary>
    public WireException(int status, string message) : base(message) => Status = status;

    /// <summary>HTTP status.</summary>
    public int Status { get; }
}

/// <summary>Reads JSON bodies as the wire protocol wants them: one value, keys in any case, whatever follows ignored.</summary>
public static class WireBody
{
    /// <summary>Largest body of an endpoint that has no limit of its own.</summary>
    public const int DefaultLimit = 1024 * 1024;

    /// <summary>Reads the body and decodes its first JSON value.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">What to decode.</param>
    /// <param name="limit">Bytes read at most; a value that is longer is an error.</param>
    /// <param name="whenEmpty">Value of an empty body, or null when a body is required.</param>
    /// <exception cref="WireException">400: not JSON, a field of the wrong kind, or too long.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, int limit = DefaultLimit, T? whenEmpty = null) where T : class
    {
        ArgumentNullException.ThrowIfNull(context);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(limit, 16 * 1024));
        try
        {
            var length = 0;
            while (length < limit)
            {
                if (length == buffer.Length) buffer = Grow(buffer, limit);
                var read = await ReadSomeAsync(context, buffer.AsMemory(length, Math.Min(buffer.Length, limit) - length));
                if (read == 0) break;
                length += read;
            }

            if (length == 0 && whenEmpty is not null) return whenEmpty;
            return Decode(buffer.AsSpan(0, length), type, isCut: length == limit);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Decodes the first JSON value of some bytes.</summary>
    /// <exception cref="WireException">400, see <see cref="ReadAsync"/>.</exception>
    public static T Decode<T>(ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type, bool isCut) where T : class
    {
        // A byte order mark is no JSON, but editors and some clients put one.
        if (bytes.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowMultipleValues = true });
            return JsonSerializer.Deserialize(ref reader, type) ?? throw new WireException(StatusCodes.Status400BadRequest, "body: expected a JSON object, found null");
        }
        catch (JsonException e)
        {
            throw new WireException(StatusCodes.Status400BadRequest, Explain(e, bytes.Length, isCut));
        }
        catch (InvalidOperationException)
        {
            // Utf8JsonReader's way to say that a string is not valid UTF-8.
            throw new WireException(StatusCodes.Status400BadRequest, "body: a string is not valid UTF-8");
        }
    }

    private static async ValueTask<int> ReadSomeAsync(HttpContext context, Memory<byte> destination)
    {
        try
        {
            return await context.Request.Body.ReadAsync(destination, context.RequestAborted);
        }
        catch (BadHttpRequestException e)
        {
            throw new WireException(e.StatusCode, $"body: {e.Message}");
        }
    }

    private static byte[] Grow(byte[] buffer, int limit)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Min(buffer.Length * 4, limit));
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private static string Explain(JsonException e, int length, bool isCut)
    {
        if (length == 0) return "body: required, a JSON object";
        if (isCut) return $"body: longer than the {length} bytes that this endpoint reads";
        var field = e.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : null;
        var expected = Expected(e.Message);
        if (field is not null && expected is not null) return $"field \"{field}\": {expected}";
        if (field is null && expected is not null && e.Path == "$") return "body: expected a JSON object";
        var position = e.LineNumber is { } line && e.BytePositionInLine is { } column ? $" (line {line + 1}, byte {column + 1})" : "";
        return field is null ? $"body: not valid JSON{position}" : $"body: not valid JSON in or after field \"{field}\"{position}";
    }

    /// <summary>What a converter expected, in words; null when the text is no JSON at all.</summary>
    private static string? Expected(string message)
    {
        if (message.StartsWith("expected ", StringComparison.Ordinal)) return message.Split(" Path:", 2)[0].TrimEnd('.');
        if (!message.StartsWith("The JSON value could not be converted to ", StringComparison.Ordinal)) return null;
        var type = message["The JSON value could not be converted to ".Length..];
        if (type.StartsWith("System.Collections", StringComparison.Ordinal))
            return type.Contains("Dictionary", StringComparison.Ordinal) ? "expected an object" : "expected an array";
        return "expected an object";
    }
}
