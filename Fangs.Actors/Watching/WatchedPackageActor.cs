using Akka.Actor;
using Fangs.Actors.Runners;
using Fangs.Actors.Storage;

namespace Fangs.Actors.Watching;

/// <summary>One watched package: polls when told, one poll at a time, and remembers in a line what the last one said.</summary>
/// <remarks><c>/user/watcher/{package}</c>, as long as the package is watched. What counts is in the tables, so its end loses nothing.</remarks>
public sealed class WatchedPackageActor : ReceiveActor
{
    private sealed record Done(PollOutcome Outcome) : INoSerializationVerificationNeeded;

    private sealed record Broke(Exception Cause) : INoSerializationVerificationNeeded;

    private readonly Action _cancel;
    private readonly CancellationToken _stopping;
    private readonly string _package;
    private readonly PackagePoll _poll;
    private string _state = "not polled yet";

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public WatchedPackageActor(string package, PackagePoll poll)
    {
        (_package, _poll) = (package, poll);
        var stop = new CancellationTokenSource();
        (_cancel, _stopping) = (stop.Cancel, stop.Token);
        Idle();
    }

    /// <summary>How to make it.</summary>
    public static Props Props(string package, PackagePoll poll) => Akka.Actor.Props.Create(() => new WatchedPackageActor(package, poll));

    /// <inheritdoc/>
    protected override void PostStop() => _cancel();

    private void Idle()
    {
        Receive<StartPoll>(_ =>
        {
            Become(Polling);
            // On the thread pool: opening the database and the like are not for the mailbox's thread.
            var (token, poll, package) = (_stopping, _poll, _package);
            Task.Run(() => poll.RunAsync(package, token), token).PipeTo(Self, success: outcome => new Done(outcome), failure: cause => new Broke(cause));
        });
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine(_state)));
    }

    private void Polling()
    {
        Receive<Done>(done =>
        {
            _state = Describe(done.Outcome);
            Become(Idle);
            Context.Parent.Tell(new PackagePolled(_package, done.Outcome));
        });
        // The store, or a mistake of ours: whatever it was, the poll did not end, and the parent decides.
        Receive<Broke>(broke => throw new StorageException($"{_package} could not be polled: {broke.Cause.Message}", broke.Cause));
        Receive<GetStateLine>(_ => Sender.Tell(new StateLine("polling; before that: " + _state)));
    }

    private static string Describe(PollOutcome outcome) => outcome switch
    {
        { IsWatched: false } => "not watched any more",
        { Result: { } result } => $"latest {(result.Latest.Length > 0 ? result.Latest : "unknown")}, {result.Waiting} waiting, next poll {outcome.NextCheckAt:HH:mm:ss}Z",
        _ => $"{outcome.Error}; next poll {outcome.NextCheckAt:HH:mm:ss}Z",
    };
}
