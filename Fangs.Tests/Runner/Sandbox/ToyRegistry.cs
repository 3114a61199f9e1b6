using System.Collections.Concurrent;
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
    private readonly ConcurrentDictionary<string, (JsonObject Manifest, byte[] Tarball)> _packages = [];
    private readonly ConcurrentDictionary<string, Gate> _gates = [];
    private readonly ConcurrentDictionary<string, bool> _withSha1 = [];

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
        app.MapGet("/-/gates/{gate}", registry.PassAsync);
        app.MapGet("/{scope}/{name}/-/{file}", (string scope, string name, string file) => registry.Download($"{scope}/{name}", file));
        await app.StartAsync();
        return registry;
    }

    /// <summary>Publishes version 1.0.0 of a package. Publishing it again replaces it.</summary>
    internal ToyRegistry Publish(string name, string? postinstall = null, string index = "", JsonObject? more = null, params (string Path, string Text)[] files) =>
        PublishBinary(name, postinstall, index, more, [.. files.Select(f => (f.Path, Encoding.UTF8.GetBytes(f.Text)))]);

    /// <summary>The same with files that are not text.</summary>
    internal ToyRegistry PublishBinary(string name, string? postinstall, string index, JsonObject? more, params (string Path, byte[] Content)[] files)
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
            foreach (var (path, content) in files.Append(("index.js", Encoding.UTF8.GetBytes(index))).Append(("package.json", Encoding.UTF8.GetBytes(manifest.ToJsonString()))))
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "package/" + path) { DataStream = new MemoryStream(content) });
        }

        _packages[name] = (manifest, buffer.ToArray());
        return this;
    }

    /// <summary>A place where scripts wait for the test: whoever gets <c>/-/gates/{name}</c> is answered when the gate opens.</summary>
    internal Gate GateOf(string name) => _gates.GetOrAdd(name, _ => new Gate());

    /// <summary>Shell words that wait at a gate.</summary>
    internal string WaitAt(string gate) => $"node -e \"require('http').get('{Address}-/gates/{gate}',r=>r.resume())\"";

    internal byte[] TarballOf(string name) => _packages[name].Tarball;

    /// <summary>From now on describes a package as releases of old are described: with a SHA-1 and no integrity string.</summary>
    internal void AnnounceOnlySha1(string name) => _withSha1[name] = true;

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> PassAsync(string gate, CancellationToken gone)
    {
        await GateOf(gate).PassAsync(gone);
        return Results.Text("open");
    }

    private IResult Describe(string name)
    {
        name = name.Replace("%2f", "/", StringComparison.OrdinalIgnoreCase); // the router leaves the slash of a scope as it is
        if (!_packages.TryGetValue(name, out var package)) return Results.NotFound();
        var release = JsonNode.Parse(package.Manifest.ToJsonString())!.AsObject();
        release["dist"] = new JsonObject
        {
            ["tarball"] = $"{Address}{name}/-/{name.Split('/')[^1]}-{Version}.tgz",
            ["integrity"] = "sha512-" + Convert.ToBase64String(SHA512.HashData(package.Tarball)),
        };
        if (_withSha1.ContainsKey(name))
        {
            release["dist"]!.AsObject().Remove("integrity");
#pragma warning disable CA5350 // what npm calls shasum
            release["dist"]!["shasum"] = Convert.ToHexStringLower(SHA1.HashData(package.Tarball));
#pragma warning restore CA5350
        }

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

    /// <summary>Lets nobody through until it is opened.</summary>
    internal sealed class Gate
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when somebody waits here.</summary>
        internal Task Reached => _reached.Task;

        internal void Open() => _open.TrySetResult();

        internal Task PassAsync(CancellationToken gone)
        {
            _reached.TrySetResult();
            return _open.Task.WaitAsync(gone);
        }
    }
}
