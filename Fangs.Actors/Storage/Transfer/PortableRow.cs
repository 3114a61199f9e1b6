using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fangs.Actors.Storage.Transfer;

/// <summary>
/// A row as one line of JSON, the same for the same row of either database: truth values are 0 and 1, instants have microseconds, bytes are an
/// array with their base64.
/// </summary>
internal static class PortableRow
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Writes the row at which a reader stands, with a line break.</summary>
    /// <exception cref="StorageException">A value cannot be carried over.</exception>
    internal static void Write(ArrayBufferWriter<byte> line, PortableTable table, StoreRow row)
    {
        line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(line, Options))
        {
            json.WriteStartArray();
            for (var i = 0; i < table.Columns.Count; i++) WriteValue(json, table, table.Columns[i], row, i);
            json.WriteEndArray();
        }

        line.Write("\n"u8);
    }

    /// <summary>Reads the values of a line: null, <see cref="long"/>, <see cref="string"/> or bytes.</summary>
    /// <exception cref="StorageException">The line is no row of the table.</exception>
    internal static object?[] Read(ReadOnlyMemory<byte> line, PortableTable table)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var values = document.RootElement.EnumerateArray().Select(object? (value) => value.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.Number => value.GetInt64(),
                JsonValueKind.Array => value[0].GetBytesFromBase64(),
                _ => value.GetString(),
            }).ToArray();
            if (values.Length == table.Columns.Count) return values;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new StorageException($"a row of {table.Name} is malformed: {e.Message}", e);
        }

        throw new StorageException($"a row of {table.Name} has another number of values than the table has columns");
    }

    private static void WriteValue(Utf8JsonWriter json, PortableTable table, string column, StoreRow row, int i)
    {
        switch (row.IsDBNull(i) ? null : row.GetValue(i))
        {
            case null:
                json.WriteNullValue();
                break;
            case bool truth:
                json.WriteNumberValue(truth ? 1 : 0);
                break;
            case long or int or short:
                json.WriteNumberValue(row.GetInt64(i));
                break;
            case DateTime:
                json.WriteStringValue(row.GetString(i));
                break;
            case byte[] bytes when PortableTable.Journal.Contains(table.Name):
                json.WriteStartArray();
                json.WriteBase64StringValue(bytes);
                json.WriteEndArray();
                break;
            case byte[] bytes: // a text that was stored as bytes
                json.WriteStringValue(Clean(Encoding.UTF8.GetString(bytes)));
                break;
            case string text when PortableTable.HoldsTime(column):
                json.WriteStringValue(Time(table, column, text));
                break;
            case string text:
                json.WriteStringValue(Clean(text));
                break;
            case var other:
                throw new StorageException($"{table.Name}.{column} holds a {other.GetType().Name}, which no column of ours does");
        }
    }

    private static string Time(PortableTable table, string column, string text)
    {
        try
        {
            return StorageText.Time(StorageText.ParseTime(text));
        }
        catch (FormatException)
        {
            throw new StorageException($"{table.Name}.{column} holds '{text}', which is no time: 'fangs db check' lists such values");
        }
    }

    // PostgreSQL stores no U+0000.
    private static string Clean(string text) => text.Replace('\0', '\u2400');
}
