using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Fangs.Cli.Up;

/// <summary>Something that the machine must have.</summary>
/// <param name="Package">Debian package that brings it.</param>
/// <param name="Why">What it is for, in a few words.</param>
/// <param name="IsThere">Looks for it.</param>
public sealed record Need(string Package, string Why, Func<bool> IsThere);

/// <summary>What <c>fangs up</c> needs on the machine, and how it gets there. What the build needs, the launcher script sees to.</summary>
public static class MachineNeeds
{
    private const int OldestNode = 18;

    /// <summary>The needs of a running FANGS.</summary>
    public static IReadOnlyList<Need> All { get; } =
    [
        new("libbpf1", "loads the sensor into the kernel", HasLibBpf),
        new("runc", "starts the sandboxes", () => IsOnPath("runc")),
        new("nodejs", $"runs packages in the sandbox, version {OldestNode} or newer", HasNode),
        new("npm", "installs packages in the sandbox", () => IsOnPath("npm")),
        new("ca-certificates", "lets npm check the registry's certificate", () => File.Exists("/etc/ssl/certs/ca-certificates.crt")),
    ];

    /// <summary>Makes sure that all needs are met: names what is missing, asks or installs as allowed.</summary>
    /// <param name="needs">What is needed.</param>
    /// <param name="environment">Where questions are asked.</param>
    /// <param name="mayInstall">Whether the operator agreed beforehand.</param>
    /// <param name="install">Installs Debian packages; returns success.</param>
    /// <exception cref="CliException">Something stays missing.</exception>
    public static async Task EnsureAsync(
        IReadOnlyList<Need> needs, CliEnvironment environment, bool mayInstall, Func<IReadOnlyList<string>, Task<bool>> install)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(install);
        var missing = needs.Where(need => !need.IsThere()).ToList();
        if (missing.Count == 0) return;

        var packages = missing.Select(need => need.Package).Distinct().ToList();
        var command = $"apt-get install {string.Join(' ', packages)}";
        await environment.Out.WriteLineAsync("Missing on this machine:");
        foreach (var need in missing) await environment.Out.WriteLineAsync($"  {need.Package,-16}  {need.Why}");
        if (!mayInstall && !await AgreesAsync(environment)) throw new CliException($"install what is missing with: {command} (or add --yes)");
        if (!await install(packages)) throw new CliException($"'{command}' failed: see its output above");
        if (needs.FirstOrDefault(need => !need.IsThere()) is { } still)
            throw new CliException($"{still.Package} is installed but not what is needed: {still.Why}");
    }

    /// <summary>Installs Debian packages with apt-get, whose output goes to the terminal.</summary>
    public static async Task<bool> AptInstallAsync(IReadOnlyList<string> packages, CancellationToken cancellationToken) =>
        await AptAsync(["update", "-q"], cancellationToken)
        && await AptAsync(["install", "-y", "-q", "--no-install-recommends", .. packages], cancellationToken);

    private static async Task<bool> AgreesAsync(CliEnvironment environment)
    {
        if (!environment.IsInputTerminal) return false;
        await environment.Out.WriteAsync("Install with apt-get now? [Y/n] ");
        await environment.Out.FlushAsync();
        var answer = await environment.In.ReadLineAsync();
        return answer?.Trim().ToLowerInvariant() is "" or "y" or "yes";
    }

    private static async Task<bool> AptAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("apt-get", arguments);
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        try
        {
            using var apt = Process.Start(start)!;
            await apt.WaitForExitAsync(cancellationToken);
            return apt.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new CliException("there is no apt-get on this machine: install the packages above by its own means");
        }
    }

    private static bool HasLibBpf()
    {
        if (!NativeLibrary.TryLoad("libbpf.so.1", out var handle)) return false;
        NativeLibrary.Free(handle);
        return true;
    }

    private static bool IsOnPath(string program) => Find(program) is not null;

    // sbin belongs to root's path but is missing from that of many shells.
    private static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/local/sbin:/usr/sbin:/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);

    private static bool HasNode()
    {
        if (Find("node") is not { } node) return false;
        try
        {
            using var process = Process.Start(new ProcessStartInfo(node, ["--version"]) { RedirectStandardOutput = true })!;
            var answer = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 && answer.StartsWith('v')
                && int.TryParse(answer.AsSpan(1, Math.Max(0, answer.IndexOf('.', StringComparison.Ordinal) - 1)), out var major) && major >= OldestNode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
