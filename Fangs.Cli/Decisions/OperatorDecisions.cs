using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Postgres;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.Decisions;

/// <summary>Has decisions of the operator carried out: by the orchestrator that has the database open, or here when none has.</summary>
/// <remarks>
/// Only one process may decide at a time, or two could judge the same package at once. The lock of the database tells which: whoever
/// runs an orchestrator on it holds the lock, and says there how it is reached. Who gets the lock is the one.
/// </remarks>
public static class OperatorDecisions
{
    // A starting orchestrator holds the lock before it can be asked, and another call of this program holds it for a moment.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Flags of every command that decides something.</summary>
    public static IReadOnlyList<FlagSpec> Flags { get; } =
    [
        .. OrchestratorClient.Flags.Select(flag => flag.Name == OrchestratorClient.AddressFlag
            ? flag with { Default = "", Help = "address of the orchestrator; the one that has the database open when not given" }
            : flag),
    ];

    /// <summary>Carries out one decision.</summary>
    /// <param name="call">The call; its database is never created or migrated.</param>
    /// <param name="prepare">Makes the request; looks up in the database what the command line only names in part.</param>
    /// <exception cref="CliException">It was refused, or something that it is about does not exist.</exception>
    public static async Task<DecisionResponse> DecideAsync(Invocation call, Func<ReadOnlyDatabase, DecisionRequest> prepare)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(prepare);
        DecisionRequest request;
        using (var database = call.OpenDatabase())
        {
            database.RequireCurrent();
            request = prepare(database) with { By = call.OperatorName };
            if (request.Note is "") request = request with { Note = null };
        }

        if (call.Line.Text(OrchestratorClient.AddressFlag).Length > 0)
        {
            using var named = OrchestratorClient.FromFlags(call.Line);
            return await named.DecideAsync(request, call.Stop) ?? throw named.Unreachable();
        }

        return await DecideWhereTheLockIsAsync(call, request);
    }

    private static Uri? AddressFor(StorageTarget target) => target switch
    {
        StorageTarget.Sqlite file => OrchestratorFile.Read(file.Path),
        StorageTarget.Postgres server => PostgresDatabase.FindOrchestrator(server.Dsn),
        _ => null,
    };

    private static async Task<DecisionResponse> DecideWhereTheLockIsAsync(Invocation call, DecisionRequest request)
    {
        var clock = call.Environment.Clock;
        var since = clock.GetTimestamp();
        while (true)
        {
            if (LocalDecisions.TryOpen(call.Storage, clock, out var obstacle) is { } here)
            {
                await using (here) return await here.DecideAsync(request);
            }

            if (AddressFor(call.Storage) is { } address)
            {
                using var orchestrator = OrchestratorClient.FromFlags(call.Line, address.AbsoluteUri);
                // Nobody there: the address was left behind, and somebody else holds the lock.
                if (await orchestrator.DecideAsync(request, call.Stop) is { } answer) return answer;
            }

            // Waiting does not make a file accessible; the orchestrator of another user could have helped.
            if (obstacle is { InnerException: UnauthorizedAccessException }) throw obstacle;
            if (clock.GetElapsedTime(since) > Patience)
            {
                throw new CliException(
                    $"{call.Storage.Name} is in use, and the orchestrator that uses it cannot be reached: name its address with -orchestrator, or stop it");
            }

            await Task.Delay(Interval, clock, call.Stop);
        }
    }
}
