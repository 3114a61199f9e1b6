using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Cli.Scans;

/// <summary>Asks the registry that npm is configured for whether a package and version exist.</summary>
public sealed class NpmRegistry
{
    private const long MaxMetadataBytes = 256 * 1024 * 1024;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);
    private readonly Uri _base;

    private NpmRegistry(Uri address) => _base = address;

    /// <summary>Finds the registry: the flag, else <c>npm_config_registry</c>, else what npm itself says.</summary>
    /// <param name="flag">Value of <c>-registry</c>; empty when not given.</param>
    /// <param name="environment">Variables.</param>
    /// <param name="cancellationToken">Ends the question to npm.</param>
    /// <exception cref="CliException">There is none, or it is no http(s) address.</exception>
    public static async Task<NpmRegistry> ResolveAsync(string flag, CliEnvironment environment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return new NpmRegistry(await FindAsync(flag, environment.Variable, cancellationToken));
    }

    /// <summary>Finds the address of the registry: the flag, else <c>npm_config_registry</c>, else what npm itself says. Ends in a slash.</summary>
    /// <param name="flag">Value of <c>-registry</c>; empty when not given.</param>
    /// <param name="variable">Reads an environment variable.</param>
    /// <param name="cancellationToken">Ends the question to npm.</param>
    /// <exception cref="CliException">There is none, or it is no http(s) address.</exception>
    public static async Task<Uri> FindAsync(string flag, Func<string, string?> variable, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var text = flag.Length > 0 ? flag : variable("npm_config_registry") ?? "";
        if (text.Length == 0) text = await AskNpmAsync(cancellationToken);
        return Read(text) ?? throw new CliException($"'{TerminalText.Cut(text, 100)}' is not the address of a registry: give one with -registry");
    }

    /// <summary>Reads the address of a registry, to end in a slash; null when it is none.</summary>
    public static Uri? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Uri.TryCreate(text.Trim().TrimEnd('/') + "/", UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : null;
    }

    /// <summary>Makes sure that a version exists, or finds the latest one when none is named.</summary>
    /// <returns>The reference with a version and what the registry announces for it.</returns>
    /// <exception cref="CliException">Package or version do not exist, or the registry cannot be asked.</exception>
    public async Task<PackageReference> ValidateAsync(PackageReference package, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(package);
        using var document = await GetAsync(package.Name, cancellationToken);
        return Validate(document.RootElement, package);
    }

    /// <summary>As <see cref="ValidateAsync"/>, with the package's document at hand.</summary>
    internal static PackageReference Validate(JsonElement root, PackageReference package)
    {
        if (package.Version.Length == 0) package = package with { Version = LatestVersion(root, package.Name) };
        else if (JsonMember.Find(JsonMember.Find(root, "versions"), package.Version).ValueKind != JsonValueKind.Object)
            throw new CliException($"version not found: {package.Name} has no version {package.Version} in the registry", ExitCode.NotFound);
        var dist = JsonMember.Find(JsonMember.Find(JsonMember.Find(root, "versions"), package.Version), "dist");
        return package.Announced(Text(JsonMember.Find(dist, "integrity")), Text(JsonMember.Find(dist, "shasum")));
    }

    /// <summary>Finds the latest release of a package.</summary>
    /// <exception cref="CliException">The package does not exist, or the registry cannot be asked.</exception>
    public async Task<ReleaseFacts> LatestAsync(string package, CancellationToken cancellationToken)
    {
        using var document = await GetAsync(package, cancellationToken);
        return Latest(document.RootElement, package);
    }

    /// <summary>As <see cref="LatestAsync"/>, with the package's document at hand.</summary>
    internal static ReleaseFacts Latest(JsonElement root, string package)
    {
        var version = LatestVersion(root, package);
        var dist = JsonMember.Find(JsonMember.Find(JsonMember.Find(root, "versions"), version), "dist");
        var published = TimeText.TryParse(Text(JsonMember.Find(JsonMember.Find(root, "time"), version)), out var at) ? at : (DateTimeOffset?)null;
        return new ReleaseFacts(version, Text(JsonMember.Find(dist, "shasum")), Text(JsonMember.Find(dist, "integrity")), published);
    }

    private static string LatestVersion(JsonElement root, string package)
    {
        var version = Text(JsonMember.Find(JsonMember.Find(root, "dist-tags"), "latest"));
        return NpmName.IsVersion(version)
            ? version
            : throw new CliException($"the registry names no latest version of {package}", ExitCode.NotFound);
    }

    // Half of a surrogate pair is valid JSON but no text.
    private static string Text(JsonElement element)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString()! : "";
        }
        catch (InvalidOperationException)
        {
            return "";
        }
    }

    private async Task<JsonDocument> GetAsync(string name, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = Timeout, MaxResponseContentBufferSize = MaxMetadataBytes };
        // The slash of a scoped name is part of the name.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_base, name.Replace("/", "%2f", StringComparison.Ordinal)));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            using var response = await http.SendAsync(request, cancellationToken);
            if (response.StatusCode == HttpStatusCode.NotFound)
                throw new CliException($"package not found: the registry has no package {name}", ExitCode.NotFound);
            if (!response.IsSuccessStatusCode)
                throw new CliException($"the registry answered {(int)response.StatusCode} for {name} (-skip-registry-validate goes on without asking)");
            return await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellationToken), cancellationToken: cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new CliException($"the registry cannot be reached: {TerminalText.Cut(e.Message, 200)} (-skip-registry-validate goes on without asking)");
        }
        catch (JsonException)
        {
            throw new CliException($"the registry's answer for {name} is not JSON (-skip-registry-validate goes on without asking)");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"the registry did not answer within {Timeout.TotalSeconds:0} s (-skip-registry-validate goes on without asking)");
        }
    }

    private static async Task<string> AskNpmAsync(CancellationToken cancellationToken)
    {
        const string Remedy = "name the registry with -registry, or use -skip-registry-validate";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Timeout);
        try
        {
            using var npm = Process.Start(new ProcessStartInfo("npm", ["config", "get", "registry"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            // Its warnings are of no interest, but nobody may leave the pipe full.
            var errors = npm.StandardError.ReadToEndAsync(limit.Token);
            var answer = await npm.StandardOutput.ReadToEndAsync(limit.Token);
            await errors;
            await npm.WaitForExitAsync(limit.Token);
            return npm.ExitCode == 0 && answer.Trim() is { Length: > 0 } address && address != "undefined"
                ? address
                : throw new CliException($"npm does not say which registry it uses: {Remedy}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new CliException($"npm is not installed, so its registry is unknown: {Remedy}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"npm did not say within {Timeout.TotalSeconds:0} s which registry it uses: {Remedy}");
        }
    }
}
