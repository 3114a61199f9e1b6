using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Fangs.Actors.Analysis;

namespace Fangs.Actors.Notifiers;

/// <summary>What may stand in the description of a target, wherever it comes from. Each rule answers with what is wrong, or null. Pure.</summary>
public static partial class NotifierRules
{
    /// <summary>Longest name, in characters.</summary>
    public const int MaxNameLength = 100;

    /// <summary>Longest address, in characters.</summary>
    public const int MaxUrlLength = 2048;

    // RFC 9110, section 5.6.2.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // They frame the message, name the host that was checked, or are ours to set.
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
        WebhookSigner.SignatureHeader, WebhookSigner.TimestampHeader, WebhookSigner.SignatureV2Header,
    };

    /// <summary>The name.</summary>
    public static string? CheckName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= MaxNameLength && !name.Any(char.IsControl) && name.Trim() == name
            ? null
            : $"expected 1 to {MaxNameLength} characters without control characters and without white space around";
    }

    /// <summary>The address: https, or http to this very host. What goes over the network in plain text could be read and changed.</summary>
    public static string? CheckUrl(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.Length > MaxUrlLength || !Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Host.Length == 0 || address.Scheme is not ("http" or "https"))
            return "expected an address such as https://hooks.example/in";
        if (address.UserInfo.Length > 0) return "must not hold a user and a password; use a header with ${VAR}";
        return address.Scheme == "https" || IsThisHost(address) ? null : "http is only for this host (127.0.0.1, localhost, [::1]); use https";
    }

    /// <summary>Whether an address names this host by one of the three names that are no matter of name look-ups.</summary>
    public static bool IsThisHost(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Host is "127.0.0.1" or "localhost" or "[::1]";
    }

    /// <summary>The template.</summary>
    public static string? CheckTemplate(string template) => NotifierTemplate.All.Contains(template) ? null : $"expected one of {string.Join(", ", NotifierTemplate.All)}";

    /// <summary>The name of the variable with the key.</summary>
    public static string? CheckSecretEnv(string name, string template)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (template != NotifierTemplate.Generic) return "only messages of the template generic are signed";
        return VariableName().IsMatch(name) ? null : "expected the name of an environment variable, not its value";
    }

    /// <summary>The least severity; both vocabularies are understood.</summary>
    public static string? CheckMinSeverity(string word) =>
        Severity.TryRank(word, out _) ? null : "expected one of info, low, warn, medium, high, crit, critical";

    /// <summary>An extra header.</summary>
    public static string? CheckHeader(string name, string? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenCharacters)) return $"'{name}' is not a header name";
        if (Reserved.Contains(name)) return $"'{name}' cannot be set";
        if (value is not null && value.Any(c => c > 0x7e)) return $"the value of '{name}' must be ASCII";
        return value is null || value.Any(char.IsControl) ? $"the value of '{name}' must be text without control characters" : null;
    }

    /// <summary>The form of a severity that is stored; null when the word is empty.</summary>
    public static string? StoredSeverity(string? word) => !Severity.TryRank(word, out var rank) ? null : rank switch
    {
        1 => Severity.Info,
        2 => Severity.Warn,
        3 => "high",
        _ => Severity.Crit,
    };

    /// <summary>Reads extra headers; null when the text is not a JSON object of texts.</summary>
    public static IReadOnlyDictionary<string, string>? ReadHeaders(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, NotifierHeadersJson.Wire.DictionaryStringString);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The form of extra headers that is stored; null when there are none.</summary>
    public static string? StoredHeaders(IReadOnlyDictionary<string, string> headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        return headers.Count == 0 ? null : JsonSerializer.Serialize(new Dictionary<string, string>(headers), NotifierHeadersJson.Wire.DictionaryStringString);
    }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex VariableName();
}

/// <summary>Source-generated JSON of the extra headers of a target, as they are stored.</summary>
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class NotifierHeadersJson : JsonSerializerContext
{
    /// <summary>The context to use: stored text is not escaped more than JSON asks for.</summary>
    internal static NotifierHeadersJson Wire => Holder.Instance;

    private static class Holder
    {
        internal static readonly NotifierHeadersJson Instance =
            new(new JsonSerializerOptions(Default.Options!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
