using Akka.Actor;
using Fangs.Protocol;

namespace Fangs.Actors.Jobs;

/// <summary>A poll that waits for a job.</summary>
/// <param name="Runner">Whose.</param>
/// <param name="PollId">Which.</param>
/// <param name="DropsPerRun">Whether the runner reports drops per run.</param>
/// <param name="Asker">Gets the answer.</param>
/// <param name="RunnerRef">The runner's actor, told when the poll ends.</param>
/// <param name="IdleSince">Since when the runner has had nothing to do.</param>
/// <param name="Number">Rises with each poll; breaks ties.</param>
/// <param name="Since">When it came.</param>
public sealed record ParkedPoll(
    RunnerId Runner, Guid PollId, bool DropsPerRun, IActorRef Asker, IActorRef RunnerRef, DateTimeOffset IdleSince, long Number, DateTimeOffset Since);

/// <summary>The polls that wait, by poll, by runner, and by how long their runner has been idle. Not persisted: after a restart runners poll again.</summary>
internal sealed class ParkedPolls
{
    private readonly Dictionary<Guid, ParkedPoll> _byId = [];
    private readonly Dictionary<RunnerId, List<ParkedPoll>> _byRunner = [];
    private readonly SortedSet<ParkedPoll> _byIdleness = new(Comparer<ParkedPoll>.Create(
        (a, b) => a.IdleSince != b.IdleSince ? a.IdleSince.CompareTo(b.IdleSince) : a.Number.CompareTo(b.Number)));

    public int Count => _byId.Count;

    /// <summary>Adds a poll and returns those of the same runner that are too many now, oldest first.</summary>
    public IReadOnlyList<ParkedPoll> Add(ParkedPoll poll, int slots)
    {
        if (!_byRunner.TryGetValue(poll.Runner, out var polls)) _byRunner[poll.Runner] = polls = new List<ParkedPoll>(1);
        List<ParkedPoll>? displaced = null;
        while (polls.Count >= slots && Remove(polls[0].PollId) is { } older) (displaced ??= []).Add(older);
        if (polls.Count == 0) _byRunner[poll.Runner] = polls; // Remove may have dropped the empty list
        polls.Add(poll);
        _byId.Add(poll.PollId, poll);
        _byIdleness.Add(poll);
        return displaced ?? [];
    }

    /// <summary>Takes a poll out; null when it is not there any more.</summary>
    public ParkedPoll? Remove(Guid pollId)
    {
        if (!_byId.Remove(pollId, out var poll)) return null;
        _byIdleness.Remove(poll);
        var polls = _byRunner[poll.Runner];
        polls.Remove(poll);
        if (polls.Count == 0) _byRunner.Remove(poll.Runner);
        return poll;
    }

    /// <summary>The poll that a job for this target would answer: the runner's oldest, or of any runner the one idle longest.</summary>
    public ParkedPoll? For(RunnerId target)
    {
        if (target == RunnerId.Any) return _byIdleness.Min;
        return _byRunner.TryGetValue(target, out var polls) ? polls[0] : null;
    }

    /// <summary>Takes out all polls of one runner.</summary>
    public IReadOnlyList<ParkedPoll> RemoveOf(RunnerId runner) =>
        _byRunner.TryGetValue(runner, out var polls) ? [.. polls.ToArray().Select(p => Remove(p.PollId)!)] : [];

    /// <summary>Takes out all polls.</summary>
    public IReadOnlyList<ParkedPoll> RemoveAll() => [.. _byId.Keys.ToArray().Select(id => Remove(id)!)];
}
