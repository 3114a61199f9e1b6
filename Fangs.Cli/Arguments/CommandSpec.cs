namespace Fangs.Cli.Arguments;

/// <summary>What a flag takes.</summary>
public enum FlagKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>Any text; the flag may be repeated.</summary>
    TextList,

    /// <summary>A whole number that is not negative.</summary>
    Count,

    /// <summary>A duration in Go's notation that is not negative.</summary>
    Duration,

    /// <summary>A truth value; without one it means true.</summary>
    Boolean,
}

/// <summary>One flag of a command.</summary>
/// <param name="Name">Without dashes.</param>
/// <param name="Kind">What it takes.</param>
/// <param name="Default">The value when not given, in the flag's own notation.</param>
/// <param name="Help">One line.</param>
public sealed record FlagSpec(string Name, FlagKind Kind, string Default, string Help)
{
    /// <summary>Whether the command cannot do without it.</summary>
    public bool IsRequired { get; init; }

    /// <summary>False for a flag that the command reads from the <see cref="CommandLine"/>; others are parameters that Cocona binds.</summary>
    public bool IsBound { get; init; } = true;

    /// <summary>The words that it takes, when they are few.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];
}

/// <summary>One command: what it is called, what it takes, what it is for.</summary>
/// <param name="Path">Its words, such as <c>run list</c>.</param>
/// <param name="Summary">One line.</param>
/// <param name="Flags">Its own flags; the global ones come on top.</param>
public sealed record CommandSpec(string Path, string Summary, IReadOnlyList<FlagSpec> Flags)
{
    /// <summary>Names of the arguments, all of them required but for the last <see cref="OptionalArguments"/>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>How many of the last arguments may be left out.</summary>
    public int OptionalArguments { get; init; }

    /// <summary>What the first argument may be, when it is one of a few words.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Further paths that mean this command, with as many words as <see cref="Path"/>.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>What stands behind the path in the usage line, when it cannot be told from flags and arguments.</summary>
    public IReadOnlyList<string> Usages { get; init; } = [];

    /// <summary>Lines to copy, without the leading program name.</summary>
    public IReadOnlyList<string> Examples { get; init; } = [];

    /// <summary>Paragraphs that follow the summary.</summary>
    public string Details { get; init; } = "";

    /// <summary>The same flags, to be read from the command line instead of bound.</summary>
    public static IReadOnlyList<FlagSpec> Unbound(params IEnumerable<FlagSpec> flags) => [.. flags.Select(flag => flag with { IsBound = false })];

    /// <summary>Whether some words begin with this command's path, or with an alias of it.</summary>
    public bool IsNamedBy(IReadOnlyList<string> words) =>
        Aliases.Prepend(Path).Any(path => path.Split(' ') is var own && words.Take(own.Length).SequenceEqual(own));

    /// <summary>The words of <see cref="Path"/>.</summary>
    public string[] Words => Path.Split(' ');
}
