using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Fangs.Runner.Sandbox;

/// <summary>What a short-lived helper program said.</summary>
internal readonly record struct CommandResult(int ExitCode, string Output, string Error);

/// <summary>Runs short-lived helper programs of the host.</summary>
internal static class CommandLine
{
    /// <summary>The absolute path of a program, looked up as a shell does, then where administrators' tools lie.</summary>
    internal static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Where(d => d[0] == '/')
            .Select(d => Path.Combine(d, program))
            .FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end. Its input is a closed pipe, never a device that a runtime could change.</summary>
    /// <exception cref="SandboxException">The program cannot be started.</exception>
    internal static async Task<CommandResult> RunAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellationToken, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(program, arguments, environment);
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return new CommandResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>Starts a program with pipes as its standard streams.</summary>
    /// <exception cref="SandboxException">The program cannot be started.</exception>
    internal static Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = "/",
        };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new SandboxException($"Cannot start {program}: {e.Message}.", e);
        }
    }
}
