using Spectre.Console;

namespace Fangs.Cli.Scans;

/// <summary>Shows progress: lines that stay, and one line of what goes on now.</summary>
public interface IProgressView
{
    /// <summary>Prints a line that stays.</summary>
    void Say(string line);

    /// <summary>Replaces the line of what goes on now.</summary>
    void Now(string text);
}

/// <summary>Makes the view that fits the output: a live line on a terminal, plain lines elsewhere, nothing with JSON.</summary>
public static class ProgressView
{
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(1);

    /// <summary>Runs something with a view.</summary>
    /// <param name="call">The call.</param>
    /// <param name="title">Name of what progresses; begins each line. Escaped.</param>
    /// <param name="body">What to run.</param>
    public static Task<T> RunAsync<T>(Invocation call, string title, Func<IProgressView, Task<T>> body)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(body);
        if (call.IsJson) return body(new Silent());
        var environment = call.Environment;
        if (!environment.IsOutputTerminal) return body(new Plain(environment, title));
        return environment.Console.Status().StartAsync(
            Markup.Escape(title), context => body(new Live(environment, context, title)));
    }

    private sealed class Silent : IProgressView
    {
        public void Say(string line) { }

        public void Now(string text) { }
    }

    private sealed class Plain(CliEnvironment environment, string title) : IProgressView
    {
        private string _last = "";
        private long? _lastAt;

        public void Say(string line)
        {
            environment.Out.WriteLine($"{title}: {line}");
            environment.Out.Flush();
        }

        // Logs of scripts should show life, not every number.
        public void Now(string text)
        {
            if (text == _last || (_lastAt is { } at && environment.Clock.GetElapsedTime(at) < PlainInterval)) return;
            (_last, _lastAt) = (text, environment.Clock.GetTimestamp());
            Say(text);
        }
    }

    private sealed class Live(CliEnvironment environment, StatusContext context, string title) : IProgressView
    {
        public void Say(string line) => environment.Console.WriteLine($"{title}: {line}");

        // One line only: what wraps cannot be taken back.
        public void Now(string text)
        {
            context.Status(Markup.Escape(TerminalText.Fit($"{title}: {text}", environment.TerminalWidth - 4)));
        }
    }
}
