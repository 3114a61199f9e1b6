using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>A duration as the wire carries it: a signed 64-bit count of nanoseconds. <c>null</c> is read as zero.</summary>
/// <param name="Value">Nanoseconds.</param>
[JsonConverter(typeof(NanosecondsJsonConverter))]
public readonly record struct Nanoseconds(long Value)
{
    /// <summary>Converts a time span, whose unit is 100 ns.</summary>
    /// <exception cref="OverflowException">The span is longer than about 292 years.</exception>
    public static Nanoseconds From(TimeSpan span) => new(checked(span.Ticks * 100));

    /// <summary>The duration as a time span, cut to its unit of 100 ns.</summary>
    public TimeSpan ToTimeSpan() => TimeSpan.FromTicks(Value / 100);
}

/// <summary>Reads and writes <see cref="Nanoseconds"/> as an integer.</summary>
public sealed class NanosecondsJsonConverter : JsonConverter<Nanoseconds>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override Nanoseconds Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null) return default;
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value)
            ? new Nanoseconds(value)
            : throw new JsonException("expected a duration in whole nanoseconds");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Nanoseconds value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteNumberValue(value.Value);
    }
}
