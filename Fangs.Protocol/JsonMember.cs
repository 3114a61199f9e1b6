using System.Text.Json;

namespace Fangs.Protocol;

/// <summary>Looks up members of JSON objects that strangers wrote.</summary>
public static class JsonMember
{
    /// <summary>The member of an object; undefined when there is none or the element is no object. Of several with one name the last counts.</summary>
    /// <param name="element">Any element.</param>
    /// <param name="name">The name.</param>
    public static JsonElement Find(JsonElement element, string name)
    {
        if (element.ValueKind != JsonValueKind.Object) return default;
        try
        {
            return element.TryGetProperty(name, out var value) ? value : default;
        }
        catch (InvalidOperationException)
        {
            // Another key holds an escaped half of a surrogate pair. That is valid JSON but no text, and must not hide what stands beside it.
            JsonElement found = default;
            foreach (var member in element.EnumerateObject())
                if (IsNamed(member, name)) found = member.Value;
            return found;
        }
    }

    private static bool IsNamed(JsonProperty member, string name)
    {
        try
        {
            return member.NameEquals(name);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
