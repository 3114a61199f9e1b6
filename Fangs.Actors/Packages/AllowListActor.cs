using Akka.Actor;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>One change of the allow list: stores it, has the runs that it concerns judged again by their packages, and answers when that is done.</summary>
/// <remarks>Below <c>/user/packages</c>, for the one change.</remarks>
public sealed class AllowListActor : ReceiveActor
{
    private sealed record Stored(DecisionOutcome Outcome, AllowChange? Change) : INoSerializationVerificationNeeded;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly IActorRef _asker;
    private readonly IActorRef _packages;
    private readonly HashSet<RunId> _pending = [];
    private DecisionOutcome _outcome = null!;
    private AllowChange? _change;

    /// <summary>Creates it; use <see cref="Props"/>.</summary>
    public AllowListActor(DecisionRequest request, IActorRef asker, PackageLedger ledger, IActorRef packages)
    {
        (_asker, _packages) = (asker, packages);
        Receive<Stored>(OnStored);
        Receive<Status.Failure>(End);
        Receive<RunAnalysed>(OnRunAnalysed);
        Receive<ReceiveTimeout>(_ => End(new Status.Failure(new StorageException(
            $"The change of the allow list is stored, but {_pending.Count} runs could not be judged again yet; that goes on"))));
        ledger.ChangeAllowAsync(request).PipeTo(Self, success: result => new Stored(result.Outcome, result.Change));
    }

    /// <summary>How to make one.</summary>
    public static Props Props(DecisionRequest request, IActorRef asker, PackageLedger ledger, IActorRef packages) =>
        Akka.Actor.Props.Create(() => new AllowListActor(request, asker, ledger, packages));

    private void OnStored(Stored stored)
    {
        (_outcome, _change) = (stored.Outcome, stored.Change);
        foreach (var run in _change?.Runs ?? [])
        {
            _pending.Add(run.RunId);
            _packages.Tell(new AnalyseRun(run.RunId, run.Package));
        }

        Context.SetReceiveTimeout(Patience);
        EndWhenDone();
    }

    private void OnRunAnalysed(RunAnalysed analysed)
    {
        _pending.Remove(analysed.RunId);
        EndWhenDone();
    }

    private void EndWhenDone()
    {
        if (_pending.Count == 0) End(_change is null ? _outcome : PackageLedger.WithEffect(_outcome, _change.Runs));
    }

    private void End(object answer)
    {
        _asker.Tell(answer);
        Context.Stop(Self);
    }
}
