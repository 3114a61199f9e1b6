using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Security;
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

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private readonly HttpClient _http;
    private readonly Uri _base;

    private OrchestratorClient(Uri address, HttpClient http) => (_base, _http) = (address, http);

    /// <summary>Flags of every command that talks to an orchestrator.</summary>
    public static IReadOnlyList<FlagSpec> Flags { get; } = CommandSpec.Unbound(
        new("orchestrator", FlagKind.Text, DefaultAddress, "address of the orchestrator"),
        new("tls-ca", FlagKind.Text, "", "PEM file of the CA that the orchestrator's certificate must come from"),
        new("tls-cert", FlagKind.Text, "", "PEM file of the client certificate"),
        new("tls-key", FlagKind.Text, "", "PEM file of its key"));

    /// <summary>Connects as the flags say.</summary>
    /// <exception cref="UsageException">Address or TLS flags make no sense.</exception>
    /// <exception cref="CliException">A certificate file cannot be used.</exception>
    public static OrchestratorClient FromFlags(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var address = ParseAddress(line.Text("orchestrator"));
        var (ca, cert, key) = (line.Text("tls-ca"), line.Text("tls-cert"), line.Text("tls-key"));
        if (address.Scheme == "http" && (ca + cert + key).Length > 0) throw new UsageException("TLS flags need an https:// address in -orchestrator");
        if (cert.Length == 0 != (key.Length == 0)) throw new UsageException("-tls-cert and -tls-key go together");
        try
        {
            return new OrchestratorClient(address, new HttpClient(Handler(ca, cert, key)) { Timeout = Timeout });
        }
        catch (CryptographicException e)
        {
            throw new CliException($"a TLS file cannot be used: {TerminalText.Cut(e.Message, 200)}");
        }
    }

    /// <summary>Connects without TLS, to an orchestrator on this host.</summary>
    public static OrchestratorClient Local(IPEndPoint address) =>
        new(new Uri($"http://{address}/"), new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout });

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
            using var response = await _http.GetAsync(new Uri(_base, "v1/health"), cancellationToken);
            return response.IsSuccessStatusCode;
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
    public async Task<string> SubmitAsync(PackageReference package, string runner, TimeSpan duration, CancellationToken cancellationToken)
    {
        var answer = await PostScanAsync(package, runner.Length > 0 ? runner : RunnerId.Any.Value, duration, cancellationToken);
        // Upstream's orchestrator does not know the wildcard; there the runner usually bears the name of the host.
        if (answer.Status == HttpStatusCode.NotFound && runner.Length == 0)
            answer = await PostScanAsync(package, Environment.MachineName, duration, cancellationToken);
        if ((int)answer.Status is < 200 or > 299) throw Refused(answer);
        var id = Read(answer.Text, ProtocolJson.Wire.ScanResponse).RunId;
        return RunId.TryParse(id, out var run) ? run.ToString() : throw new CliException($"the orchestrator answered with a run id of another form: {TerminalText.Cut(id, 60)}");
    }

    private async Task<Answer> PostScanAsync(PackageReference package, string runner, TimeSpan duration, CancellationToken cancellationToken)
    {
        var scan = new ScanRequest { TargetRunner = runner, Job = StandardScan.JobFor(package.Name, package.Version, duration) };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_base, "v1/scans"))
        {
            Content = JsonContent.Create(scan, ProtocolJson.Wire.ScanRequest),
        };
        return await SendAsync(request, cancellationToken);
    }

    private readonly record struct Answer(HttpStatusCode Status, string Text);

    private async Task<Answer> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.SendAsync(request, cancellationToken);
            return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
        }
        catch (HttpRequestException e)
        {
            throw new CliException(
                $"the orchestrator at {_base} cannot be reached: {TerminalText.Cut(e.Message, 200)}; is it running? (fangs up, fangs orchestrator)");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"the orchestrator at {_base} did not answer within {Timeout.TotalSeconds:0} s");
        }
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

    private static CliException Refused(Answer answer)
    {
        string text;
        try
        {
            text = JsonSerializer.Deserialize(answer.Text, ProtocolJson.Wire.ErrorResponse)?.Error ?? answer.Text;
        }
        catch (JsonException)
        {
            text = answer.Text;
        }

        return new CliException($"the orchestrator answered {(int)answer.Status}: {TerminalText.Cut(text.Trim(), 500)}");
    }

    private static SocketsHttpHandler Handler(string ca, string cert, string key)
    {
        var tls = new SslClientAuthenticationOptions();
        if (ca.Length > 0)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(ca);
            tls.CertificateChainPolicy = policy;
        }

        if (cert.Length > 0) tls.ClientCertificates = [X509Certificate2.CreateFromPemFile(cert, key)];
        return new SocketsHttpHandler { SslOptions = tls };
    }

    /// <summary>Closes connections.</summary>
    public void Dispose() => _http.Dispose();
}
