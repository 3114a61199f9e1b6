using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Dashboard;

/// <summary>Style sheet, script and icon. Their names carry a digest of their content, so browsers may keep them for ever.</summary>
public static class AssetFiles
{
    private const string Folder = "dashboard/";

    private static readonly FrozenDictionary<string, Asset> Files = Load();

    /// <summary>Where a file is.</summary>
    /// <param name="name">Its name in the repository.</param>
    public static string Url(string name) => Files[name].Url;

    /// <summary>Adds the routes.</summary>
    public static void MapAssets(this IEndpointRouteBuilder routes, Func<HttpContext, bool> isServed)
    {
        ArgumentNullException.ThrowIfNull(isServed);
        foreach (var asset in Files.Values)
            routes.MapMethods(asset.Url, [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => isServed(context) ? Send(context, asset) : NotHere(context))).WithMetadata(new Access.AudienceMetadata(Access.Audience.Everybody));
    }

    private static Task NotHere(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static async Task Send(HttpContext context, Asset asset)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "public, max-age=31536000, immutable";
        headers.ETag = asset.Tag;
        headers.XContentTypeOptions = "nosniff";
        if (context.Request.Headers.IfNoneMatch.Contains(asset.Tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        context.Response.ContentType = asset.Type;
        context.Response.ContentLength = asset.Content.Length;
        await context.Response.Body.WriteAsync(asset.Content, context.RequestAborted);
    }

    private static FrozenDictionary<string, Asset> Load()
    {
        var assembly = typeof(AssetFiles).Assembly;
        return assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(resource =>
        {
            using var stream = assembly.GetManifestResourceStream(resource)!;
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            var content = copy.ToArray();
            var digest = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
            var name = resource[Folder.Length..];
            var dot = name.LastIndexOf('.');
            var type = name[(dot + 1)..] switch { "css" => "text/css; charset=utf-8", "js" => "text/javascript; charset=utf-8", _ => "image/svg+xml" };
            return KeyValuePair.Create(name, new Asset($"/static/{name[..dot]}.{digest}{name[dot..]}", type, $"\"{digest}\"", content));
        }).ToFrozenDictionary(StringComparer.Ordinal);
    }

    private sealed record Asset(string Url, string Type, string Tag, byte[] Content);
}
