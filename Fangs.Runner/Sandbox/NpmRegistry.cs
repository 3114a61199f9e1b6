namespace Fangs.Runner.Sandbox;

/// <summary>Finds the registry that scans use.</summary>
public static class NpmRegistry
{
    /// <summary>The value of <c>-registry</c>, else of <c>npm_config_registry</c>, else what the host's npm is configured for.</summary>
    /// <param name="flag">The value of <c>-registry</c>, or null.</param>
    /// <param name="cancellationToken">Ends the question to npm.</param>
    /// <exception cref="SandboxException">None of them is an http or https address.</exception>
    public static async Task<Uri> ResolveAsync(string? flag, CancellationToken cancellationToken)
    {
        if (!string.IsNullOrEmpty(flag)) return Read(flag, "-registry");
        if (Environment.GetEnvironmentVariable("npm_config_registry") is { Length: > 0 } variable) return Read(variable, "npm_config_registry");
        var configured = await NpmConfig.ReadAsync(["registry"], cancellationToken);
        return Read(configured.GetValueOrDefault("registry", ""), "npm config get registry");
    }

    private static Uri Read(string text, string source) =>
        Uri.TryCreate(text.Trim(), UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            ? uri
            : throw new SandboxException($"'{text.Trim()}' (from {source}) is not the http or https address of a registry. Name one with -registry.");
}

/// <summary>Reads settings of the host's npm.</summary>
internal static class NpmConfig
{
    /// <summary>No log files, no cache, no look for updates: reading a setting leaves no trace in the operator's home.</summary>
    internal static readonly IReadOnlyDictionary<string, string> Quiet = new Dictionary<string, string>
    {
        ["npm_config_logs_max"] = "0",
        ["npm_config_update_notifier"] = "false",
        ["npm_config_loglevel"] = "error",
    };

    /// <summary>The values by name; what npm does not set is absent.</summary>
    /// <exception cref="SandboxException">There is no npm, or it fails.</exception>
    internal static async Task<IReadOnlyDictionary<string, string>> ReadAsync(string[] names, CancellationToken cancellationToken)
    {
        var npm = CommandLine.Find("npm") ?? throw new SandboxException("npm is not installed (Debian package npm, or Node.js from nodejs.org).");
        var result = await CommandLine.RunAsync(npm, ["config", "get", .. names], cancellationToken, Quiet);
        if (result.ExitCode != 0) throw new SandboxException($"'npm config get {string.Join(' ', names)}' failed: {result.Error.Trim()}");
        var values = new Dictionary<string, string>();
        foreach (var line in result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var value = line;
            var name = names[0]; // npm prints the bare value when asked for one
            if (names.Length > 1)
            {
                var at = line.IndexOf('=', StringComparison.Ordinal);
                if (at < 0) continue;
                (name, value) = (line[..at].Trim(), line[(at + 1)..]);
            }

            if (value.Trim() is { Length: > 0 } trimmed && trimmed is not ("null" or "undefined")) values[name] = trimmed;
        }

        return values;
    }
}
