using System.Text;

namespace Fangs.Http.Dashboard;

/// <summary>Where pages are. Everything that comes from outside is encoded, and every link begins with a path of ours, so that none can lead elsewhere.</summary>
public static class Links
{
    /// <summary>First page.</summary>
    public const string Overview = "/ui/";

    /// <summary>A run.</summary>
    public static string Run(string id) => "/ui/runs/" + Uri.EscapeDataString(id);

    /// <summary>The processes of a run.</summary>
    public static string Lineage(string id, long process = 0) => Run(id) + "/lineage" + (process > 0 ? $"?process={process}" : "");

    /// <summary>The processes of a run, opened at one event.</summary>
    public static string LineageOf(string id, long eventId) => $"{Run(id)}/lineage?event={eventId}";

    /// <summary>A package.</summary>
    public static string Package(string name) => "/ui/packages/" + Uri.EscapeDataString(name);

    /// <summary>A deviation.</summary>
    public static string Deviation(string id) => "/ui/deviations/" + Uri.EscapeDataString(id);

    /// <summary>An event.</summary>
    public static string Event(long id) => $"/ui/events/{id}";

    /// <summary>Two runs side by side.</summary>
    public static string Diff(string a, string b) => Query("/ui/diff", ("a", a), ("b", b));

    /// <summary>A path with parameters; those that are empty are left out.</summary>
    public static string Query(string path, params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var url = new StringBuilder(path);
        var separator = '?';
        foreach (var (name, value) in parameters)
        {
            if (string.IsNullOrEmpty(value)) continue;
            url.Append(separator).Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }

        return url.ToString();
    }
}
