using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Watching;

/// <summary>One request that the registry got, and its answer.</summary>
internal sealed record RegistryRequest(string Target, bool IsAbbreviated, string IfNoneMatch, int Status);

/// <summary>The metadata side of an npm registry, on loopback: tags, abbreviated and full documents, and whatever trouble a test wants.</summary>
internal sealed class WatchRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Package> _packages = new(StringComparer.Ordinal);
    private int _atOnce;
    private int _mostAtOnce;

    private WatchRegistry(WebApplication app) => _app = app;

    internal Uri Address => new(_app.Urls.Single() + "/");

    /// <summary>Every request, in the order of its end.</summary>
    internal ConcurrentQueue<RegistryRequest> Requests { get; } = [];

    internal TimeSpan Latency { get; set; }

    internal int MostAtOnce => _mostAtOnce;

    /// <summary>Answers instead of the registry when it returns true. Gets the name of the package.</summary>
    internal Func<HttpContext, string, Task<bool>>? Instead { get; set; }

    internal static async Task<WatchRegistry> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var registry = new WatchRegistry(app);
        app.Run(registry.AnswerAsync);
        await app.StartAsync();
        return registry;
    }

    /// <summary>Publishes versions of a package, one minute apart, and tags the last one latest.</summary>
    internal WatchRegistry Publish(string name, DateTimeOffset first, params string[] versions)
    {
        for (var i = 0; i < versions.Length; i++) Publish(name, versions[i], first + TimeSpan.FromMinutes(i));
        return this;
    }

    internal WatchRegistry Publish(string name, string version, DateTimeOffset at, bool isLatest = true)
    {
        var package = _packages.GetOrAdd(name, _ => new Package());
        lock (package)
        {
            package.Versions.Add((version, at));
            if (isLatest) package.Latest = version;
            package.Revision++;
        }

        return this;
    }

    internal void Tag(string name, string latest)
    {
        var package = _packages[name];
        lock (package)
        {
            package.Latest = latest;
            package.Revision++;
        }
    }

    internal static string IntegrityOf(string name, string version) => "sha512-" + Convert.ToBase64String(SHA512.HashData(Encoding.UTF8.GetBytes(name + version)));

    internal static string Sha1Of(string name, string version) =>
#pragma warning disable CA5350 // what npm calls shasum
        Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(name + version)));
#pragma warning restore CA5350

    internal int CountOf(string name) => Requests.Count(r => Uri.UnescapeDataString(r.Target) == "/" + name);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var isAbbreviated = context.Request.Headers.Accept.ToString().Contains("install-v1", StringComparison.Ordinal);
        var most = Interlocked.Increment(ref _atOnce);
        for (var seen = _mostAtOnce; most > seen && Interlocked.CompareExchange(ref _mostAtOnce, most, seen) != seen; seen = _mostAtOnce) { }
        try
        {
            if (Latency > TimeSpan.Zero) await Task.Delay(Latency, TimeProvider.System, context.RequestAborted);
            if (Instead is null || !await Instead(context, Uri.UnescapeDataString(target[1..]))) await DescribeAsync(context, Uri.UnescapeDataString(target[1..]), isAbbreviated);
        }
        finally
        {
            Interlocked.Decrement(ref _atOnce);
            Requests.Enqueue(new RegistryRequest(target, isAbbreviated, context.Request.Headers.IfNoneMatch.ToString(), context.Response.StatusCode));
        }
    }

    private async Task DescribeAsync(HttpContext context, string name, bool isAbbreviated)
    {
        if (!_packages.TryGetValue(name, out var package))
        {
            context.Response.StatusCode = 404;
            return;
        }

        string document;
        lock (package)
        {
            var tag = $"\"{package.Revision}-{(isAbbreviated ? "a" : "f")}\"";
            context.Response.Headers.ETag = tag;
            if (context.Request.Headers.IfNoneMatch == tag)
            {
                context.Response.StatusCode = 304;
                return;
            }

            document = Document(name, package, isAbbreviated).ToJsonString();
        }

        context.Response.ContentType = isAbbreviated ? "application/vnd.npm.install-v1+json" : "application/json";
        await context.Response.WriteAsync(document);
    }

    private static JsonObject Document(string name, Package package, bool isAbbreviated)
    {
        var versions = new JsonObject();
        var times = new JsonObject { ["created"] = Text(package.Versions[0].At), ["modified"] = Text(package.Versions[^1].At) };
        foreach (var (version, at) in package.Versions)
        {
            versions[version] = new JsonObject
            {
                ["name"] = name,
                ["version"] = version,
                ["dependencies"] = new JsonObject { ["dist"] = "^1.0.0" },
                ["dist"] = new JsonObject
                {
                    ["integrity"] = IntegrityOf(name, version),
                    ["shasum"] = Sha1Of(name, version),
                    ["signatures"] = new JsonArray(new JsonObject { ["integrity"] = "not this one" }),
                },
            };
            times[version] = Text(at);
        }

        var document = new JsonObject { ["name"] = name, ["dist-tags"] = new JsonObject { ["latest"] = package.Latest }, ["versions"] = versions };
        if (!isAbbreviated) document["time"] = times;
        return document;
    }

    private static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private sealed class Package
    {
        public List<(string Version, DateTimeOffset At)> Versions { get; } = [];

        public string Latest { get; set; } = "";

        public int Revision { get; set; }
    }
}
