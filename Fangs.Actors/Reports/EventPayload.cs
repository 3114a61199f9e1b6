using System.Text.Json;
using Fangs.Protocol;

namespace Fangs.Actors.Reports;

/// <summary>Tolerant view of a stored payload: what is missing or of another kind reads as empty, because runners of all versions sent it.</summary>
public readonly struct EventPayload
{
    private const long WriteOnlyReadWriteCreateTruncate = 0x1 | 0x2 | 0x40 | 0x200;
    private readonly JsonElement _root;

    private EventPayload(JsonElement root) => _root = root;

    /// <summary>Parses payload text; text that is no object reads as an empty payload.</summary>
    public static EventPayload Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return new EventPayload(document.RootElement.Clone());
        }
        catch (JsonException)
        {
            return default;
        }
    }

    /// <summary>The whole payload as JSON; null where it is no JSON.</summary>
    public JsonElement Root => _root.ValueKind == JsonValueKind.Undefined ? JsonDocument.Parse("null").RootElement : _root;

    /// <summary>Name of the process.</summary>
    public string Comm => Text("CommStr");

    /// <summary>Process id; 0 when unknown.</summary>
    public long Pid => Number(Header("PID"));

    /// <summary>Nanoseconds since boot; 0 when unknown.</summary>
    public long KernelNs => Number(Header("TsNs"));

    /// <summary>Whether a credential-tagged path is concerned.</summary>
    public bool IsCredential => ((EventTags)Number(Header("Tags"))).HasFlag(EventTags.Credential);

    /// <summary>Who did it: npm, a lifecycle script, imported code; empty when unknown.</summary>
    public string Role => Text("Role");

    /// <summary>When it was done: install, import; empty when unknown.</summary>
    public string Phase => Text("Phase");

    /// <summary>File operation; <c>open</c> when the runner does not tell.</summary>
    public string Op => Text("Op") is { Length: > 0 } op ? op : "open";

    /// <summary>Error number of a failed call; 0 for success or unknown.</summary>
    public long Errno => Number(Member("Ret")) is < 0 and var ret ? -ret : 0;

    /// <summary>Whether a file was, or was to be, changed.</summary>
    public bool IsWrite => Op != "open" || (Number(Member("Flags")) & WriteOnlyReadWriteCreateTruncate) != 0;

    /// <summary>A text member; empty when absent.</summary>
    public string Text(string name)
    {
        if (Member(name) is not { ValueKind: JsonValueKind.String } value) return "";
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return "\ufffd"; // an escaped half of a surrogate pair is valid JSON but no text
        }
    }

    /// <summary>A member that is a list of texts; empty when absent.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (Member(name) is not { ValueKind: JsonValueKind.Array } list) return [];
        var texts = new List<string>();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String) continue;
            try
            {
                texts.Add(item.GetString()!);
            }
            catch (InvalidOperationException)
            {
                texts.Add("\ufffd");
            }
        }

        return texts;
    }

    /// <summary>A whole-number member; 0 when absent.</summary>
    public long Whole(string name) => Number(Member(name));

    private JsonElement Member(string name) => JsonMember.Find(_root, name);

    private JsonElement Header(string name) => JsonMember.Find(Member("Header"), name);

    private static long Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : 0;
}
