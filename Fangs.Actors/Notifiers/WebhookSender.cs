using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Fangs.Actors.Notifiers;

/// <summary>How an attempt to deliver ended, as stored.</summary>
public static class AttemptStatus
{
    /// <summary>The receiver took it.</summary>
    public const string Sent = "sent";

    /// <summary>It did not work and is tried again.</summary>
    public const string Failed = "failed";

    /// <summary>It did not work and is not tried again.</summary>
    public const string Permanent = "permanent";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Sent, Failed, Permanent];
}

/// <summary>What came of an attempt to deliver.</summary>
/// <param name="Status">A value of <see cref="AttemptStatus"/>.</param>
/// <param name="ResponseCode">HTTP status; null when there was no answer.</param>
/// <param name="ResponseBody">Beginning of the answer, secrets masked.</param>
/// <param name="Error">Why it did not work, without secrets; empty when it did.</param>
/// <param name="RetryAfter">How long the receiver asked to be left alone; null when it did not.</param>
public sealed record AttemptResult(string Status, int? ResponseCode, string ResponseBody, string Error, TimeSpan? RetryAfter = null);

/// <summary>Finds the addresses of a host.</summary>
/// <param name="host">Name or address.</param>
/// <param name="cancellationToken">Gives up.</param>
/// <exception cref="SocketException">There are none.</exception>
public delegate Task<IPAddress[]> HostResolver(string host, CancellationToken cancellationToken);

/// <summary>Posts messages to targets: the only code that does, for alerts and for trial messages. Any number of calls at a time.</summary>
/// <remarks>
/// <para>
/// The address of a target is looked up when a connection is made, checked, and that very address is connected to, so that a name cannot mean
/// one thing when it is checked and another when it is used. Connections are not kept, so each message is checked. Redirects are not followed and proxies are not used:
/// both would let somebody else choose who gets the message.
/// </para>
/// <para>Values of variables and the path of the address are masked in all that comes out of here.</para>
/// </remarks>
public sealed partial class WebhookSender : IDisposable
{
    /// <summary>Bytes of an answer that are kept.</summary>
    public const int MaxResponseBytes = 2048;

    private const string Masked = "…";
    private const int ShortestMasked = 4; // shorter ones are no secrets, and would tear holes into every text
    private const int ShortestPart = 8; // a part of a secret may be an ordinary word

    private static readonly HttpRequestOptionsKey<bool> IsThisHost = new(nameof(IsThisHost));

    private readonly NotifierSettings _settings;
    private readonly TimeProvider _clock;
    private readonly HostResolver _resolve;
    private readonly HttpClient _http;

    /// <summary>Creates it; nothing is connected yet.</summary>
    /// <param name="settings">Limits, variables, and whether addresses inside are allowed.</param>
    /// <param name="clock">Time of signatures and limits.</param>
    /// <param name="resolve">Finds addresses; null for that of the system.</param>
    public WebhookSender(NotifierSettings settings, TimeProvider clock, HostResolver? resolve = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _clock, _resolve) = (settings, clock, resolve ?? Dns.GetHostAddressesAsync);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            PooledConnectionLifetime = TimeSpan.Zero,
            MaxResponseDrainSize = 0,
            ActivityHeadersPropagator = null, // a trace is nobody's business outside
            ConnectCallback = ConnectAsync,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan, // each attempt has a limit of its own
        };
    }

    /// <summary>Posts a message once.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="body">The body; null when there is no template of the target's name.</param>
    /// <param name="cancellationToken">Gives up because this process stops; every other failure is a result.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<AttemptResult> SendAsync(NotifierTarget target, byte[]? body, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (body is null) return Never($"unknown template '{ChatText.Word(target.Template, 40)}'");
        if (NotifierRules.CheckUrl(target.Url) is { } fault) return Never($"address: {fault}");
        var address = new Uri(target.Url);
        var isThisHost = NotifierRules.IsThisHost(address);
        // An address in numbers never becomes another one. A name may.
        if (IPAddress.TryParse(address.DnsSafeHost, out var number) && !AddressPolicy.MayConnect(number, isThisHost, _settings.AllowPrivate)) return Never(Refusal(number));
        var secrets = SecretsOf(address);
        if (Headers(target, body, secrets, out var headers) is { } headerFault) return Never(Mask(headerFault, secrets));

        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(body) };
        request.Options.Set(IsThisHost, isThisHost);
        foreach (var (name, value) in headers)
        {
            if (!(IsOfContent(name) ? request.Content.Headers.TryAddWithoutValidation(name, value) : request.Headers.TryAddWithoutValidation(name, value)))
                return Never($"header '{name}' cannot be sent");
        }

        using var elapsed = new CancellationTokenSource(_settings.Timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, elapsed.Token);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var text = Mask(await ReadAsync(response, either.Token, cancellationToken), secrets);
            return Judge(response, text);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Again($"no answer within {_settings.Timeout.TotalSeconds:0.###} s");
        }
        catch (HttpRequestException e) when (FindRefusal(e) is { } refused)
        {
            return Again(refused.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException)
        {
            // The cause is what says something: that of TLS, of name resolution, of the connection.
            return Again(Mask(ChatText.Cut(ChatText.Line(e.InnerException is null ? e.Message : $"{e.Message} {e.InnerException.Message}"), 500), secrets));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static AttemptResult Never(string error) => new(AttemptStatus.Permanent, null, "", error);

    private static AttemptResult Again(string error) => new(AttemptStatus.Failed, null, "", error);

    private static string Refusal(IPAddress address) =>
        $"the address {address} is not one of the Internet, and alerts go to no other; notifier.allow_private in the configuration file changes that";

    private static AddressRefusedException? FindRefusal(Exception? e)
    {
        while (e is not null and not AddressRefusedException) e = e.InnerException;
        return e as AddressRefusedException;
    }

    private AttemptResult Judge(HttpResponseMessage response, string text)
    {
        var code = (int)response.StatusCode;
        return code switch
        {
            >= 200 and < 300 => new(AttemptStatus.Sent, code, text, ""),
            >= 300 and < 400 => new(AttemptStatus.Failed, code, text, $"answered {code}: redirects are not followed", RetryAfter(response)),
            >= 400 and < 500 and not (408 or 429) => new(AttemptStatus.Permanent, code, text, $"answered {code}"),
            _ => new(AttemptStatus.Failed, code, text, $"answered {code}", RetryAfter(response)),
        };
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date - _clock.GetUtcNow() is var wait => wait > TimeSpan.Zero ? wait : TimeSpan.Zero,
        _ => null,
    };

    // The status has been given: what becomes of the rest of the answer changes nothing about it.
    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken limit, CancellationToken stopping)
    {
        var buffer = new byte[MaxResponseBytes];
        var length = 0;
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(limit);
            while (length < buffer.Length && await body.ReadAsync(buffer.AsMemory(length), limit) is var read and > 0) length += read;
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !stopping.IsCancellationRequested))
        {
            // What came until then is kept.
        }

        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    private string? Headers(NotifierTarget target, byte[] body, List<string> secrets, out Dictionary<string, string> headers)
    {
        headers = new(StringComparer.OrdinalIgnoreCase) { ["User-Agent"] = WebhookPayload.Source, ["Content-Type"] = "application/json" };
        if (!string.IsNullOrEmpty(target.Headers))
        {
            if (NotifierRules.ReadHeaders(target.Headers) is not { } extra) return "the extra headers are not a JSON object of texts";
            foreach (var (name, template) in extra)
            {
                if (NotifierRules.CheckHeader(name, template) is { } fault) return $"header: {fault}";
                if (Expand(name, template, secrets, out var value) is { } missing) return missing;
                headers[name] = value;
            }
        }

        if (target.Template != NotifierTemplate.Generic || string.IsNullOrEmpty(target.SecretEnv)) return null;
        if (_settings.Variable(target.SecretEnv) is not { Length: > 0 } secret) return $"the environment variable {target.SecretEnv} with the key of signatures is not set";
        secrets.Add(secret);
        foreach (var (name, value) in WebhookSigner.Headers(secret, body, _clock.GetUtcNow())) headers[name] = value;
        return null;
    }

    private string? Expand(string name, string template, List<string> secrets, out string value)
    {
        string? fault = null;
        value = Reference().Replace(template, match =>
        {
            var variable = match.Groups[1].Value;
            if (_settings.Variable(variable) is not { Length: > 0 } text)
            {
                fault ??= $"the environment variable {variable} of header '{name}' is not set";
                return "";
            }

            if (text.Any(c => char.IsControl(c) || c > 0x7e)) fault ??= $"the environment variable {variable} of header '{name}' holds characters that a header cannot have";
            secrets.Add(text);
            return text;
        });
        // What stands there in plain text may be a secret all the same, also without the word in front of it.
        secrets.Add(value);
        secrets.AddRange(value.Split(' ').Where(part => part.Length >= ShortestPart));
        return fault;
    }

    private static bool IsOfContent(string header) => header.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)
        || header.Equals("Allow", StringComparison.OrdinalIgnoreCase) || header.Equals("Expires", StringComparison.OrdinalIgnoreCase)
        || header.Equals("Last-Modified", StringComparison.OrdinalIgnoreCase);

    // For most receivers the path is the key, or has it in it; they may complain about it alone, and in either spelling.
    private static List<string> SecretsOf(Uri address)
    {
        var (escaped, plain) = (address.PathAndQuery, Uri.UnescapeDataString(address.PathAndQuery));
        return [escaped, plain, .. new[] { escaped, plain }.SelectMany(text => text.Split('/', '?', '&', '=')).Where(part => part.Length >= ShortestPart)];
    }

    // A receiver may send back what it got. Longest first, so that a part of a secret does not leave the rest.
    private static string Mask(string text, List<string> secrets)
    {
        foreach (var secret in secrets.Where(s => s.Length >= ShortestMasked).OrderByDescending(s => s.Length)) text = text.Replace(secret, Masked, StringComparison.Ordinal);
        // NUL and what a terminal would act on has no place in a log; the limit is one of bytes.
        text = string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\uFFFD' : c));
        var length = Encoding.UTF8.GetByteCount(text);
        while (length > MaxResponseBytes)
        {
            text = text[..^1];
            if (char.IsHighSurrogate(text[^1])) text = text[..^1];
            length = Encoding.UTF8.GetByteCount(text);
        }

        return text;
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var isThisHost = context.InitialRequestMessage.Options.TryGetValue(IsThisHost, out var named) && named;
        var addresses = IPAddress.TryParse(host, out var number) ? [number] : await _resolve(host, cancellationToken);
        var allowed = addresses.Where(a => AddressPolicy.MayConnect(a, isThisHost, _settings.AllowPrivate)).ToArray();
        if (allowed.Length == 0)
            throw new AddressRefusedException(addresses.Length == 0 ? $"the name {host} has no address" : $"the name {host}: {Refusal(addresses[0])}");
        for (var i = 0; ; i++)
        {
            var socket = new Socket(allowed[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(allowed[i], port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (i + 1 < allowed.Length)
            {
                socket.Dispose(); // the next one may be reachable
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    [GeneratedRegex(@"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", RegexOptions.NonBacktracking)]
    private static partial Regex Reference();

    private sealed class AddressRefusedException(string message) : IOException(message);
}
