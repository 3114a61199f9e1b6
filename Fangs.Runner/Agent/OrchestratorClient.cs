using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Fangs.Protocol;

namespace Fangs.Runner.Agent;

/// <summary>The runner's side of the wire protocol: one method per endpoint, one try per call.</summary>
/// <remarks>Every failure is an <see cref="OrchestratorException"/>, but for the caller's own cancellation.</remarks>
internal sealed class OrchestratorClient : IDisposable
{
    private const int MaxAnswerBytes = 4 << 20;
    private const int MaxErrorLength = 500;
    private static readonly CompositeFormat NoAnswer = CompositeFormat.Parse("the orchestrator did not answer within {0}");

    private readonly HttpClient _http;
    private readonly RunnerSettings _settings;
    private readonly TimeProvider _time;
    private readonly string _runnerPath;

    public OrchestratorClient(RunnerSettings settings, TimeProvider time)
    {
        _settings = settings;
        _time = time;
        _http = new HttpClient(OrchestratorHttp.CreateHandler(settings))
        {
            // Relative addresses replace what follows the last slash, so a prefix needs one at its end.
            BaseAddress = new Uri(settings.Orchestrator.AbsoluteUri.TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan, // each call has its own limit
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
        _runnerPath = "v1/runners/" + Uri.EscapeDataString(settings.RunnerId.Value);
    }

    public Task<RegisterResponse> RegisterAsync(RegisterRequest request, CancellationToken cancellationToken) =>
        PostAsync("v1/runners/register", Json(request, ProtocolJson.Wire.RegisterRequest), ProtocolJson.Wire.RegisterResponse, _settings.Timeout, cancellationToken);

    public Task<HeartbeatResponse> HeartbeatAsync(HeartbeatRequest request, CancellationToken cancellationToken) => PostAsync(
        _runnerPath + "/heartbeat",
        Json(request, ProtocolJson.Wire.HeartbeatRequest),
        ProtocolJson.Wire.HeartbeatResponse,
        _settings.Timings.HeartbeatTimeout,
        cancellationToken);

    /// <summary>Asks for a job. The orchestrator answers when it has one, or after about 25 s.</summary>
    public async Task<PolledJob> PollAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_runnerPath + "/jobs", UriKind.Relative));
        var (status, body) = await SendAsync(request, _settings.Timings.PollAbort, cancellationToken);
        return status == HttpStatusCode.NoContent ? PolledJob.None : PolledJob.Read(body);
    }

    /// <summary>Posts batches. Returns when the orchestrator has acknowledged all of them.</summary>
    /// <param name="run">Their run.</param>
    /// <param name="batches">JSON of one batch each.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task PostEventsAsync(RunId run, IReadOnlyList<ReadOnlyMemory<byte>> batches, CancellationToken cancellationToken)
    {
        var answer = await PostAsync(
            $"v1/runs/{run}/events", new EventsContent(batches), ProtocolJson.Wire.EventsResponse, _settings.Timings.EventsTimeout, cancellationToken);
        if (answer.ReceivedBatches < batches.Count)
            throw new OrchestratorException($"the orchestrator took {answer.ReceivedBatches} of {batches.Count} batches");
    }

    /// <summary>Posts a result, given as its JSON.</summary>
    public Task<ResultResponse> PostResultAsync(RunId run, byte[] result, CancellationToken cancellationToken) =>
        PostAsync($"v1/runs/{run}/result", Json(result), ProtocolJson.Wire.ResultResponse, _settings.Timings.ResultTimeout, cancellationToken);

    public void Dispose() => _http.Dispose();

    // Not JsonContent: it sends chunks, and the original orchestrator does not read a heartbeat without a Content-Length.
    private static ByteArrayContent Json(byte[] json) => new(json) { Headers = { ContentType = new("application/json") } };

    private static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type) => Json(JsonSerializer.SerializeToUtf8Bytes(value, type));

    private async Task<T> PostAsync<T>(string path, HttpContent content, JsonTypeInfo<T> type, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = content };
        var (_, body) = await SendAsync(request, limit, cancellationToken);
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException("the answer is null");
        }
        catch (JsonException e)
        {
            throw new OrchestratorException($"the answer to {path} is not what the protocol says: {e.Message}", e);
        }
    }

    private async Task<(HttpStatusCode Status, byte[] Body)> SendAsync(HttpRequestMessage request, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (Traces.Current is { } span) request.Headers.Add("traceparent", span);
        using var elapsed = new CancellationTokenSource(limit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, elapsed.Token);
        try
        {
            using var response = await _http.SendAsync(request, either.Token);
            var body = await response.Content.ReadAsByteArrayAsync(either.Token);
            return response.IsSuccessStatusCode ? (response.StatusCode, body) : throw Refusal(response, body);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("the call was given up", e, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new OrchestratorException($"the orchestrator cannot be reached: {Innermost(e).Message}", e);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            throw new OrchestratorException(
                elapsed.IsCancellationRequested ? string.Format(CultureInfo.InvariantCulture, NoAnswer, Words.Of(limit)) : $"the connection broke: {e.Message}", e);
        }
    }

    private static OrchestratorException Refusal(HttpResponseMessage response, byte[] body)
    {
        string? text = null;
        try
        {
            text = JsonSerializer.Deserialize(body, ProtocolJson.Wire.ErrorResponse)?.Error;
        }
        catch (JsonException)
        {
            // Not the protocol's envelope: something between here and the orchestrator answered. The status says enough.
        }

        var reason = string.IsNullOrWhiteSpace(text) ? response.ReasonPhrase ?? "no reason given" : text;
        return new OrchestratorException(response.StatusCode, $"{(int)response.StatusCode}: {Words.OneLine(reason, MaxErrorLength)}");
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;
}
