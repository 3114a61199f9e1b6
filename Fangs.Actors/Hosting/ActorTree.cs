using Akka.Actor;
using Fangs.Actors.Runners;

namespace Fangs.Actors.Hosting;

/// <summary>One line of the actor tree.</summary>
/// <param name="Path">Path without the system's address.</param>
/// <param name="State">What the actor says of itself; empty when it says nothing.</param>
/// <param name="Children">How many children it has.</param>
/// <param name="Mailbox">How many messages wait for it.</param>
/// <param name="Failures">How often it has failed since the start of the process, each time restarted or stopped by its supervisor.</param>
public sealed record ActorTreeLine(string Path, string State, int Children, int Mailbox, int Failures);

/// <summary>Reads the live tree of actors below <c>/user</c>.</summary>
public static class ActorTree
{
    private const int MaxChildrenShown = 200;
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromMilliseconds(500);

    /// <summary>Walks the tree and asks each actor for its state in a line. Of very many children the first are shown.</summary>
    public static async Task<IReadOnlyList<ActorTreeLine>> ReadAsync(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        var guardian = ((ExtendedActorSystem)system).Guardian;
        var lines = new List<(IActorRef Actor, int Children)>();
        Collect(guardian, lines);
        // Before they are asked: the questions themselves would wait in their mailboxes.
        var depths = lines.Select(line => (line.Actor as ActorRefWithCell)?.Underlying.NumberOfMessages ?? 0).ToList();
        var failures = FailureCounts.Of(system);
        var states = await Task.WhenAll(lines.Select(line => StateOf(line.Actor)));
        return [.. lines.Select((line, i) =>
        {
            var path = line.Actor.Path.ToStringWithoutAddress();
            return new ActorTreeLine(path, states[i], line.Children, depths[i], failures.Of(path));
        })];
    }

    private static void Collect(IActorRef parent, List<(IActorRef, int)> lines)
    {
        if (parent is not ActorRefWithCell cell) return;
        var children = cell.Children.OrderBy(c => c.Path.Name, StringComparer.Ordinal).ToArray();
        foreach (var child in children.Take(MaxChildrenShown))
        {
            if (child.Path.Name.StartsWith('$')) continue; // short-lived helpers
            var grandchildren = (child as ActorRefWithCell)?.Children.Count(c => !c.Path.Name.StartsWith('$')) ?? 0;
            lines.Add((child, grandchildren));
            Collect(child, lines);
        }
    }

    private static async Task<string> StateOf(IActorRef actor)
    {
        // Akka's own, made by the journal: it never answers, and everybody would wait for that.
        if (actor.Path.Name.StartsWith("StreamSupervisor-", StringComparison.Ordinal)) return "";
        try
        {
            return (await actor.Ask<object>(GetStateLine.Instance, AnswerWithin)) is StateLine line ? line.Text : "";
        }
        catch (AskTimeoutException)
        {
            return ""; // a busy one says nothing now
        }
    }
}
