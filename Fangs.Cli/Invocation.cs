using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;

namespace Fangs.Cli;

/// <summary>One call of the program: what was asked, and what commands need to answer.</summary>
/// <param name="Environment">The outside.</param>
/// <param name="Line">The command line.</param>
/// <param name="Stop">Cancelled by Ctrl-C or SIGTERM.</param>
public sealed record Invocation(CliEnvironment Environment, CommandLine Line, CancellationToken Stop)
{
    private readonly TaskCompletionSource<int> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether JSON is wanted.</summary>
    public bool IsJson => Line.IsSet(GlobalFlags.Json);

    /// <summary>The database file as given.</summary>
    public string SqlitePath => Line.Text(GlobalFlags.SqlitePath);

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
    public ReadOnlyDatabase OpenDatabase() => ReadOnlyDatabase.Open(SqlitePath);

    /// <summary>Finds the one run that a full id or prefix names.</summary>
    /// <exception cref="CliException">None or several fit.</exception>
    public static string ResolveRun(ReadOnlyDatabase database, string prefix)
    {
        var match = RunQueries.Resolve(database, prefix);
        if (match.IsAmbiguous) throw new CliException($"several runs begin with {TerminalText.Cut(prefix, 40)}: give more digits", ExitCode.Ambiguous);
        return match.Id ?? throw new CliException(
            $"no run begins with {TerminalText.Cut(prefix, 40)}: ids are lower-case hex digits, 'fangs run list' shows them", ExitCode.NotFound);
    }

    /// <summary>Prints a line of text.</summary>
    public void Say(string line) => Environment.Out.WriteLine(line);
}
