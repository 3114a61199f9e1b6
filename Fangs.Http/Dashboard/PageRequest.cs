using System.Globalization;
using Fangs.Actors.Storage.Queries;
using Microsoft.AspNetCore.Http;

namespace Fangs.Http.Dashboard;

/// <summary>A request for a page.</summary>
/// <param name="context">The request.</param>
/// <param name="database">Where its data comes from.</param>
/// <param name="clock">The time.</param>
public sealed class PageRequest(HttpContext context, DashboardDatabase database, TimeProvider clock)
{
    private const int MaxText = 500;

    /// <summary>Cancelled when nobody waits for the page any more.</summary>
    public CancellationToken Aborted => context.RequestAborted;

    /// <summary>The time.</summary>
    public DateTimeOffset Now { get; } = clock.GetUtcNow();

    /// <summary>Path of the page without its query and without the ending of its JSON form.</summary>
    public string Path { get; set; } = WithoutJson(context.Request.PathBase.Add(context.Request.Path).ToUriComponent());

    /// <summary>A part of the route; the router decodes everything but an encoded slash.</summary>
    public string Route(string name) => ((string?)context.Request.RouteValues[name] ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>A parameter of the query; empty when it is absent or unreasonably long.</summary>
    public string Query(string name) => context.Request.Query[name] is [{ Length: <= MaxText } text, ..] ? text.Trim() : "";

    /// <summary>A whole number of the query between two bounds.</summary>
    public long Number(string name, long otherwise, long least, long most) =>
        long.TryParse(Query(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Clamp(number, least, most) : otherwise;

    /// <summary>Which part of a list is wanted.</summary>
    public PagePosition Position(int limit) => new(Query("after"), Query("before"), (int)Number("limit", limit, 1, 1000));

    /// <summary>Reads from the database.</summary>
    public Task<T> ReadAsync<T>(Func<ReadOnlyDatabase, T> read) => database.ReadAsync(read, Aborted);

    /// <summary>Path and query of this page with some parameters set or, where null or empty, left out. The position in a list is left out unless it is set.</summary>
    public string With(params ReadOnlySpan<(string Name, string? Value)> changes)
    {
        var kept = context.Request.Query.Where(pair => pair.Key is not ("after" or "before" or "page") && pair.Value is [{ Length: > 0 }, ..])
            .Select(pair => (pair.Key, Value: pair.Value[0])).ToList();
        foreach (var (name, value) in changes)
        {
            kept.RemoveAll(pair => pair.Key == name);
            if (!string.IsNullOrEmpty(value)) kept.Add((name, value));
        }

        return Links.Query(Path, [.. kept.Select(pair => (pair.Key, pair.Value))]);
    }

    private static string WithoutJson(string path) => path.EndsWith(".json", StringComparison.Ordinal) ? path[..^5] : path;
}
