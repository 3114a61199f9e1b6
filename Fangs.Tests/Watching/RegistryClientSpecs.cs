using System.IO.Compression;
using System.Text;
using Fangs.Actors.Watching;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Watching;

public sealed class RegistryClientSpecs : IAsyncLifetime, IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));
    private WatchRegistry _registry = null!;

    public async Task InitializeAsync() => _registry = (await WatchRegistry.StartAsync()).Publish("left-thing", Noon, "1.0.0", "1.1.0").Publish("@scope/thing", Noon, "2.0.0");

    public void Dispose() => _limit.Dispose();

    public async Task DisposeAsync() => await _registry.DisposeAsync();

    [Fact]
    public async Task The_abbreviated_document_is_asked_for_and_only_when_it_has_changed()
    {
        using var client = Client();
        var first = await client.ReadAsync("left-thing", "", _limit.Token);
        Assert.Equal(("1.1.0", false, 2), (first.Document!.Latest, first.Document.HasTimes, first.Document.Releases.Count));
        Assert.Equal(WatchRegistry.IntegrityOf("left-thing", "1.0.0"), first.Document.Releases[0].Integrity);
        Assert.Equal(WatchRegistry.Sha1Of("left-thing", "1.0.0"), first.Document.Releases[0].TarballSha1);
        Assert.Equal(new RegistryAnswer(null, first.ETag), await client.ReadAsync("left-thing", first.ETag, _limit.Token));
        _registry.Publish("left-thing", "1.2.0", Noon);
        Assert.Equal("1.2.0", (await client.ReadAsync("left-thing", first.ETag, _limit.Token)).Document!.Latest);
        Assert.Equal([200, 304, 200], _registry.Requests.Select(r => r.Status));
        Assert.All(_registry.Requests, r => Assert.True(r.IsAbbreviated));
    }

    [Fact]
    public async Task Times_come_from_the_full_document()
    {
        using var client = Client();
        Assert.Equal(Noon + TimeSpan.FromMinutes(1), (await client.ReadTimesAsync("left-thing", _limit.Token))["1.1.0"]);
        Assert.False(Assert.Single(_registry.Requests).IsAbbreviated);
    }

    [Fact]
    public async Task The_slash_of_a_scoped_name_is_part_of_the_name()
    {
        using var client = Client();
        Assert.Equal("2.0.0", (await client.ReadAsync("@scope/thing", "", _limit.Token)).Document!.Latest);
        Assert.Equal("/@scope%2Fthing", Assert.Single(_registry.Requests).Target);
    }

    [Fact]
    public async Task A_registry_below_a_path_is_asked_below_it()
    {
        _registry.Instead = async (context, name) =>
        {
            await context.Response.WriteAsync(name == "npm/left-thing" ? """{"versions":{"9.0.0":{}}}""" : "{}");
            return true;
        };
        using var client = Client(address: new Uri(_registry.Address, "npm/"));
        Assert.Equal("9.0.0", Assert.Single((await client.ReadAsync("left-thing", "", _limit.Token)).Document!.Releases).Version);
    }

    [Theory]
    [InlineData(404, true, "has no package left-thing")]
    [InlineData(403, true, "answered 403")]
    [InlineData(500, false, "answered 500")]
    [InlineData(503, false, "answered 503")]
    [InlineData(408, false, "answered 408")]
    [InlineData(302, true, "redirects are not followed")]
    [InlineData(304, true, "answered 304")] // nothing was conditional
    [InlineData(204, false, "answered 204")]
    public async Task Other_statuses_are_failures_in_words(int status, bool isPermanent, string words)
    {
        _registry.Instead = (context, _) =>
        {
            context.Response.StatusCode = status;
            if (status == 302) context.Response.Headers.Location = "/elsewhere";
            return Task.FromResult(true);
        };
        var failure = await FailAsync(Client());
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.Equal((isPermanent, (TimeSpan?)null), (failure.IsPermanent, failure.RetryAfter));
        Assert.Single(_registry.Requests);
    }

    [Theory]
    [InlineData(429, "120", 120)]
    [InlineData(429, "Thu, 01 Jan 2026 12:01:30 GMT", 90)]
    [InlineData(429, "Thu, 01 Jan 2026 11:00:00 GMT", 0)]
    [InlineData(429, "nonsense", 0)]
    [InlineData(503, "7", 7)]
    public async Task A_wait_that_the_registry_asks_for_is_understood_in_both_forms(int status, string header, int seconds)
    {
        _registry.Instead = (context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = header;
            return Task.FromResult(true);
        };
        Assert.Equal(TimeSpan.FromSeconds(seconds), (await FailAsync(Client(clock: new FakeTimeProvider(Noon)))).RetryAfter);
    }

    [Fact]
    public async Task A_body_without_end_is_given_up_at_the_limit()
    {
        _registry.Instead = async (context, _) =>
        {
            var block = Encoding.UTF8.GetBytes($"\"x\":\"{new string('y', 60_000)}\",");
            await context.Response.WriteAsync("{");
            while (!context.RequestAborted.IsCancellationRequested)
            {
                try
                {
                    await context.Response.Body.WriteAsync(block, context.RequestAborted);
                }
                catch (OperationCanceledException)
                {
                }
            }

            return true;
        };
        Assert.Contains("larger than 4 MiB", (await FailAsync(Client(new WatchSettings { MaxBodyBytes = 4 << 20 }))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_announced_as_too_large_is_not_read()
    {
        _registry.Instead = async (context, _) =>
        {
            context.Response.ContentLength = 65L << 20;
            await context.Response.Body.WriteAsync("{"u8.ToArray());
            await context.Response.Body.FlushAsync();
            await UntilAbortedAsync(context);
            return true;
        };
        Assert.Contains("larger than 64 MiB", (await FailAsync(Client())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_small_body_that_unpacks_to_a_huge_one_is_given_up_at_the_limit()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            var blanks = Encoding.ASCII.GetBytes(new string(' ', 1 << 20));
            for (var i = 0; i < 32; i++) await gzip.WriteAsync(blanks);
        }

        _registry.Instead = async (context, _) =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            await context.Response.Body.WriteAsync(packed.ToArray());
            return true;
        };
        Assert.InRange(packed.Length, 1, 1 << 20);
        Assert.Contains("larger than 4 MiB", (await FailAsync(Client(new WatchSettings { MaxBodyBytes = 4 << 20 }))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not json at all", null, "is not JSON")]
    [InlineData("not packed at all", "gzip", "breaks off")]
    public async Task Garbage_is_a_failure_in_words(string body, string? encoding, string words)
    {
        _registry.Instead = async (context, _) =>
        {
            if (encoding is not null) context.Response.Headers.ContentEncoding = encoding;
            await context.Response.WriteAsync(body);
            return true;
        };
        Assert.Contains(words, (await FailAsync(Client())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_that_does_not_come_or_does_not_end_is_given_up_after_the_limit(bool hasBegun)
    {
        var clock = new FakeTimeProvider();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _registry.Instead = async (context, _) =>
        {
            if (hasBegun) await context.Response.WriteAsync("{\"versions\":{");
            if (hasBegun) await context.Response.Body.FlushAsync();
            asked.TrySetResult();
            await UntilAbortedAsync(context);
            return true;
        };
        var failing = FailAsync(Client(clock: clock));
        await asked.Task.WaitAsync(_limit.Token);
        clock.Advance(TimeSpan.FromSeconds(59.9));
        Assert.False(failing.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Contains("did not answer within 60 s", (await failing).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_a_failure_in_words()
    {
        _registry.Instead = async (context, _) =>
        {
            await context.Response.WriteAsync("{\"versions\":{");
            await context.Response.Body.FlushAsync();
            context.Abort();
            return true;
        };
        Assert.Contains("breaks off", (await FailAsync(Client())).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be reached", (await FailAsync(Client(address: new Uri("http://127.0.0.1:1/")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_is_not_a_failure_of_the_registry()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _registry.Instead = async (context, _) =>
        {
            asked.TrySetResult();
            await UntilAbortedAsync(context);
            return true;
        };
        using var stop = new CancellationTokenSource();
        using var client = Client();
        var read = client.ReadAsync("left-thing", "", stop.Token);
        await asked.Task.WaitAsync(_limit.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.WaitAsync(_limit.Token));
    }

    [Fact]
    public async Task The_registry_is_looked_for_once_and_again_after_a_failure()
    {
        var asked = 0;
        using var client = new RegistryClient(new WatchSettings
        {
            Registry = _ => ++asked == 1 ? throw new RegistryException("npm is not installed", null, true) : Task.FromResult(_registry.Address),
        }, TimeProvider.System);
        Assert.Equal("npm is not installed", (await Assert.ThrowsAsync<RegistryException>(() => client.ReadAsync("left-thing", "", _limit.Token))).Message);
        await client.ReadAsync("left-thing", "", _limit.Token);
        await client.ReadAsync("left-thing", "", _limit.Token);
        Assert.Equal(2, asked);
    }

    private static async Task UntilAbortedAsync(HttpContext context)
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = context.RequestAborted.Register(() => aborted.TrySetResult());
        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private async Task<RegistryException> FailAsync(RegistryClient client)
    {
        using (client) return await Assert.ThrowsAsync<RegistryException>(() => client.ReadAsync("left-thing", "", _limit.Token));
    }

    private RegistryClient Client(WatchSettings? settings = null, TimeProvider? clock = null, Uri? address = null) =>
        new((settings ?? new WatchSettings()) with { Registry = _ => Task.FromResult(address ?? _registry.Address) }, clock ?? TimeProvider.System);
}
