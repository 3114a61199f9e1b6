using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Fangs.Benchmarks;

/// <summary>
/// How long a real orchestrator takes to poll a thousand packages against a loopback registry with latency, and how much memory it needs at most.
/// Once with everything new, once with nothing changed.
/// </summary>
internal static class WatchLoad
{
    private const int Packages = 1000, Versions = 40;
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(20), Limit = TimeSpan.FromMinutes(5);

    /// <summary>Runs it and prints the figures.</summary>
    /// <param name="fangs">Path of the executable.</param>
    internal static async Task RunAsync(string fangs)
    {
        await using var registry = await StartRegistryAsync();
        var directory = Directory.CreateTempSubdirectory("fangs-watch-load-").FullName;
        var database = Path.Combine(directory, "fangs.db");
        try
        {
            await MeasureAsync(fangs, database, registry.Urls.Single(), "first poll, two requests each", addFirst: true);
            await MeasureAsync(fangs, database, registry.Urls.Single(), "nothing has changed, one conditional request each", addFirst: false);
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task MeasureAsync(string fangs, string database, string registry, string what, bool addFirst)
    {
        var port = FreePort();
        using var process = Process.Start(new ProcessStartInfo(
            fangs, ["orchestrator", "-addr", $"127.0.0.1:{port}", "-sqlite-path", database, "-registry", registry, "-watch-interval", "1h"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var since = Text(TimeProvider.System.GetUtcNow());
        using var limit = new CancellationTokenSource(Limit);
        await UntilAsync(() => Answers(port), limit.Token);
        var began = TimeProvider.System.GetTimestamp();
        if (addFirst) Add(database);
        await UntilAsync(() => Polled(database, since) == Packages, limit.Token);
        var took = TimeProvider.System.GetElapsedTime(began);
        var peak = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(':')[1].Trim();
        Console.WriteLine($"{Packages} packages of {Versions} versions, {Latency.TotalMilliseconds} ms latency, {what}: {took.TotalSeconds:0.0} s, peak {peak}");
        process.Kill();
        await process.WaitForExitAsync(limit.Token);
    }

    private static async Task<WebApplication> StartRegistryAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapGet("/{name}", async (HttpContext context, string name) =>
        {
            await Task.Delay(Latency, TimeProvider.System, context.RequestAborted);
            var isFull = !context.Request.Headers.Accept.ToString().Contains("install-v1", StringComparison.Ordinal);
            context.Response.Headers.ETag = "\"1\"";
            if (context.Request.Headers.IfNoneMatch == "\"1\"") context.Response.StatusCode = StatusCodes.Status304NotModified;
            else await context.Response.WriteAsync(Document(name, isFull), context.RequestAborted);
        });
        await app.StartAsync();
        return app;
    }

    private static string Document(string name, bool isFull)
    {
        var versions = new JsonObject();
        for (var i = 0; i < Versions; i++)
        {
            versions[$"1.0.{i}"] = new JsonObject
            {
                ["name"] = name,
                ["version"] = $"1.0.{i}",
                ["dependencies"] = new JsonObject { ["a"] = "^1.0.0", ["b"] = "^2.0.0" },
                ["dist"] = new JsonObject { ["shasum"] = new string('a', 40), ["integrity"] = $"sha512-{new string('A', 86)}==", ["tarball"] = "http://127.0.0.1/x.tgz" },
            };
        }

        var document = new JsonObject { ["name"] = name, ["dist-tags"] = new JsonObject { ["latest"] = $"1.0.{Versions - 1}" }, ["versions"] = versions };
        if (!isFull) return document.ToJsonString();
        document["readme"] = new string('r', 20_000);
        document["time"] = new JsonObject { ["1.0.0"] = "2020-01-01T00:00:00.000Z" };
        return document.ToJsonString();
    }

    private static void Add(string database)
    {
        using var connection = new SqliteConnection($"Data Source={database}");
        connection.Open();
        using var transaction = connection.BeginTransaction();
        for (var i = 0; i < Packages; i++)
        {
            using var insert = connection.CreateCommand();
            insert.CommandText = "INSERT INTO packages (name, added_at) VALUES ($name, '2026-01-01T00:00:00.000000000Z')";
            insert.Parameters.AddWithValue("$name", $"package-{i}");
            insert.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    private static long Polled(string database, string since)
    {
        using var connection = new SqliteConnection($"Data Source={database};Mode=ReadOnly");
        connection.Open();
        using var count = connection.CreateCommand();
        count.CommandText = "SELECT count(*) FROM packages WHERE last_checked_at > $since";
        count.Parameters.AddWithValue("$since", since);
        return (long)count.ExecuteScalar()!;
    }

    private static bool Answers(int port)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task UntilAsync(Func<bool> isTrue, CancellationToken cancellationToken)
    {
        while (!isTrue()) await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellationToken);
    }

    private static string Text(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'", CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
