using Fangs.Actors.Hosting;
using Fangs.Actors.Packages;
using Fangs.Actors.Storage;
using Fangs.Cli.Arguments;
using Fangs.Protocol;

namespace Fangs.Cli.Decisions;

/// <summary>Carries decisions out in this process, while it holds the lock of the database.</summary>
internal sealed class LocalDecisions : IAsyncDisposable
{
    private readonly Store _store;

    private LocalDecisions(Store store) => _store = store;

    /// <summary>Takes the lock; null while somebody else holds it, or when it is not for this user.</summary>
    /// <param name="target">A database that exists and has the schema of this build.</param>
    /// <param name="clock">The time.</param>
    /// <param name="obstacle">Why it could not be taken.</param>
    /// <exception cref="StorageUnusableException">The database cannot be used by anybody.</exception>
    internal static LocalDecisions? TryOpen(StorageTarget target, TimeProvider clock, out StorageUnusableException? obstacle)
    {
        obstacle = null;
        try
        {
            return new LocalDecisions(new Store(target switch
            {
                StorageTarget.Sqlite file => new CoreSettings { SqlitePath = file.Path },
                StorageTarget.Postgres server => new CoreSettings { Postgres = server.Dsn },
                _ => throw new ArgumentException("unknown storage", nameof(target)),
            }, clock));
        }
        catch (StorageUnusableException e) when (e.InnerException is IOException or UnauthorizedAccessException or StorageInUseException)
        {
            obstacle = e;
            return null;
        }
    }

    /// <summary>Carries out one decision.</summary>
    /// <exception cref="UsageException">A field of the request is wrong.</exception>
    /// <exception cref="CliException">It was refused, or something that it is about does not exist.</exception>
    internal async Task<DecisionResponse> DecideAsync(DecisionRequest request)
    {
        var outcome = await _store.Ledger.DecideAsync(request);
        return outcome switch
        {
            { Response: { } response } => response,
            { Fault: DecisionFault.Invalid } => throw new UsageException(outcome.Reason),
            { Fault: DecisionFault.NotFound } => throw new CliException(TerminalText.Cut(outcome.Reason, 500), ExitCode.NotFound),
            _ => throw new CliException(TerminalText.Cut(outcome.Reason, 500)),
        };
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();
}
