using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;

namespace Fangs.Cli;

/// <summary>One call of the program: what was asked, and what commands need to answer.</summary>
/// <param name="Environment">The outside.</param>
/// <param name="Line">The command line.</param>
/// <param name="Stop">Cancelled by Ctrl-C or SIGTERM.</param>
public sealed record Invocation(CliEnvironment Environment, CommandLine Line, CancellationToken Stop)
{
    private const int ShortestIdForChange = 4;
    private readonly TaskCompletionSource<int> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether JSON is wanted.</summary>
    public bool IsJson => Line.IsSet(GlobalFlags.Json);

    /// <summary>The database that the command line names.</summary>
    /// <exception cref="UsageException">It names none, or not in a form that can be read.</exception>
    public StorageTarget Storage => field ??= GlobalFlags.TargetOf(Line, Environment.Variable);

    /// <summary>Who is at the keyboard, for the audit log: the person behind sudo, else the user.</summary>
    public string OperatorName => new[] { Environment.Variable("SUDO_USER"), Environment.Variable("USER"), System.Environment.UserName, "unknown" }
        .First(name => !string.IsNullOrWhiteSpace(name))!;

    /// <summary>Completes with the exit code, or with the exception, of the command.</summary>
    public Task<int> Outcome => _outcome.Task;

    /// <summary>Runs the body of the command and keeps its outcome from Cocona, which would print and swallow exceptions.</summary>
    public async Task RunAsync(Func<Task<int>> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        try
        {
            _outcome.TrySetResult(await body());
        }
#pragma warning disable CA1031 // Handed on, not swallowed: whoever awaits Outcome gets it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _outcome.TrySetException(e);
        }
    }

    /// <summary>Opens the database read-only.</summary>
    /// <exception cref="StorageReadException">It is missing or cannot be read.</exception>
    public ReadOnlyDatabase OpenDatabase() => ReadOnlyDatabase.Open(Storage);

    /// <summary>Finds the one run that a full id or prefix names.</summary>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveRun(ReadOnlyDatabase database, string prefix) =>
        Only(IdPrefix.Run(database, prefix), "run", prefix, "ids are lower-case hex digits, 'fangs run list' shows them");

    /// <summary>Finds the one deviation that a full id or prefix names.</summary>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveDeviation(ReadOnlyDatabase database, string prefix) =>
        Only(IdPrefix.Deviation(database, prefix), "deviation", prefix, "ids are lower-case hex digits, 'fangs deviation list' shows them");

    /// <summary>Finds the one entry of the allow list that a full id or prefix names.</summary>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveAllowEntry(ReadOnlyDatabase database, string prefix) =>
        Only(IdPrefix.AllowEntry(database, prefix), "entry of the allow list", prefix, "'fangs allow list' shows the ids");

    /// <summary>As <see cref="ResolveRun"/>, for commands that change something.</summary>
    /// <exception cref="UsageException">The prefix is too short.</exception>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveRunForChange(ReadOnlyDatabase database, string prefix)
    {
        CheckIdForChange(prefix);
        return ResolveRun(database, prefix);
    }

    /// <summary>As <see cref="ResolveDeviation"/>, for commands that change something.</summary>
    /// <exception cref="UsageException">The prefix is too short.</exception>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveDeviationForChange(ReadOnlyDatabase database, string prefix)
    {
        CheckIdForChange(prefix);
        return ResolveDeviation(database, prefix);
    }

    /// <summary>As <see cref="ResolveAllowEntry"/>, for commands that change something.</summary>
    /// <exception cref="UsageException">The prefix is too short.</exception>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveAllowEntryForChange(ReadOnlyDatabase database, string prefix)
    {
        CheckIdForChange(prefix);
        return ResolveAllowEntry(database, prefix);
    }

    /// <summary>Refuses ids that are so short that a slip of the finger would change something else.</summary>
    /// <exception cref="UsageException">It is too short.</exception>
    public static void CheckIdForChange(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Length < ShortestIdForChange)
            throw new UsageException($"'{prefix}' is too short: commands that change something need at least {ShortestIdForChange} characters of an id");
    }

    private static string Only(PrefixMatch match, string what, string prefix, string remedy)
    {
        if (match.IsAmbiguous)
            throw new CliException($"several {Plural(what)} begin with {TerminalText.Cut(prefix, 40)}: give more digits", ExitCode.Ambiguous);
        return match.Id ?? throw new CliException($"no {what} begins with {TerminalText.Cut(prefix, 40)}: {remedy}", ExitCode.NotFound);
    }

    private static string Plural(string what) => what.StartsWith("entry", StringComparison.Ordinal) ? "entries of the allow list" : what + "s";

    /// <summary>Prints a line of text.</summary>
    public void Say(string line) => Environment.Out.WriteLine(line);
}
