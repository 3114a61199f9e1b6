using Fangs.Actors.Notifiers;
using Fangs.Cli.Arguments;

namespace Fangs.Cli.Notifiers;

/// <summary>The flag that names a file of targets.</summary>
public static class NotifiersFileFlag
{
    /// <summary>The flag.</summary>
    public static FlagSpec Flag { get; } = new("notifiers-file", FlagKind.Text, "", "JSON file of targets of alerts, saved at the start; targets that are not in it stay");

    /// <summary>Reads the file that the command line names; nothing when it names none.</summary>
    /// <exception cref="CliException">It is missing, cannot be read, or is wrong; the message names every error.</exception>
    public static IReadOnlyList<NotifierTarget> Load(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.Text(Flag.Name) is not { Length: > 0 } path) return [];
        var name = TerminalText.Escape(path);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            // One byte more than allowed tells a file that is too long, also where there is no length, as with a pipe.
            var content = new byte[NotifiersFile.MaxBytes + 1];
            var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            var (targets, errors) = NotifiersFile.Parse(content.AsSpan(0, length));
            return errors.Count == 0
                ? targets
                : throw new CliException($"the notifiers file {name} is wrong\n{string.Join('\n', errors.Select(e => TerminalText.Escape($"{path}:{e}")))}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the notifiers file {name} cannot be read: {TerminalText.Escape(e.Message)}");
        }
    }
}
