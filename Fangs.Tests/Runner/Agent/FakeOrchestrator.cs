using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Fangs.Tests.Runner.Agent;

/// <summary>A real server that speaks the protocol and can be told to misbehave. It remembers everything it was sent.</summary>
internal sealed class FakeOrchestrator : IAsyncDisposable
{
    private readonly Channel<byte[]> _jobs = Channel.CreateUnbounded<byte[]>();
    private readonly Watch _watch = new();
    private readonly Lock _gate = new();
    private WebApplication _app = null!;
    private int _polls;
    private int _parked;

    /// <summary>Answers a request itself by returning true. The number counts the requests of the endpoint from 1.</summary>
    public delegate Task<bool> Hook(int number, HttpContext context);

    public Uri Address { get; private set; } = null!;

    public Hook? OnRegister { get; set; }

    public Hook? OnHeartbeat { get; set; }

    public Hook? OnPoll { get; set; }

    /// <summary>Called before anything is stored, with the body read.</summary>
    public Hook? OnEvents { get; set; }

    /// <summary>Called when all is stored and only the answer is missing.</summary>
    public Hook? OnEventsStored { get; set; }

    public Hook? OnResult { get; set; }

    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(5);

    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(30);

    public ConcurrentQueue<RegisterRequest> Registrations { get; } = new();

    public ConcurrentQueue<HeartbeatRequest> Heartbeats { get; } = new();

    public ConcurrentQueue<string> Paths { get; } = new();

    public ConcurrentQueue<string> EventBodies { get; } = new();

    public ConcurrentQueue<ResultRequest> Results { get; } = new();

    /// <summary>Batches by run and number: the payloads in order.</summary>
    public ConcurrentDictionary<(RunId Run, ulong Seq), IReadOnlyList<string>> Stored { get; } = new();

    public int Polls => Volatile.Read(ref _polls);

    public int Parked => Volatile.Read(ref _parked);

    public static async Task<FakeOrchestrator> StartAsync(string prefix = "", HttpsConnectionAdapterOptions? tls = null)
    {
        var fake = new FakeOrchestrator();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen =>
        {
            if (tls is not null) listen.UseHttps(tls);
        }));
        if (tls is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        fake._app = builder.Build();
        fake._app.Run(context => fake.ServeAsync(context, prefix));
        await fake._app.StartAsync();
        var address = new Uri(fake._app.Urls.First());
        fake.Address = new Uri($"{(tls is null ? "http" : "https")}://127.0.0.1:{address.Port}{prefix}");
        return fake;
    }

    public void Give(Job job) => Give(JsonSerializer.SerializeToUtf8Bytes(job, ProtocolJson.Wire.Job));

    public void Give(string json) => Give(Encoding.UTF8.GetBytes(json));

    public void Give(byte[] json) => _jobs.Writer.TryWrite(json);

    public Task UntilAsync(Func<bool> condition) => _watch.UntilAsync(condition);

    public async Task<ResultRequest> ResultAsync(int number = 1)
    {
        await UntilAsync(() => Results.Count >= number);
        return Results.ElementAt(number - 1);
    }

    /// <summary>Every stored payload of a run in the order of the batches.</summary>
    public IReadOnlyList<string> PayloadsOf(RunId run) =>
        [.. Stored.Where(batch => batch.Key.Run == run).OrderBy(batch => batch.Key.Seq).SelectMany(batch => batch.Value)];

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    public static Hook Status(Func<int, int?> statusOfNumber, string error = "as scripted") => async (number, context) =>
    {
        if (statusOfNumber(number) is not { } status) return false;
        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(new { error });
        return true;
    };

    private async Task ServeAsync(HttpContext context, string prefix)
    {
        var raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        Assert.StartsWith(prefix + "/v1/", raw, StringComparison.Ordinal);
        Paths.Enqueue($"{context.Request.Method} {raw[prefix.Length..]}");
        try
        {
            await (raw[prefix.Length..].Split('/') switch
            {
                [_, "v1", "runners", "register"] => RegisterAsync(context),
                [_, "v1", "runners", _, "heartbeat"] => HeartbeatAsync(context),
                [_, "v1", "runners", _, "jobs"] => PollAsync(context),
                [_, "v1", "runs", var run, "events"] => EventsAsync(context, RunId.Parse(run)),
                [_, "v1", "runs", var run, "result"] => ResultAsync(context, RunId.Parse(run)),
                _ => throw new InvalidOperationException($"no such endpoint: {raw}"),
            });
        }
        finally
        {
            _watch.Notify();
        }
    }

    private async Task RegisterAsync(HttpContext context)
    {
        Registrations.Enqueue((await ReadAsync(context, ProtocolJson.Wire.RegisterRequest))!);
        _watch.Notify();
        if (OnRegister is { } hook && await hook(Registrations.Count, context)) return;
        await WriteAsync(context, new RegisterResponse
        {
            Ok = true,
            OrchestratorId = "fake",
            JobPollInterval = Nanoseconds.From(PollInterval),
            HeartbeatInterval = Nanoseconds.From(HeartbeatInterval),
        }, ProtocolJson.Wire.RegisterResponse);
    }

    private async Task HeartbeatAsync(HttpContext context)
    {
        Assert.NotNull(context.Request.ContentLength); // the original skips the body otherwise
        Heartbeats.Enqueue((await ReadAsync(context, ProtocolJson.Wire.HeartbeatRequest))!);
        _watch.Notify();
        if (OnHeartbeat is { } hook && await hook(Heartbeats.Count, context)) return;
        await WriteAsync(context, new HeartbeatResponse { Ok = true }, ProtocolJson.Wire.HeartbeatResponse);
    }

    private async Task PollAsync(HttpContext context)
    {
        var number = Interlocked.Increment(ref _polls);
        _watch.Notify();
        if (OnPoll is { } hook && await hook(number, context)) return;
        Interlocked.Increment(ref _parked);
        _watch.Notify();
        try
        {
            var job = await _jobs.Reader.ReadAsync(context.RequestAborted);
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(job);
        }
        catch (OperationCanceledException)
        {
            // The runner has gone; as in the real one nobody is answered.
        }
        finally
        {
            Interlocked.Decrement(ref _parked);
        }
    }

    private async Task EventsAsync(HttpContext context, RunId run)
    {
        using var memory = new MemoryStream();
        await context.Request.Body.CopyToAsync(memory);
        int number;
        lock (_gate)
        {
            EventBodies.Enqueue(Encoding.UTF8.GetString(memory.ToArray()));
            number = EventBodies.Count;
        }

        _watch.Notify();
        if (OnEvents is { } hook && await hook(number, context)) return;
        var (batches, events) = Store(run, memory.ToArray());
        if (OnEventsStored is { } late && await late(number, context)) return;
        await WriteAsync(
            context, new EventsResponse { ReceivedBatches = batches, ReceivedEvents = events, Persisted = events }, ProtocolJson.Wire.EventsResponse);
    }

    private (int Batches, int Events) Store(RunId run, byte[] body)
    {
        var (batches, events) = (0, 0);
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { AllowMultipleValues = true });
        while (reader.Read())
        {
            using var batch = JsonDocument.ParseValue(ref reader);
            Assert.Equal(run, JsonSerializer.Deserialize(batch.RootElement.GetProperty("run_id").GetRawText(), ProtocolJson.Wire.RunId));
            string[] payloads = [.. batch.RootElement.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("payload").GetRawText())];
            var stored = Stored.GetOrAdd((run, batch.RootElement.GetProperty("seq").GetUInt64()), payloads);
            Assert.Equal(payloads, stored); // the same number must always mean the same events
            batches++;
            events += payloads.Length;
        }

        return (batches, events);
    }

    private async Task ResultAsync(HttpContext context, RunId run)
    {
        Assert.InRange(context.Request.ContentLength ?? long.MaxValue, 1, 16_384);
        var result = (await ReadAsync(context, ProtocolJson.Wire.ResultRequest))!;
        Assert.Equal(run, result.RunId);
        Results.Enqueue(result);
        _watch.Notify();
        if (OnResult is { } hook && await hook(Results.Count, context)) return;
        await WriteAsync(context, new ResultResponse { Recorded = true }, ProtocolJson.Wire.ResultResponse);
    }

    private static ValueTask<T?> ReadAsync<T>(HttpContext context, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) =>
        JsonSerializer.DeserializeAsync(context.Request.Body, type);

    private static async Task WriteAsync<T>(HttpContext context, T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, value, type);
    }
}
