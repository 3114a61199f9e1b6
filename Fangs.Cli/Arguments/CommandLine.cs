using Fangs.Protocol;

namespace Fangs.Cli.Arguments;

/// <summary>A command line after <see cref="GoStyleArguments"/> has understood it.</summary>
/// <param name="Command">The command; null when none was named.</param>
/// <param name="WantsHelp">Whether <c>-h</c>, <c>-help</c>, <c>--help</c> or <c>help</c> was given.</param>
/// <param name="Values">Every flag of the command and every global flag with its values, defaults included. Checked for form.</param>
/// <param name="Given">Names of the flags that were given.</param>
/// <param name="Arguments">What is neither flag nor command, in order.</param>
public sealed record CommandLine(
    CommandSpec? Command,
    bool WantsHelp,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Values,
    IReadOnlySet<string> Given,
    IReadOnlyList<string> Arguments)
{
    /// <summary>The value of a flag that is given at most once.</summary>
    public string Text(string flag) => Values[flag] is [.., var last] ? last : "";

    /// <summary>The value of a boolean flag.</summary>
    public bool IsSet(string flag) => Text(flag) == "true";

    /// <summary>
    /// The same command line in the form that Cocona reads: <c>--name=value</c> for every bound flag of the command, booleans spelled out,
    /// durations as <see cref="TimeSpan"/> text, arguments last and behind <c>--</c>. Global flags are left out.
    /// </summary>
    public string[] ToCocona()
    {
        if (Command is null) return [];
        var flags =
            from flag in Command.Flags.Where(flag => flag.IsBound)
            from value in Values[flag.Name]
            select $"--{flag.Name}={(flag.Kind == FlagKind.Duration ? DurationText(value) : value)}";
        return Arguments.Count == 0 ? [.. Command.Words, .. flags] : [.. Command.Words, .. flags, "--", .. Arguments];
    }

    private static string DurationText(string value) =>
        GoDuration.TryParse(value, out var nanoseconds) ? TimeSpan.FromTicks(nanoseconds / 100).ToString("c") : value;
}
