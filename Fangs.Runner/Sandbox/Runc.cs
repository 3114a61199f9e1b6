using System.Diagnostics;
using System.Text.Json;

namespace Fangs.Runner.Sandbox;

/// <summary>The container runtime, with its state in one directory.</summary>
internal sealed class Runc(string program, string stateDirectory)
{
    /// <summary>Makes a container up to the point where its process would start.</summary>
    /// <returns>The ended runtime process: its standard streams are the container's now.</returns>
    /// <exception cref="SandboxException">The runtime refuses; the message has its words.</exception>
    internal async Task<Process> CreateAsync(string bundle, string id, string processFile, CancellationToken cancellationToken)
    {
        var log = Path.Combine(bundle, "runc.log");
        var process = CommandLine.Start(
            program, ["--root", stateDirectory, "--log", log, "--log-format", "json", "create", "--bundle", bundle, "--pid-file", processFile, id]);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode == 0) return process;
            throw new SandboxException($"runc create failed: {LastError(log) ?? $"status {process.ExitCode}"}.");
        }
        catch
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>Lets the container's process run.</summary>
    /// <exception cref="SandboxException">The runtime refuses.</exception>
    internal async Task StartAsync(string id, CancellationToken cancellationToken)
    {
        var result = await CommandLine.RunAsync(program, ["--root", stateDirectory, "start", id], cancellationToken);
        if (result.ExitCode != 0) throw new SandboxException($"runc start failed: {result.Error.Trim()}");
    }

    /// <summary>Kills and forgets a container; one that is not there is no error.</summary>
    /// <returns>The runtime's complaint, or null.</returns>
    internal async Task<string?> DeleteAsync(string id)
    {
        var result = await CommandLine.RunAsync(program, ["--root", stateDirectory, "delete", "--force", id], CancellationToken.None);
        return result.ExitCode == 0 ? null : result.Error.Trim();
    }

    private static string? LastError(string log)
    {
        if (!File.Exists(log)) return null;
        foreach (var line in File.ReadLines(log).Reverse())
        {
            try
            {
                using var entry = JsonDocument.Parse(line);
                if (entry.RootElement.TryGetProperty("level", out var level) && level.GetString() == "error")
                    return entry.RootElement.GetProperty("msg").GetString();
            }
            catch (JsonException)
            {
                // A cut line: the one before it may tell.
            }
        }

        return null;
    }
}
