using Fangs.Actors.Configuration;
using Fangs.Cli.Arguments;
using Fangs.Http;

namespace Fangs.Cli.Hosting;

/// <summary>A sound configuration file, or its absence.</summary>
/// <param name="Source">Which file.</param>
/// <param name="Settings">What it sets; nothing when it is not there.</param>
public sealed record LoadedConfiguration(ConfigurationSource Source, FileSettings Settings);

/// <summary>Finds and reads the configuration file of the orchestrator.</summary>
public static class ConfigurationFile
{
    /// <summary>The flag that names it.</summary>
    public static FlagSpec Flag { get; } = new("config", FlagKind.Text, "config/orchestrator.yaml", "configuration file; may be missing");

    /// <summary>Reads the file that the command line names, or the one at the default place. A missing one sets nothing.</summary>
    /// <exception cref="CliException">It cannot be read, or it is wrong; the message names every error.</exception>
    /// <exception cref="UsageException">The flag is empty.</exception>
    public static LoadedConfiguration Load(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var path = line.Text(Flag.Name);
        if (path.Length == 0) throw new UsageException("-config must not be empty: leave it out for the default place");
        path = Path.GetFullPath(path);
        var source = new ConfigurationSource(path, IsRead: true, IsNamed: line.Given.Contains(Flag.Name));
        if (Read(path) is not { } result) return new LoadedConfiguration(source with { IsRead = false }, new FileSettings());
        if (result.IsSound) return new LoadedConfiguration(source, result.Settings);
        throw new CliException($"the configuration file {TerminalText.Escape(path)} is wrong\n{string.Join('\n', Lines(path, result.Errors))}");
    }

    /// <summary>Reads a file; null when there is none.</summary>
    /// <exception cref="CliException">It is there but cannot be read.</exception>
    public static ConfigurationResult? Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            // One byte more than allowed tells a file that is too long, also where there is no length, as with a pipe.
            var content = new byte[ConfigurationParser.MaxBytes + 1];
            var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return ConfigurationParser.Parse(content.AsSpan(0, length));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the configuration file {TerminalText.Escape(path)} cannot be read: {TerminalText.Escape(e.Message)}");
        }
    }

    /// <summary>Errors as editors understand them: file, line, column, field, remedy. Escaped.</summary>
    public static IEnumerable<string> Lines(string path, IEnumerable<ConfigurationError> errors) =>
        errors.Select(error => TerminalText.Escape($"{path}:{error}"));
}
