using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>Base of converters for scalars in which <c>null</c> means "absent", that is the default value.</summary>
public abstract class AbsentAsDefaultConverter<T> : JsonConverter<T> where T : struct
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? default : ReadValue(ref reader);

    /// <summary>Reads a token that is not <c>null</c>.</summary>
    /// <exception cref="JsonException">The token is of another kind or out of range.</exception>
    protected abstract T ReadValue(ref Utf8JsonReader reader);
}

/// <summary>A boolean; <c>null</c> is false.</summary>
public sealed class WireBoolean : AbsentAsDefaultConverter<bool>
{
    /// <inheritdoc/>
    protected override bool ReadValue(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw new JsonException("expected true or false"),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, bool value, JsonSerializerOptions options) => writer.WriteBooleanValue(value);
}

/// <summary>A 32-bit integer; <c>null</c> is 0, a number in quotes is an error.</summary>
public sealed class WireInt32 : AbsentAsDefaultConverter<int>
{
    /// <inheritdoc/>
    protected override int ReadValue(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var value) ? value : throw new JsonException("expected an integer");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <summary>A signed 64-bit integer; <c>null</c> is 0.</summary>
public sealed class WireInt64 : AbsentAsDefaultConverter<long>
{
    /// <inheritdoc/>
    protected override long ReadValue(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value) ? value : throw new JsonException("expected an integer");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <summary>An unsigned 64-bit integer; <c>null</c> is 0.</summary>
public sealed class WireUInt64 : AbsentAsDefaultConverter<ulong>
{
    /// <inheritdoc/>
    protected override ulong ReadValue(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out var value)
        ? value
        : throw new JsonException("expected an integer that is not negative");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <summary>A string; <c>null</c> stays null, anything else is an error.</summary>
public sealed class WireString : JsonConverter<string>
{
    /// <inheritdoc/>
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString() : throw new JsonException("expected a string");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value);
    }

    /// <inheritdoc/>
    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString()!;

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WritePropertyName(value);
    }
}

/// <summary>An RFC 3339 instant with an offset; <c>null</c> is year 1, which the wire uses for "absent". Written in UTC with a trailing Z.</summary>
public sealed class WireInstant : AbsentAsDefaultConverter<DateTimeOffset>
{
    /// <inheritdoc/>
    protected override DateTimeOffset ReadValue(ref Utf8JsonReader reader)
    {
        const string Expected = "expected an RFC 3339 time with an offset, such as 2026-01-02T03:04:05Z";
        if (reader.TokenType != JsonTokenType.String) throw new JsonException(Expected);
        var text = reader.GetString()!;
        // A time without an offset would silently be taken for local time.
        var hasOffset = text.EndsWith('Z') || (text.Length > 6 && text[^6] is '+' or '-' && text[^3] == ':');
        return hasOffset && reader.TryGetDateTimeOffset(out var value) ? value : throw new JsonException(Expected);
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));
}
