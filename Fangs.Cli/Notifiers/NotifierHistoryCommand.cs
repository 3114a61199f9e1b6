using System.Globalization;
using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli.Notifiers;

/// <summary><c>fangs notifier history</c>: the attempts to tell of a run.</summary>
public static class NotifierHistoryCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("notifier history", "List the attempts to deliver the alerts of a run",
    [
        new("run", FlagKind.Text, "", "the run") { IsRequired = true },
    ])
    {
        Examples = ["notifier history -run 019ac0", "-json notifier history -run 019ac0"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Option("run")] string run) => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var attempts = NotifierQueries.OfRun(database, Invocation.ResolveRun(database, run));
        if (call.IsJson) CliJson.Write(call, [.. attempts.Select(NotificationJson.Of)], CliJson.Wire.IReadOnlyListNotificationJson);
        else Print(call, attempts);
        return Task.FromResult(ExitCode.Success);
    });

    private static void Print(Invocation call, IReadOnlyList<NotificationRow> attempts)
    {
        var table = new ColumnTable("NOTIFIER", "ATTEMPT", "STATUS", "HTTP", "DEVS", "LAST_AT", "ERROR");
        foreach (var attempt in attempts)
        {
            table.Add(
                TerminalText.Cut(attempt.NotifierName, 60), Plain(attempt.Attempt), TerminalText.Escape(attempt.Status),
                attempt.ResponseCode is > 0 and var code ? Plain(code) : "—", Plain(attempt.DeviationCount),
                string.IsNullOrEmpty(attempt.LastAttemptedAt) ? "—" : TimeText.Absolute(attempt.LastAttemptedAt), TerminalText.Cut(attempt.ErrorMsg, 40));
        }

        table.Print(call.Environment);
    }

    private static string Plain(long number) => number.ToString(CultureInfo.InvariantCulture);
}
