using Fangs.Cli.Arguments;

namespace Fangs.Cli.Completion;

/// <summary>What can be typed where, taken from the command table. The scripts of the shells say it in three languages.</summary>
public sealed class CompletionWords
{
    private readonly IReadOnlyList<CommandSpec> _commands;
    private readonly IReadOnlyList<FlagSpec> _globals;

    /// <summary>Takes over the table.</summary>
    public CompletionWords(IReadOnlyList<CommandSpec> commands, IReadOnlyList<FlagSpec> globals) => (_commands, _globals) = (commands, globals);

    /// <summary>What may follow some words that are no flags: the path before, the next word, and what it is for.</summary>
    public IEnumerable<(string Path, string Word, string Summary)> Next()
    {
        foreach (var group in Paths().GroupBy(path => path.Words[0]))
        {
            var whole = group.FirstOrDefault(path => path.Words.Length == 1);
            yield return ("", group.Key, whole.Command?.Summary ?? string.Join(", ", group.Select(path => path.Words[1])));
        }

        yield return ("", "help", "Explain a command");
        foreach (var (words, command) in Paths().Where(path => path.Words.Length == 2)) yield return (words[0], words[1], command.Summary);
        foreach (var (words, command) in Paths())
        {
            foreach (var choice in command.Choices) yield return (string.Join(' ', words), choice, "");
        }
    }

    /// <summary>Flags by the path of the command; the path is empty for those of every command.</summary>
    public IEnumerable<(string Path, FlagSpec Flag)> Flags()
    {
        foreach (var flag in _globals) yield return ("", flag);
        foreach (var (words, command) in Paths())
        {
            foreach (var flag in command.Flags) yield return (string.Join(' ', words), flag);
        }
    }

    /// <summary>Names of the flags that take the next word as their value. A name means the same kind everywhere.</summary>
    public IEnumerable<string> ValueFlags() =>
        Flags().Where(flag => flag.Flag.Kind != FlagKind.Boolean).Select(flag => flag.Flag.Name).Distinct().Order(StringComparer.Ordinal);

    /// <summary>Flags with few possible values, and those.</summary>
    public IEnumerable<(string Flag, IReadOnlyList<string> Values)> Values() => Flags()
        .Where(flag => flag.Flag.Choices.Count > 0)
        .GroupBy(flag => flag.Flag.Name)
        .Select(group => (group.Key, (IReadOnlyList<string>)[.. group.SelectMany(flag => flag.Flag.Choices).Distinct()]));

    private IEnumerable<(string[] Words, CommandSpec Command)> Paths() =>
        from command in _commands
        from path in command.Aliases.Prepend(command.Path)
        select (path.Split(' '), command);
}
