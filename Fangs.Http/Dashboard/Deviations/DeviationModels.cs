using System.Text.Json;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard.Deviations;

/// <summary>The list of deviations.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Package">Only of this package; empty for all.</param>
/// <param name="SeverityWord">Only of this severity; empty for all.</param>
/// <param name="Status">Only in this status; empty for all.</param>
/// <param name="Category">Only of this category; empty for all.</param>
/// <param name="Run">Only of this run; empty for all.</param>
/// <param name="Previous">The page before; null when there is none.</param>
/// <param name="Next">The next page; null when there is none.</param>
public sealed record DeviationsModel(
    IReadOnlyList<FoundDeviationRow> Rows, string Package, string SeverityWord, string Status, string Category, string Run, string? Previous, string? Next);

/// <summary>One deviation with its evidence.</summary>
/// <param name="Deviation">The deviation.</param>
/// <param name="Run">Its run; null when it is gone.</param>
/// <param name="Evidence">The event that shows it; null when it is not stored any more.</param>
/// <param name="Decisions">What operators have decided about it.</param>
public sealed record DeviationModel(DeviationRow Deviation, RunRow? Run, EventRow? Evidence, IReadOnlyList<AuditRow> Decisions);

/// <summary>One event.</summary>
/// <param name="Event">The event.</param>
/// <param name="RunId">Its run.</param>
/// <param name="Payload">Its payload, indented, without raw bytes.</param>
public sealed record EventModel(EventRow Event, string RunId, string Payload)
{
    /// <summary>What it says, in words.</summary>
    public EventPayload Facts => EventPayload.Parse(Event.Data);
}

/// <summary>The runs that wait for a person.</summary>
/// <param name="Rows">They, worst first.</param>
/// <param name="Package">Only of this package; empty for all.</param>
/// <param name="MinSeverity">Only with a deviation at least as bad; empty for all.</param>
/// <param name="Previous">The page before; null when there is none.</param>
/// <param name="Next">The next page; null when there is none.</param>
/// <param name="IsFirst">Whether it is the whole queue's first page.</param>
public sealed record PendingModel(IReadOnlyList<PendingRow> Rows, string Package, string MinSeverity, string? Previous, string? Next, bool IsFirst);

/// <summary>Makes payloads readable.</summary>
public static class PayloadText
{
    private const int MaxLength = 60_000;

    /// <summary>A payload as indented JSON: the run's id in hex, other raw bytes as their number.</summary>
    public static string Of(EventRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = TerminalText.Json })) Write(json, EventPayload.Parse(row.Data).Root);
        var text = System.Text.Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
        return text.Length <= MaxLength ? text : string.Concat(text.AsSpan(0, MaxLength), "\n… the JSON form of this page has the rest");
    }

    private static void Write(Utf8JsonWriter json, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var member in value.EnumerateObject())
                {
                    json.WritePropertyName(member.Name);
                    Write(json, member.Value);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array when BytesOf(value) is { Length: >= 16 } bytes:
                json.WriteStringValue(bytes.Length == 16 ? Convert.ToHexStringLower(bytes) : $"({bytes.Length} bytes)");
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray()) Write(json, item);
                json.WriteEndArray();
                break;
            default:
                new PayloadJsonConverter().Write(json, value, JsonSerializerOptions.Default);
                break;
        }
    }

    private static byte[]? BytesOf(JsonElement array)
    {
        var bytes = new byte[array.GetArrayLength()];
        var i = 0;
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetByte(out bytes[i++])) return null;
        }

        return bytes;
    }
}
