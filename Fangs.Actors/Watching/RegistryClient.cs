using System.Net;

namespace Fangs.Actors.Watching;

/// <summary>What the registry answered for a package.</summary>
/// <param name="Document">The document; null when it has not changed since the tag that was sent.</param>
/// <param name="ETag">The tag to send next time; empty when the registry has none.</param>
public sealed record RegistryAnswer(PackageDocument? Document, string ETag);

/// <summary>Asks the registry for packages' documents. Any number of calls at a time; the caller limits them.</summary>
/// <remarks>
/// A poll asks for the abbreviated document, which is a tenth of the full one or less, under the condition that it has changed. It has no publish
/// times, so a poll that found versions asks once more, for the full document, of which only the times are kept. A package whose full document
/// cannot be had is watched all the same, without times.
/// <para>Redirects are not followed: a registry is not trusted to choose whom this host talks to.</para>
/// </remarks>
public sealed class RegistryClient : IDisposable
{
    private const string Abbreviated = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
    private const string Full = "application/json";
    private const int MaxETagLength = 256;

    private readonly WatchSettings _settings;
    private readonly TimeProvider _clock;
    private readonly HttpClient _http;
    private readonly SemaphoreSlim _asking = new(1);
    private Uri? _registry;

    /// <summary>Creates it; nothing is asked yet.</summary>
    public RegistryClient(WatchSettings settings, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _clock) = (settings, clock);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.All,
            MaxConnectionsPerServer = settings.Concurrency,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that a changed DNS entry is noticed
        })
        {
            Timeout = Timeout.InfiniteTimeSpan, // each request has a limit of its own, which also covers its body
        };
        _http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", settings.UserAgent);
    }

    /// <summary>The name as a path segment: the slash of a scoped name is part of the name.</summary>
    public static string Escape(string package) => Uri.EscapeDataString(package).Replace("%40", "@", StringComparison.Ordinal);

    /// <summary>Reads a package's document unless it is the one of the tag.</summary>
    /// <exception cref="RegistryException">It cannot be had.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<RegistryAnswer> ReadAsync(string package, string etag, CancellationToken cancellationToken) => GetAsync(package, Abbreviated, etag, cancellationToken);

    /// <summary>Reads the publish times of a package's versions.</summary>
    /// <exception cref="RegistryException">They cannot be had.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> ReadTimesAsync(string package, CancellationToken cancellationToken)
    {
        var answer = await GetAsync(package, Full, "", cancellationToken);
        return answer.Document!.Releases.Where(r => r.PublishedAt is not null).ToDictionary(r => r.Version, r => r.PublishedAt!.Value, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        _asking.Dispose();
    }

    private async Task<Uri> FindRegistryAsync(CancellationToken cancellationToken)
    {
        if (_registry is { } known) return known;
        await _asking.WaitAsync(cancellationToken);
        try
        {
            return _registry ??= await _settings.Registry(cancellationToken);
        }
        finally
        {
            _asking.Release();
        }
    }

    private async Task<RegistryAnswer> GetAsync(string package, string accept, string etag, CancellationToken cancellationToken)
    {
        using var elapsed = new CancellationTokenSource(_settings.RequestLimit, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, elapsed.Token);
        try
        {
            var registry = await FindRegistryAsync(either.Token);
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(registry, Escape(package)));
            request.Headers.TryAddWithoutValidation("Accept", accept);
            if (etag.Length > 0) request.Headers.TryAddWithoutValidation("If-None-Match", etag);
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.StatusCode == HttpStatusCode.NotModified && etag.Length > 0) return new RegistryAnswer(null, etag);
            if (response.StatusCode != HttpStatusCode.OK) throw Refused(response, package);
            if (response.Content.Headers.ContentLength > _settings.MaxBodyBytes)
                throw new RegistryException($"the registry's answer is larger than {_settings.MaxBodyBytes >> 20} MiB", null, isPermanent: true);
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            return new RegistryAnswer(await PackageDocumentReader.ReadAsync(body, _settings.MaxBodyBytes, _settings.MaxTokenBytes, either.Token), ETagOf(response));
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RegistryException($"the registry did not answer within {_settings.RequestLimit.TotalSeconds:0.###} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
        {
            // InvalidData: what claims to be packed is not.
            throw new RegistryException($"the registry cannot be reached or breaks off: {e.Message}", e);
        }
    }

    private RegistryException Refused(HttpResponseMessage response, string package)
    {
        var status = (int)response.StatusCode;
        return status switch
        {
            404 => new RegistryException($"the registry has no package {package}", null, isPermanent: true),
            429 => new RegistryException("the registry answered 429: too many requests", RetryAfter(response) ?? TimeSpan.Zero, isPermanent: false),
            503 => new RegistryException("the registry answered 503: not available", RetryAfter(response), isPermanent: false),
            >= 300 and < 400 => new RegistryException($"the registry answered {status}: redirects are not followed, name the registry itself with -registry", null, isPermanent: true),
            _ => new RegistryException($"the registry answered {status}", null, isPermanent: status is >= 400 and < 500 and not 408),
        };
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date - _clock.GetUtcNow() is var wait => wait > TimeSpan.Zero ? wait : TimeSpan.Zero,
        _ => null,
    };

    // As it stands: some registries send tags that are not formed as the standard wants, and take them back only so.
    private static string ETagOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("ETag", out var values) && values.FirstOrDefault() is { Length: <= MaxETagLength } tag ? tag : "";
}
