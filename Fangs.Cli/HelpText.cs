using System.Text;
using Fangs.Cli.Arguments;

namespace Fangs.Cli;

/// <summary>Help texts, made from the command table.</summary>
public static class HelpText
{
    /// <summary>The overview.</summary>
    public static string Overview()
    {
        var text = new StringBuilder("fangs: shows what npm packages do when they are installed\n\nUsage: fangs [flags] <command> [flags] [arguments]\n\nCommands:\n");
        foreach (var entry in CommandTable.Entries) Row(text, entry.Spec.Path, entry.Spec.Summary);
        text.Append("\nFlags of every command:\n");
        foreach (var flag in GlobalFlags.All) Flag(text, flag);
        text.Append("\nExamples:\n  fangs up -scan is-odd@3.0.1\n  fangs run list -limit 5\n  fangs pending -min-severity warn\n  fangs run show 019ac0 -events -type exec\n");
        return text.Append("\nfangs help <command> explains a command. Exit codes: 0 success, 1 error, 2 usage, 3 not found, 4 ambiguous id.\n").ToString();
    }

    /// <summary>Help of the commands that begin with a word, for <c>fangs run -h</c>.</summary>
    public static string Group(string word)
    {
        var text = new StringBuilder($"Usage: fangs {word} <subcommand> [flags] [arguments]\n\nSubcommands:\n");
        foreach (var entry in CommandTable.Entries.Where(entry => entry.Spec.Words[0] == word)) Row(text, entry.Spec.Path, entry.Spec.Summary);
        return text.ToString();
    }

    /// <summary>Help of one command.</summary>
    public static string Command(CommandSpec command)
    {
        ArgumentNullException.ThrowIfNull(command);
        var text = new StringBuilder($"{command.Summary}\n\n");
        if (command.Usages.Count == 0) text.Append($"Usage: fangs {command.Path}{UsageOf(command)}\n");
        foreach (var (i, usage) in command.Usages.Index()) text.Append($"{(i == 0 ? "Usage:" : "      ")} fangs {command.Path} {usage}\n");
        foreach (var alias in command.Aliases) text.Append($"Also:  fangs {alias}\n");
        if (command.Details.Length > 0) text.Append('\n').Append(command.Details).Append('\n');
        if (command.Flags.Count > 0) text.Append("\nFlags:\n");
        foreach (var flag in command.Flags) Flag(text, flag);
        text.Append("\nFlags of every command:\n");
        foreach (var flag in GlobalFlags.All) Flag(text, flag);
        if (command.Examples.Count > 0) text.Append("\nExamples:\n");
        foreach (var example in command.Examples) text.Append($"  fangs {example}\n");
        return text.ToString();
    }

    private static string UsageOf(CommandSpec command)
    {
        var required = command.Flags.Where(flag => flag.IsRequired).Select(flag => $" -{flag.Name} {Placeholder(flag)}");
        var others = command.Flags.Any(flag => !flag.IsRequired) ? " [flags]" : "";
        return string.Concat(required.Append(others).Concat(command.Arguments.Select(argument => $" <{argument}>")));
    }

    private static void Flag(StringBuilder text, FlagSpec flag)
    {
        var note = flag.IsRequired ? " (required)" : flag.Default is "" or "false" ? "" : $" (default {flag.Default})";
        Row(text, $"-{flag.Name} {Placeholder(flag)}".TrimEnd(), flag.Help + note);
    }

    private static string Placeholder(FlagSpec flag) => flag.Kind switch
    {
        FlagKind.Boolean => "",
        FlagKind.Count => "N",
        FlagKind.Duration => "DURATION",
        _ => "TEXT",
    };

    private static void Row(StringBuilder text, string left, string right) => text.Append($"  {left,-30}  {right}\n");
}
