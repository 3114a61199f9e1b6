using Fangs.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fangs.Cli.Hosting;

/// <summary>A log entry taken apart: what it says, who says it, and which run and runner it is about.</summary>
/// <param name="At">When.</param>
/// <param name="Level">How bad, in one word.</param>
/// <param name="Logger">The class that logs.</param>
/// <param name="Actor">Path of the actor that logs; null when none does.</param>
/// <param name="Run">The run that it is about; null for none.</param>
/// <param name="Runner">The runner that it is about; null for none.</param>
/// <param name="Message">What it says.</param>
/// <param name="Error">The exception, when there is one.</param>
/// <param name="Values">The named values of the message.</param>
internal sealed record LogLine(
    DateTimeOffset At, string Level, string Logger, string? Actor, string? Run, string? Runner, string Message, Exception? Error,
    IReadOnlyList<KeyValuePair<string, object?>> Values)
{
    private const string RunsPath = "/user/runs/";
    private const string RunnersPath = "/user/runners/";

    /// <summary>Takes an entry apart.</summary>
    public static LogLine Of<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TimeProvider clock)
    {
        var message = entry.Formatter(entry.State, entry.Exception) ?? "";
        var parts = new Parts();
        scopes?.ForEachScope(static (scope, into) => into.Take(scope, isScope: true), parts);
        parts.Take(entry.State, isScope: false);
        if (parts.Source is { } source) message = WithoutPreamble(message, source, entry.Exception);
        var actor = ActorOf(parts.ActorPath);
        return new LogLine(
            clock.GetUtcNow(), Word(entry.LogLevel), entry.Category, actor, parts.Run ?? RunOf(actor), parts.Runner ?? RunnerOf(actor),
            message, entry.Exception, parts.Values);
    }

    // Akka writes level, time, thread and source in front of the message and the exception behind it; all of that has its own place here.
    private static string WithoutPreamble(string message, string source, Exception? error)
    {
        var marker = $"[{source}] ";
        var begin = message.IndexOf(marker, StringComparison.Ordinal);
        if (begin >= 0) message = message[(begin + marker.Length)..];
        var cause = error is null ? -1 : message.IndexOf("\nCause: ", StringComparison.Ordinal);
        return cause < 0 ? message : message[..cause].TrimEnd('\r');
    }

    // akka://fangs/user/dispatcher becomes /user/dispatcher; what is no actor of ours logs with a path outside.
    private static string? ActorOf(string? path)
    {
        if (path is null) return null;
        var authority = path.IndexOf("://", StringComparison.Ordinal);
        var begin = authority < 0 ? -1 : path.IndexOf('/', authority + 3);
        var local = begin < 0 ? path : path[begin..];
        return local.StartsWith("/user", StringComparison.Ordinal) || local.StartsWith("/system", StringComparison.Ordinal) ? local : null;
    }

    private static string? RunOf(string? actor) =>
        actor is not null && actor.StartsWith(RunsPath, StringComparison.Ordinal) && RunId.TryParse(actor[RunsPath.Length..], out var run) ? run.ToString() : null;

    private static string? RunnerOf(string? actor) =>
        actor is not null && actor.StartsWith(RunnersPath, StringComparison.Ordinal) ? Uri.UnescapeDataString(actor[RunnersPath.Length..].Split('+')[0]) : null;

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "crit",
    };

    private sealed class Parts
    {
        public List<KeyValuePair<string, object?>> Values { get; } = [];

        public string? ActorPath { get; private set; }

        public string? Source { get; private set; }

        public string? Run { get; private set; }

        public string? Runner { get; private set; }

        public void Take(object? state, bool isScope)
        {
            if (state is not IEnumerable<KeyValuePair<string, object?>> values) return;
            foreach (var (name, value) in values)
            {
                switch (name)
                {
                    case "ActorPath":
                        ActorPath = value?.ToString();
                        break;
                    case "LogSource":
                        Source = value?.ToString();
                        break;
                    case "Run" or "RunId":
                        Run = value?.ToString();
                        break;
                    case "Runner" or "RunnerId":
                        Runner = value?.ToString();
                        break;
                    case "Thread" or "Timestamp" or "{OriginalFormat}":
                        break;
                    default:
                        if (!isScope) Values.Add(new(name, value));
                        break;
                }
            }
        }
    }
}
