using System.Buffers;
using System.Text.Json;
using Fangs.Actors.Analysis;

namespace Fangs.Actors.Notifiers;

/// <summary>Bodies of messages in the forms of their receivers, UTF-8 JSON in ASCII. Pure.</summary>
public static class WebhookPayload
{
    /// <summary>Sender as receivers know it.</summary>
    public const string Source = "fangs-orchestrator";

    /// <summary>Findings that a chat message lists; of the others it tells the number.</summary>
    public const int MaxListed = 12;

    /// <summary>Longest header block of Slack.</summary>
    public const int SlackHeaderLimit = 150;

    /// <summary>Longest section of Slack.</summary>
    public const int SlackSectionLimit = 3000;

    /// <summary>Longest title of an embed of Discord.</summary>
    public const int DiscordTitleLimit = 256;

    private const string Siren = "\U0001F6A8";
    private const string TestMessage = "This is a test of FANGS. Alerts of this orchestrator will look for you here.";
    private const int TestColour = 0x6DA3D8;

    /// <summary>The body of an alert; null when the template is unknown.</summary>
    public static byte[]? Of(string template, Alert alert)
    {
        ArgumentNullException.ThrowIfNull(alert);
        return template switch
        {
            NotifierTemplate.Generic => Write(json => Generic(json, alert)),
            NotifierTemplate.Slack => Write(json => Slack(json, alert)),
            NotifierTemplate.Discord => Write(json => Discord(json, alert)),
            _ => null,
        };
    }

    /// <summary>The body of a trial message; null when the template is unknown.</summary>
    public static byte[]? Test(string template) => template switch
    {
        NotifierTemplate.Generic => Write(json =>
        {
            json.WriteString("source", Source);
            json.WriteString("schema_version", "v1");
            json.WriteBoolean("test", true);
            json.WriteString("message", TestMessage);
        }),
        NotifierTemplate.Slack => Write(json => json.WriteString("text", TestMessage)),
        NotifierTemplate.Discord => Write(json => Embed(json, "FANGS", TestMessage, TestColour, () => { })),
        _ => null,
    };

    private static void Generic(Utf8JsonWriter json, Alert alert)
    {
        json.WriteString("source", Source);
        json.WriteString("schema_version", "v1");
        json.WriteString("run_id", alert.Run.ToString());
        json.WriteString("package_name", alert.Package);
        json.WriteString("version", alert.Version);
        json.WriteString("state", alert.State);
        json.WriteBoolean("is_baseline", alert.IsBaseline);
        json.WriteString("max_severity", alert.MaxSeverity);
        json.WriteStartArray("deviations");
        foreach (var deviation in alert.Deviations)
        {
            json.WriteStartObject();
            json.WriteString("id", deviation.Id);
            json.WriteString("category", deviation.Category);
            json.WriteString("value", deviation.Value);
            json.WriteString("severity", deviation.Severity);
            json.WriteNumber("evidence_event_id", deviation.EvidenceEventId);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("deviation_count", alert.Deviations.Count);
    }

    private static void Slack(Utf8JsonWriter json, Alert alert)
    {
        var (start, end) = ($"{Siren} ", $": {alert.Count}, highest severity {Word(alert.MaxSeverity)}");
        var text = start + ChatText.Slack(alert.Label, SlackHeaderLimit - start.Length - end.Length) + end;
        json.WriteString("text", text);
        json.WriteStartArray("blocks");
        json.WriteStartObject();
        json.WriteString("type", "header");
        json.WriteStartObject("text");
        json.WriteString("type", "plain_text");
        json.WriteString("text", text);
        json.WriteBoolean("emoji", true);
        json.WriteEndObject();
        json.WriteEndObject();
        Section(json, $"*Run* `{alert.ShortRun}`  *Package* {ChatText.SlackCode(alert.Package, 214)}  *Version* {ChatText.SlackCode(alert.Version, 256)}");
        Section(json, SlackList(alert));
        json.WriteEndArray();
    }

    private static void Section(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", "section");
        json.WriteStartObject("text");
        json.WriteString("type", "mrkdwn");
        json.WriteString("text", text);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // Lines are left out whole: a cut one could leave a code span open.
    private static string SlackList(Alert alert)
    {
        const int RoomForRest = 40;
        var lines = new List<string>();
        var length = 0;
        foreach (var deviation in alert.Deviations.Take(MaxListed))
        {
            var line = $"• *{Word(deviation.Severity)}* {ChatText.SlackCode(deviation.Value, 80)} {Word(deviation.Category)}";
            if (length + line.Length + 1 > SlackSectionLimit - RoomForRest) break;
            lines.Add(line);
            length += line.Length + 1;
        }

        if (lines.Count < alert.Deviations.Count) lines.Add($"…and {alert.Deviations.Count - lines.Count} more");
        return string.Join('\n', lines);
    }

    private static void Discord(Utf8JsonWriter json, Alert alert) => Embed(
        json, ChatText.Discord(alert.Label, DiscordTitleLimit), $"{alert.Count}, highest severity {Word(alert.MaxSeverity)}, run `{alert.ShortRun}`", Colour(alert.MaxSeverity), () =>
        {
            json.WriteStartArray("fields");
            foreach (var deviation in alert.Deviations.Take(MaxListed))
                Field(json, $"{Word(deviation.Severity)} · {Word(deviation.Category)}", ChatText.DiscordCode(deviation.Value, 100));
            if (alert.Deviations.Count > MaxListed) Field(json, "more", $"…and {alert.Deviations.Count - MaxListed} more");
            json.WriteEndArray();
        });

    private static void Embed(Utf8JsonWriter json, string title, string description, int colour, Action fields)
    {
        json.WriteString("username", "FANGS");
        json.WriteStartArray("embeds");
        json.WriteStartObject();
        json.WriteString("title", title);
        json.WriteString("description", description);
        json.WriteNumber("color", colour);
        fields();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartObject("allowed_mentions");
        json.WriteStartArray("parse");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Field(Utf8JsonWriter json, string name, string value)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("value", value);
        json.WriteBoolean("inline", false);
        json.WriteEndObject();
    }

    private static string Word(string text) => ChatText.Word(text, 40);

    private static int Colour(string severity) => !Severity.TryRank(severity, out var rank) ? 0x808080 : rank switch
    {
        1 => 0x6DA3D8,
        4 => 0xE3635D,
        _ => 0xD3A851,
    };

    private static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) // the default encoder: ASCII, and nothing that HTML would interpret
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
