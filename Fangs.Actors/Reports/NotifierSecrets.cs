using System.Text.Json;
using System.Text.RegularExpressions;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

/// <summary>Hides what gives whoever reads it the power to post: the path of a webhook, and the values of headers.</summary>
public static partial class NotifierSecrets
{
    private const string Hidden = "…";

    /// <summary>A target without its secrets.</summary>
    public static NotifierRow Masked(NotifierRow target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target with { Url = Address(target.Url), Headers = target.Headers is null ? null : Headers(target.Headers) };
    }

    /// <summary>Scheme and host of an address; what follows is hidden. What is no address is hidden as a whole.</summary>
    public static string Address(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Host.Length == 0) return Hidden;
        var port = address.IsDefaultPort ? "" : $":{address.Port}";
        return $"{address.Scheme}://{address.Host}{port}/{(address.PathAndQuery.Length > 1 || address.UserInfo.Length > 0 ? Hidden : "")}";
    }

    // References to variables are no secrets.
    private static string Headers(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return Hidden;
            // The original stored what it was given, also a header twice: the last one is the one that is sent.
            var masked = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var header in document.RootElement.EnumerateObject())
                masked[header.Name] = header.Value.ValueKind == JsonValueKind.String && Reference().IsMatch(header.Value.GetString()!) ? header.Value.GetString()! : Hidden;
            return NotifierRules.StoredHeaders(masked) ?? "{}";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Hidden;
        }
    }

    [GeneratedRegex(@"^(?:[A-Za-z]+ )?\$\{[A-Za-z_][A-Za-z0-9_]*\}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Reference();
}
