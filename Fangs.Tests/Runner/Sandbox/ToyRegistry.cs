using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>An npm registry on the host's loopback with packages made by the test.</summary>
internal sealed class ToyRegistry : IAsyncDisposable
{
    internal const string Version = "1.0.0";

    private readonly WebApplication _app;
    private readonly Dictionary<string, (JsonObject Manifest, byte[] Tarball)> _packages = [];

    private ToyRegistry(WebApplication app) => _app = app;

    internal Uri Address => new(_app.Urls.First() + "/");

    internal static async Task<ToyRegistry> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var registry = new ToyRegistry(app);
        app.MapGet("/{name}", registry.Describe);
        app.MapGet("/{name}/-/{file}", registry.Download);
        await app.StartAsync();
        return registry;
    }

    /// <summary>Publishes version 1.0.0 of a package.</summary>
    internal ToyRegistry Publish(string name, string? postinstall = null, string index = "", JsonObject? more = null, params (string Path, string Text)[] files)
    {
        var manifest = more ?? [];
        manifest["name"] = name;
        manifest["version"] = Version;
        manifest["main"] ??= "index.js";
        if (postinstall is not null) manifest["scripts"] = new JsonObject { ["postinstall"] = postinstall };
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip))
        {
            foreach (var (path, text) in files.Append(("index.js", index)).Append(("package.json", manifest.ToJsonString())))
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "package/" + path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
        }

        _packages[name] = (manifest, buffer.ToArray());
        return this;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private IResult Describe(string name)
    {
        if (!_packages.TryGetValue(name, out var package)) return Results.NotFound();
        var release = JsonNode.Parse(package.Manifest.ToJsonString())!.AsObject();
        release["dist"] = new JsonObject
        {
            ["tarball"] = $"{Address}{name}/-/{name}-{Version}.tgz",
            ["integrity"] = "sha512-" + Convert.ToBase64String(SHA512.HashData(package.Tarball)),
        };
        var document = new JsonObject
        {
            ["name"] = name,
            ["dist-tags"] = new JsonObject { ["latest"] = Version },
            ["versions"] = new JsonObject { [Version] = release },
        };
        return Results.Text(JsonSerializer.Serialize(document), "application/json");
    }

    private IResult Download(string name, string file) =>
        _packages.TryGetValue(name, out var package) && file.EndsWith(".tgz", StringComparison.Ordinal)
            ? Results.Bytes(package.Tarball, "application/octet-stream")
            : Results.NotFound();
}
