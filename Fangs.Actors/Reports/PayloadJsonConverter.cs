using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Actors.Reports;

/// <summary>
/// Writes a stored payload anew, so that the output's encoder and indentation apply. Text that is valid JSON but no valid text
/// (an escaped half of a surrogate pair) becomes U+FFFD instead of an exception: payloads come from the code under test.
/// </summary>
public sealed class PayloadJsonConverter : JsonConverter<JsonElement>
{
    /// <inheritdoc/>
    public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => JsonElement.ParseValue(ref reader);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in value.EnumerateObject())
                {
                    writer.WritePropertyName(Text(() => member.Name));
                    Write(writer, member.Value, options);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray()) Write(writer, item, options);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(Text(() => value.GetString()!));
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    private static string Text(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return "\ufffd";
        }
    }
}
