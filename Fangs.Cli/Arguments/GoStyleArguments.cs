using System.Globalization;
using Fangs.Protocol;

namespace Fangs.Cli.Arguments;

/// <summary>
/// Reads command lines in the manner of Go's flag package, but with flags in any position and nothing ignored:
/// <c>-name value</c>, <c>-name=value</c>, <c>--name …</c>; <c>--</c> ends the flags.
/// </summary>
/// <remarks>Pure: knows neither Cocona nor the process. A flag name means the same kind in every command, so that flags may precede the command.</remarks>
public sealed class GoStyleArguments
{
    private readonly IReadOnlyList<CommandSpec> _commands;
    private readonly IReadOnlyList<FlagSpec> _globals;
    private readonly Dictionary<string, FlagKind> _kinds = new(StringComparer.Ordinal);

    /// <summary>Creates the reader.</summary>
    /// <exception cref="ArgumentException">Two commands give one flag name different kinds.</exception>
    public GoStyleArguments(IReadOnlyList<CommandSpec> commands, IReadOnlyList<FlagSpec> globals)
    {
        (_commands, _globals) = (commands, globals);
        foreach (var flag in globals.Concat(commands.SelectMany(command => command.Flags)))
        {
            if (!_kinds.TryAdd(flag.Name, flag.Kind) && _kinds[flag.Name] != flag.Kind)
                throw new ArgumentException($"-{flag.Name} is {_kinds[flag.Name]} in one command and {flag.Kind} in another", nameof(commands));
        }
    }

    /// <summary>Reads one command line.</summary>
    /// <exception cref="UsageException">A flag or command is unknown, a value is missing or has a wrong form, or arguments are left over.</exception>
    public CommandLine Parse(IReadOnlyList<string> args)
    {
        ArgumentNullException.ThrowIfNull(args);
        var (words, given, wantsHelp) = Split(args);
        if (words is ["help", ..]) (wantsHelp, words) = (true, words[1..]);

        var command = Find(words);
        if (command is null && words.Count > 0 && !(wantsHelp && IsGroup(words))) throw UnknownCommand(words);
        var arguments = command is null ? words : words[command.Words.Length..];
        var line = new CommandLine(command, wantsHelp, Complete(command, given), given.Keys.ToHashSet(StringComparer.Ordinal), arguments);
        if (!wantsHelp) Check(line);
        return line;
    }

    private (List<string> Words, Dictionary<string, List<string>> Given, bool WantsHelp) Split(IReadOnlyList<string> args)
    {
        var (words, given, wantsHelp) = (new List<string>(), new Dictionary<string, List<string>>(StringComparer.Ordinal), false);
        for (var i = 0; i < args.Count; i++)
        {
            var arg = args[i];
            if (arg == "--")
            {
                words.AddRange(args.Skip(i + 1));
                break;
            }

            if (arg.Length < 2 || arg[0] != '-')
            {
                words.Add(arg);
                continue;
            }

            var (name, value) = SplitFlag(arg);
            if (name is "h" or "help" && value is null)
            {
                wantsHelp = true;
                continue;
            }

            if (!_kinds.TryGetValue(name, out var kind)) throw new UsageException($"unknown flag {Shown(arg)}");
            if (value is null && kind == FlagKind.Boolean) value = "true";
            if (value is null && ++i == args.Count) throw new UsageException($"flag -{name} needs a value");
            if (!given.TryGetValue(name, out var values)) given[name] = values = [];
            values.Add(Normalised(name, kind, value ?? args[i]));
        }

        return (words, given, wantsHelp);
    }

    private static (string Name, string? Value) SplitFlag(string arg)
    {
        var name = arg[(arg.StartsWith("--", StringComparison.Ordinal) ? 2 : 1)..];
        if (name.Length == 0 || name[0] is '-' or '=') throw new UsageException($"{arg} is not a flag");
        var equals = name.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (name, null) : (name[..equals], name[(equals + 1)..]);
    }

    private static string Normalised(string name, FlagKind kind, string value) => kind switch
    {
        FlagKind.Boolean => value switch
        {
            "1" or "t" or "T" or "true" or "TRUE" or "True" => "true",
            "0" or "f" or "F" or "false" or "FALSE" or "False" => "false",
            _ => throw new UsageException($"-{name}={value}: expected true or false"),
        },
        FlagKind.Count => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number.ToString(CultureInfo.InvariantCulture)
            : throw new UsageException($"-{name} {value}: expected a whole number from 0 to {int.MaxValue}"),
        FlagKind.Duration => GoDuration.TryParse(value, out var nanoseconds) && nanoseconds >= 0
            ? value
            : throw new UsageException($"-{name} {value}: expected a duration such as 90s, 1h30m or 250ms"),
        _ => value,
    };

    private CommandSpec? Find(List<string> words) => _commands
        .Where(command => command.IsNamedBy(words))
        .MaxBy(command => command.Words.Length);

    private bool IsGroup(List<string> words) => words is [var group] && _commands.Any(command => command.Words[0] == group);

    private UsageException UnknownCommand(List<string> words)
    {
        var children = _commands.Where(command => command.Words.Length > 1 && command.Words[0] == words[0]).Select(command => command.Path);
        var known = string.Join(", ", children);
        return known.Length > 0
            ? new UsageException(words.Count == 1 ? $"{words[0]} needs a subcommand: {known}" : $"unknown command '{words[0]} {words[1]}', known: {known}")
            : new UsageException($"unknown command '{words[0]}'");
    }

    private Dictionary<string, IReadOnlyList<string>> Complete(CommandSpec? command, Dictionary<string, List<string>> given)
    {
        var values = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var flag in _globals.Concat(command?.Flags ?? []))
        {
            values[flag.Name] = given.TryGetValue(flag.Name, out var own)
                ? flag.Kind == FlagKind.TextList ? own : [own[^1]]
                : flag.Kind == FlagKind.TextList ? [] : [flag.Default];
        }

        return values;
    }

    private static void Check(CommandLine line)
    {
        foreach (var name in line.Given.Where(name => !line.Values.ContainsKey(name)))
            throw new UsageException(line.Command is { } c ? $"{c.Path} has no flag -{name}" : $"flag -{name} needs a command");
        if (line.Command is not { } command) return;
        foreach (var flag in command.Flags.Where(flag => flag.IsRequired && line.Text(flag.Name).Length == 0))
            throw new UsageException($"{command.Path} needs -{flag.Name}");
        if (line.Arguments.Count > command.Arguments.Count)
            throw new UsageException($"{command.Path}: unexpected argument '{line.Arguments[command.Arguments.Count]}'");
        if (line.Arguments.Count < command.Arguments.Count - command.OptionalArguments)
            throw new UsageException($"{command.Path} needs <{command.Arguments[line.Arguments.Count]}>");
        if (line.Arguments.Any(argument => argument.Length == 0)) throw new UsageException($"{command.Path}: an argument is empty");
    }

    private static string Shown(string arg) => arg.Split('=')[0];
}
