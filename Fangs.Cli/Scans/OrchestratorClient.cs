using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Protocol;

namespace Fangs.Cli.Scans;

/// <summary>Talks to an orchestrator over HTTP.</summary>
public sealed class OrchestratorClient : IDisposable
{
    /// <summary>Address when no flag says otherwise.</summary>
    public const string DefaultAddress = "http://127.0.0.1:8443";

    /// <summary>Name of the flag with the address.</summary>
    public const string AddressFlag = "orchestrator";

    private const string NotKnown = "whether it has decided is not known: look, then try again";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    // Longer than the orchestrator itself takes before it gives up.
    private static readonly TimeSpan DecisionTimeout = TimeSpan.FromSeconds(90);
    private readonly HttpClient _http;
    private readonly Uri _base;

    private OrchestratorClient(Uri address, HttpClient http) => (_base, _http) = (address, http);

    /// <summary>Flags of every command that talks to an orchestrator.</summary>
    public static IReadOnlyList<FlagSpec> Flags { get; } =
    [
        .. CommandSpec.Unbound(new FlagSpec(AddressFlag, FlagKind.Text, DefaultAddress, "address of the orchestrator")),
        .. TlsFlags.Specs,
    ];

    /// <summary>Connects as the flags say.</summary>
    /// <exception cref="UsageException">Address or TLS flags make no sense.</exception>
    /// <exception cref="CliException">A certificate file cannot be used.</exception>
    public static OrchestratorClient FromFlags(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return FromFlags(line, line.Text(AddressFlag));
    }

    /// <summary>Connects to an address, with TLS as the flags say.</summary>
    /// <exception cref="UsageException">Address or TLS flags make no sense.</exception>
    /// <exception cref="CliException">A certificate file cannot be used.</exception>
    public static OrchestratorClient FromFlags(CommandLine line, string addressText)
    {
        ArgumentNullException.ThrowIfNull(line);
        ArgumentNullException.ThrowIfNull(addressText);
        var address = ParseAddress(addressText);
        var flags = TlsFlags.From(line, address);
        try
        {
            return new OrchestratorClient(address, new HttpClient(Handler(address, flags)) { Timeout = System.Threading.Timeout.InfiniteTimeSpan });
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CliException($"a TLS file cannot be used: {TerminalText.Cut(e.Message, 200)}");
        }
    }

    /// <summary>Connects without TLS, to an orchestrator on this host.</summary>
    public static OrchestratorClient Local(IPEndPoint address) =>
        new(new Uri($"http://{address}/"), new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = System.Threading.Timeout.InfiniteTimeSpan });

    /// <summary>Checks an address.</summary>
    /// <exception cref="UsageException">It is no http(s) address.</exception>
    public static Uri ParseAddress(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? new Uri(text.TrimEnd('/') + "/")
            : throw new UsageException($"-orchestrator {text}: expected an address such as {DefaultAddress}");

    /// <summary>The address of a page for people.</summary>
    public Uri Page(string path) => new(_base, path);

    /// <summary>Whether the orchestrator answers that it is well; false while it cannot be reached.</summary>
    public async Task<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_base, "v1/health"));
            return (int)(await ExchangeAsync(request, Timeout, cancellationToken)).Status is >= 200 and < 300;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>The orchestrator's actors.</summary>
    /// <exception cref="CliException">It cannot be reached or answers otherwise.</exception>
    public async Task<IReadOnlyList<ActorJson>> GetActorsAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_base, "ui/actors"));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        var body = await SendAsync(request, cancellationToken);
        return body.Status == HttpStatusCode.OK
            ? Read(body.Text, ActorsWire.Default.IReadOnlyListActorWire).Select(a => new ActorJson(a.Path, a.State, a.Children)).ToList()
            : throw Refused(body);
    }

    /// <summary>Has a watched package polled now.</summary>
    /// <exception cref="CliException">It is not watched, the watcher is off, or the poll failed.</exception>
    public async Task<PackageCheckResponse> CheckPackageAsync(string package, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_base, $"v1/operator/packages/{Uri.EscapeDataString(package)}/check"));
        var answer = await SendAsync(request, cancellationToken);
        if (answer.Status == HttpStatusCode.NotFound) throw new CliException(Refused(answer).Message, ExitCode.NotFound);
        return answer.Status == HttpStatusCode.OK ? Read(answer.Text, ProtocolJson.Wire.PackageCheckResponse) : throw Refused(answer);
    }

    /// <summary>Queues a scan.</summary>
    /// <param name="package">Package and version.</param>
    /// <param name="runner">Runner to use; empty lets the orchestrator choose.</param>
    /// <param name="duration">Upper bound.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Id of the run.</returns>
    /// <exception cref="CliException">It was not accepted.</exception>
    public Task<string> SubmitAsync(PackageReference package, string runner, TimeSpan duration, CancellationToken cancellationToken) =>
        SubmitAsync(package, runner, duration, default, cancellationToken);

    /// <summary>Queues a scan under an id of the caller's choice, so that it can be asked for should the answer be lost.</summary>
    /// <param name="package">Package and version.</param>
    /// <param name="runner">Runner to use; empty lets the orchestrator choose.</param>
    /// <param name="duration">Upper bound.</param>
    /// <param name="run">Id of the run; empty lets the orchestrator choose.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Id of the run.</returns>
    /// <exception cref="CliException">It was not accepted.</exception>
    public async Task<string> SubmitAsync(PackageReference package, string runner, TimeSpan duration, RunId run, CancellationToken cancellationToken)
    {
        var answer = await PostScanAsync(package, runner.Length > 0 ? runner : RunnerId.Any.Value, duration, run, cancellationToken);
        // Upstream's orchestrator does not know the wildcard; there the runner usually bears the name of the host.
        if (answer.Status == HttpStatusCode.NotFound && runner.Length == 0)
            answer = await PostScanAsync(package, Environment.MachineName, duration, run, cancellationToken);
        if ((int)answer.Status is < 200 or > 299) throw Refused(answer);
        var id = Read(answer.Text, ProtocolJson.Wire.ScanResponse).RunId;
        return RunId.TryParse(id, out var accepted) ? accepted.ToString() : throw new CliException($"the orchestrator answered with a run id of another form: {TerminalText.Cut(id, 60)}");
    }

    private async Task<Answer> PostScanAsync(PackageReference package, string runner, TimeSpan duration, RunId run, CancellationToken cancellationToken)
    {
        var job = StandardScan.JobFor(package.Name, package.Version, duration) with { RunId = run, Integrity = package.Integrity, TarballSha1 = package.TarballSha1 };
        var scan = new ScanRequest { TargetRunner = runner, Job = job };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_base, "v1/scans"))
        {
            Content = JsonContent.Create(scan, ProtocolJson.Wire.ScanRequest),
        };
        return await SendAsync(request, cancellationToken);
    }

    /// <summary>Has a decision carried out.</summary>
    /// <returns>What was changed; null when nobody can be reached at the address, so that nothing was.</returns>
    /// <exception cref="CliException">It was refused, or something that it is about does not exist.</exception>
    /// <exception cref="UsageException">A field of the request is wrong.</exception>
    public async Task<DecisionResponse?> DecideAsync(DecisionRequest decision, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_base, "v1/operator/decisions"))
        {
            Content = JsonContent.Create(decision, ProtocolJson.Wire.DecisionRequest),
        };
        Answer answer;
        try
        {
            answer = await ExchangeAsync(request, DecisionTimeout, cancellationToken);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
        {
            return null;
        }
        catch (HttpRequestException e)
        {
            throw new CliException($"the orchestrator at {_base} broke off: {TerminalText.Cut(e.Message, 200)}; {NotKnown}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"the orchestrator at {_base} did not answer within {DecisionTimeout.TotalSeconds:0} s; {NotKnown}");
        }

        return answer.Status switch
        {
            HttpStatusCode.OK => Read(answer.Text, ProtocolJson.Wire.DecisionResponse),
            HttpStatusCode.BadRequest => throw new UsageException(Message(answer)),
            HttpStatusCode.NotFound => throw new CliException(TerminalText.Cut(Message(answer), 500), ExitCode.NotFound),
            HttpStatusCode.Conflict => throw new CliException(TerminalText.Cut(Message(answer), 500)),
            _ => throw Refused(answer),
        };
    }

    /// <summary>What to say when nobody can be reached.</summary>
    public CliException Unreachable() => new($"the orchestrator at {_base} cannot be reached; is it running? (fangs up, fangs orchestrator)");

    private readonly record struct Answer(HttpStatusCode Status, string Text);

    private async Task<Answer> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await ExchangeAsync(request, Timeout, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new CliException($"the orchestrator at {_base} cannot be reached: {Explain(e)}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"the orchestrator at {_base} did not answer within {Timeout.TotalSeconds:0} s");
        }
    }

    private async Task<Answer> ExchangeAsync(HttpRequestMessage request, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ending.CancelAfter(limit);
        using var response = await _http.SendAsync(request, ending.Token);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(ending.Token));
    }

    private static T Read<T>(string text, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(text, type) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new CliException($"the orchestrator's answer makes no sense: {TerminalText.Cut(text, 200)}");
        }
    }

    private static CliException Refused(Answer answer) =>
        new($"the orchestrator answered {(int)answer.Status}: {TerminalText.Cut(Message(answer), 500)}");

    private static string Message(Answer answer)
    {
        try
        {
            return (JsonSerializer.Deserialize(answer.Text, ProtocolJson.Wire.ErrorResponse)?.Error ?? answer.Text).Trim();
        }
        catch (JsonException)
        {
            return answer.Text.Trim();
        }
    }

    private string Explain(HttpRequestException e)
    {
        var cause = e.GetBaseException();
        var text = TerminalText.Cut(cause.Message.TrimEnd('.'), 200);
        // A server that wants TLS hangs up on plain HTTP without a word; one that misses a client certificate does so after the handshake.
        return (_base.Scheme, e.HttpRequestError) switch
        {
            ("http", HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse) => $"{text}; if it serves HTTPS, give an https:// address",
            ("https", HttpRequestError.SecureConnectionError) =>
                $"{text}; does it serve HTTPS, does -tls-ca name the CA of its certificate, and does that certificate name {_base.IdnHost}?",
            ("https", not HttpRequestError.ConnectionError and not HttpRequestError.NameResolutionError) =>
                $"{text}; its log says why it hung up; does it want a client certificate (-tls-cert, -tls-key)?",
            _ => $"{text}; is it running? (fangs up, fangs orchestrator)",
        };
    }

    private static SocketsHttpHandler Handler(Uri address, TlsFlags flags)
    {
        var tls = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 };
        if (flags.Ca is { } ca)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            tls.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(ca);
            if (tls.CertificateChainPolicy.CustomTrustStore.Count == 0) throw new CliException($"{TerminalText.Escape(ca)} holds no certificate in PEM form");
        }

        if (flags is { Certificate: { } certificate, Key: { } key })
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(certificate);
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(certificate, key), chain, offline: true);
        }

        return new SocketsHttpHandler { SslOptions = tls, UseProxy = !address.IsLoopback };
    }

    /// <summary>Closes connections.</summary>
    public void Dispose() => _http.Dispose();
}
