using Spectre.Console;

namespace Fangs.Cli;

/// <summary>Everything that commands take from outside: the console, the clock, variables and the parts that they start.</summary>
public sealed class CliEnvironment
{
    // Tables must not be cut to the width of the window: ids are there to be copied. The terminal wraps what is too long.
    private const int UncutWidth = 4096;
    private IAnsiConsole? _console;

    /// <summary>Standard output.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Standard error.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Standard input, for questions.</summary>
    public required TextReader In { get; init; }

    /// <summary>Whether a person may answer questions.</summary>
    public bool IsInputTerminal { get; init; }

    /// <summary>Whether a person reads along.</summary>
    public bool IsOutputTerminal { get; init; }

    /// <summary>Columns of the window; used for live lines only.</summary>
    public int TerminalWidth { get; init; } = 80;

    /// <summary>The clock, also of waits.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Reads an environment variable.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>Starts the long-running parts.</summary>
    public required CompositionRoots Roots { get; init; }

    /// <summary>The console for tables and colour. Made on first use: commands that print JSON or one line do without.</summary>
    public IAnsiConsole Console => _console ??= CreateConsole();

    /// <summary>The environment of this process.</summary>
    public static CliEnvironment OfProcess() => new()
    {
        Out = System.Console.Out,
        Error = System.Console.Error,
        In = System.Console.In,
        IsInputTerminal = !System.Console.IsInputRedirected,
        IsOutputTerminal = !System.Console.IsOutputRedirected,
        TerminalWidth = System.Console.IsOutputRedirected ? 80 : Math.Max(40, System.Console.WindowWidth),
        Variable = Environment.GetEnvironmentVariable,
        Roots = Composition.Roots,
    };

    private IAnsiConsole CreateConsole()
    {
        var isPlain = !IsOutputTerminal || Variable("TERM") == "dumb";
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Out),
            Ansi = isPlain ? AnsiSupport.No : AnsiSupport.Yes,
            ColorSystem = isPlain || !string.IsNullOrEmpty(Variable("NO_COLOR")) ? ColorSystemSupport.NoColors : ColorSystemSupport.Standard,
            Interactive = isPlain ? InteractionSupport.No : InteractionSupport.Yes,
        });
        console.Profile.Width = UncutWidth;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
